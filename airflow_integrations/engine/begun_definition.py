"""The definition that a run began with: kept by its fetch, used by the stages behind it also where the route is edited
in between.

What a run has fetched is transformed, sent and settled by one definition. Whoever clears the task fetch of a run wants
the new one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from airflow_integrations.route.definition import Route
from airflow_integrations.route.files.packed import pack, unpack
from airflow_integrations.route.hash import data_hash
from airflow_integrations.run import Run
from airflow_integrations.staging.folder import Staging

__all__ = ["Definition", "begun_with", "keep_definition", "kept_route"]

_NAME = "definition.zst"


@dataclass(frozen=True, slots=True)
class Definition:
    """What the stages of a run work by."""

    route: Route
    params: Mapping[str, Any] | None = None
    """The route's params as the run's fetch had them; None: as they are now."""


def keep_definition(run: Run, staging: Staging, log: logging.Logger) -> None:
    """Keep what the run works by beside what it stages. Where that cannot be, the stages after an edit say so."""
    try:
        staging.write_packed(_NAME, pack(run.route, run.params))
    except (ValueError, TypeError, OSError) as error:
        staging.remove(_NAME)
        log.info(
            "the definition is not kept: %s. Should the route be edited during this run, it has to fetch again", error
        )


@contextmanager
def begun_with(route: Route, staging: Staging, log: logging.Logger) -> Iterator[Definition]:
    """The definition that the run of ``staging`` goes on with; its files are there until the end of the context.

    ``route`` where it does the same with data as the one that the run began with, or where that cannot be had any
    more: then the stages refuse to go on. What is hidden is what either of them hides; retries, pauses, the number of
    requests at once, alerts, retention and the run's verdict go by ``route``, as it is now.
    """
    fetched = staging.manifest("fetch")
    if fetched is None or fetched.route_hash == data_hash(route):
        yield Definition(route)
        return
    with TemporaryDirectory(prefix="integrations-") as folder:
        try:
            begun, params = _kept(staging, Path(folder))
            if data_hash(begun) != fetched.route_hash:
                raise ValueError("its files were written while it began")
        except (ValueError, OSError) as error:
            reason = str(error).partition("\n")[0]
            log.warning("the route was edited since this run fetched, and what it began with cannot be had: %s", reason)
            yield Definition(route)
            return
        log.warning(
            "the route was edited since this run fetched: the run goes on with the definition that it began with "
            "(%s). Runs that begin now use the new one; to use it for this run, clear %s",
            fetched.route_hash[:12],
            "it when it has ended" if route.tasks.single else "its task fetch, with Downstream",
        )
        yield Definition(_as_told_now(begun, route), params)


@contextmanager
def kept_route(staging: Staging, log: logging.Logger) -> Iterator[Route | None]:
    """The route that the run of ``staging`` began with, where its file is gone or broken now; its files are there until
    the end of the context. None where it cannot be had."""
    with TemporaryDirectory(prefix="integrations-") as folder:
        try:
            route, _ = _kept(staging, Path(folder))
        except (ValueError, OSError) as error:
            log.warning("what the run began with cannot be had: %s", str(error).partition("\n")[0])
            yield None
        else:
            yield route


def _kept(staging: Staging, folder: Path) -> tuple[Route, dict[str, Any]]:
    content = staging.read_packed(_NAME)
    if content is None:
        raise ValueError("nothing is kept of it in staging")
    return unpack(content, folder)


def _as_told_now(begun: Route, now: Route) -> Route:
    told = {name: getattr(now.delivery, name) for name in ("concurrency", "fail_run", "retry")}
    return begun.model_copy(
        update={
            "mask": tuple(dict.fromkeys((*begun.mask, *now.mask))),
            "alerts": now.alerts,
            "retention": now.retention,
            "delivery": begun.delivery.model_copy(update=told),
        }
    )
