"""Checks of this installation and of what Airflow is configured with."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

from airflow_integrations.cli.airflow_access import (
    clock_skew,
    ledger_place,
    missing_pools,
    open_ledger,
    pools_wanted,
    staging_base,
    staging_max_bytes,
)
from airflow_integrations.cli.version import versions
from airflow_integrations.errors import IntegrationError, SetupError
from airflow_integrations.plurals import counted
from airflow_integrations.route_files.load import RouteFiles
from airflow_integrations.staging.folder import Staging

__all__ = ["Check", "Status", "consumers", "surroundings_checks"]

Status = Literal["ok", "warning", "failed", "not checked"]

AIRFLOW = ((3, 3), (3, 5))

PYTHON = (3, 11)

MOST_SKEW = 30.0
"""Seconds between the clocks of workers that leases and pauses put up with."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. ``public`` is what a bug report may say where that is less than ``detail``."""

    status: Status
    what: str
    detail: str
    public: str | None = None


def surroundings_checks() -> list[Check]:
    return [*_versions(), _pools(), _staging(), *_ledger()]


def _versions() -> Iterator[Check]:
    found = versions()
    yield Check("ok" if sys.version_info >= PYTHON else "failed", "Python", found["python"])
    airflow = found["apache-airflow"]
    numbers = tuple(int(part) if part.isdigit() else 0 for part in airflow.split(".")[:2])
    fits = AIRFLOW[0] <= numbers < AIRFLOW[1]
    wanted = "" if fits else f"; supported are {_dotted(AIRFLOW[0])} up to, not including, {_dotted(AIRFLOW[1])}"
    yield Check("ok" if fits else "failed", "Airflow", airflow + wanted)


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))


def _pools() -> Check:
    if not pools_wanted():
        return Check("ok", "pools", "not used: [integrations] pools is not set, tasks run in default_pool")
    try:
        missing = missing_pools()
    except SetupError as error:
        return Check("failed", "pools", str(error), "the metadata database cannot be used")
    if missing:
        return Check(
            "failed",
            "pools",
            f"missing: {', '.join(missing)}; tasks would wait for ever. Run airflow-integrations pools create",
        )
    return Check("ok", "pools", "there is one for each priority")


def _staging() -> Check:
    """Writes, reads and removes a small file, as a run does."""
    base = staging_base()
    kind = base.partition("://")[0] if "://" in base else "a local folder"
    staging = Staging(base, ".doctor", uuid4().hex)
    try:
        staging.write("probe", b"probe")
        read = (staging.folder / "probe").read_bytes()
        staging.clean()
        if staging.local:
            staging.folder.parent.rmdir()
    except Exception as error:  # every kind of storage has its own
        detail = f"{base} cannot be written and read: {type(error).__name__}: {error}"
        return Check("failed", "staging", detail, f"{kind}: {type(error).__name__}")
    if read != b"probe":
        return Check("failed", "staging", f"{base} gives back other bytes than were written", kind)
    return Check(
        "ok", "staging", f"{base}: written, read and removed a file", f"{kind}: written, read and removed a file"
    )


def _ledger() -> Iterator[Check]:
    """Opens it as a task does, which creates or migrates it."""
    place = ledger_place()
    kind = place.partition(",")[0]
    try:
        with open_ledger() as ledger:
            from airflow_integrations.ledger.maintenance.retention import usage

            held, skew, schema = usage(ledger), clock_skew(ledger), ledger.schema
    except IntegrationError as error:
        yield Check("failed", "ledger", f"{place}: {error}", kind)
        return
    told = (
        f"schema {schema}, {counted(held.entities, 'entity')} ({held.open:,} open) of {counted(held.runs, 'run')}, "
        f"{_megabytes(held.database_bytes)}; payloads in staging: {_megabytes(held.staged_bytes)}"
    )
    yield Check("ok", "ledger", f"{place}: {told}", f"{kind}: {told}")
    if skew is not None:
        late = abs(skew) > MOST_SKEW
        detail = f"{abs(skew):.1f} s {'before' if skew > 0 else 'behind'} this machine's"
        yield Check("warning" if late else "ok", "clock of the ledger", detail + ("; set both by NTP" if late else ""))
    try:
        limit = staging_max_bytes()
    except SetupError as error:
        yield Check("failed", "staging_max_bytes", str(error))
        return
    if limit is not None and held.staged_bytes >= limit:
        detail = f"reached: {_megabytes(held.staged_bytes)} of {_megabytes(limit)}; fetch waits until there is room"
        yield Check("warning", "staging_max_bytes", detail)


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000:,.1f} MB"


def consumers(found: RouteFiles) -> int:
    """How many of the routes have one."""
    triggers = [loaded.route.trigger for loaded in found.routes.values()]
    return sum(trigger is not None and trigger.latency == "low" for trigger in triggers)
