"""The judgement: what the source gave, what the target holds and what the ledger says must tell one story."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, func, select
from sqlalchemy.pool import NullPool

from airflow_integrations.engine.disk_space import forget
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.status import KEPT
from airflow_integrations.ledger.storage import tables
from airflow_integrations.route.retention import Retention
from chaos.definition import ROUTE, expected, number, total
from chaos.processes import Servers

__all__ = ["Verdict", "judge", "open_entities", "rows_of", "wrong_books"]

UNDECIDED = frozenset({"pending", "in_flight", "retrying", "in_doubt", "waiting"})
CAME = ("fetched", "carried_in", "split_added", "deletes_emitted")
A_DAY = 86_400.0
AT_MOST_TOLD = 5
"""Of one sort of fault."""


def rows_of(ledger: str, query: Any) -> list[Any]:
    """What a ledger, given by its URL, answers."""
    engine = create_engine(ledger, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            return list(connection.execute(query))
    finally:
        engine.dispose()


def open_entities(ledger: str) -> int:
    """How many entities of the route have no fate yet: in their rows, or in somebody's claim."""
    rows = select(func.count()).select_from(tables.entity).where(tables.entity.c.status.in_(UNDECIDED))
    claims = select(func.count()).select_from(tables.claim)
    return int(rows_of(ledger, rows)[0][0]) + int(rows_of(ledger, claims)[0][0])


class Verdict:
    """``wrong`` is empty where everything is as it must be; ``figures`` are what was counted."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.figures: dict[str, Any] = {}

    def _add(self, what: str, found: Iterator[str]) -> None:
        told = list(found)
        if told:
            more = f" and {len(told) - AT_MOST_TOLD} more" if len(told) > AT_MOST_TOLD else ""
            self.wrong.append(f"{len(told)} {what}: {'; '.join(told[:AT_MOST_TOLD])}{more}")


def judge(ledger: str, servers: Servers, staging: Path, entities: int, *, changed: bool = True) -> Verdict:
    """Compare every item, every run's books and every folder in staging; what nobody needs any more is removed there.

    ``changed``: the second window was run too.
    """
    verdict = Verdict()
    table = tables.entity.c
    asked = select(table.key, table.status, table.version, table.message, table.delivered_version)
    rows = {row.key: row for row in rows_of(ledger, asked)}
    taken, counts = servers.books()
    verdict._add("items with the wrong fate", _wrong_fates(rows, entities, changed))
    verdict._add("items not as the target must hold them", _wrong_at_target(taken, entities, changed))
    verdict._add("items that the target got needlessly", _unwanted(counts))
    verdict._add("runs whose books are wrong", wrong_books(ledger))
    verdict._add("claims that are left", (str(row) for row in rows_of(ledger, select(tables.claim.c.id))))
    verdict._add("folders of runs that nobody needs", _needless_folders(ledger, staging))
    verdict.figures = {
        "fates": dict(Counter(row.status for row in rows.values())),
        "taken": sum(len(versions) for versions in taken.values()),
        **{name: counts.get(name, 0) for name in ("requests", "replayed", "recognised", "needless", "inverted")},
        "faults": {name: counts.get(name, 0) for name in ("500", "429", "reset", "hang")},
    }
    return verdict


def _wrong_fates(rows: dict[str, Any], entities: int, changed: bool) -> Iterator[str]:
    for position in range(entities):
        row, (fate, version) = rows.get(number(position)), expected(position, changed=changed)
        if row is None:
            yield f"{number(position)} is unknown to the ledger, expected {fate}"
            continue
        as_delivered = fate == "delivered" and row.delivered_version == str(version)
        right = as_delivered and row.status in ("delivered", "unchanged", "superseded")
        if not right and (row.status != fate or row.version not in (str(version), None)):
            yield f"{row.key} is {row.status} in version {row.version}, expected {fate} in {version}"
        elif fate in ("failed", "rejected") and not row.message:
            yield f"{row.key} is {fate} without a reason"


def _wrong_at_target(taken: dict[str, list[tuple[int, str]]], entities: int, changed: bool) -> Iterator[str]:
    for position in range(entities):
        fate, last = expected(position, changed=changed)
        held = taken.get(number(position), [])
        versions = [version for version, _ in held]
        if versions != sorted(set(versions)):
            yield f"{number(position)} was taken as {versions}"
        if fate == "delivered" and held[-1:] != [(last, total(position, last))]:
            yield f"{number(position)} is held as {held[-1:]}, expected version {last}"
        if fate != "delivered" and held and versions[-1] == last:
            yield f"{number(position)} is held, expected {fate}"


def _unwanted(counts: dict[str, int]) -> Iterator[str]:
    if counts.get("needless"):
        yield f"{counts['needless']} came again under another key though they had been answered for"
    if counts.get("inverted"):
        yield f"{counts['inverted']} came after a later version"


def wrong_books(ledger: str) -> Iterator[str]:
    """Runs that are not finished, or do not balance."""
    for row in rows_of(ledger, select(tables.run.c.run_id, tables.run.c.finished, tables.run.c.counts)):
        counts = json.loads(row.counts)
        came = sum(counts.get(name, 0) for name in CAME)
        went = sum(count for name, count in counts.items() if name not in CAME and not name.startswith("step."))
        if row.finished is None:
            yield f"{row.run_id} is not finished"
        elif came != went or counts.get("pending") or counts.get("in_flight"):
            yield f"{row.run_id} has {counts}"


def _needless_folders(ledger: str, staging: Path) -> Iterator[str]:
    """What is left after all payloads may go must be payloads of entities that are open or wrong."""
    with Ledger.open(ledger) as opened:
        forget(opened, str(staging), {ROUTE: Retention(payloads="0s")}, time.time() + A_DAY)
    run, entity = tables.run.c, tables.entity.c
    wrong = select(entity.payload_run).where(entity.status.in_(KEPT))
    needed = {row.staging for row in rows_of(ledger, select(run.staging).where(run.id.in_(wrong)))}
    for folder in sorted((staging / ROUTE).glob("*")):
        if str(folder) not in needed:
            yield folder.name
