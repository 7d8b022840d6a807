"""Pieces of the source, such as files, that are read once: when they are done with, and when a fetch must not begin
again because they are gone."""

from __future__ import annotations

from typing import Any

from airflow_integrations.engine.fetch.windows import moves_cursor
from airflow_integrations.errors import IntegrationError, RunError
from airflow_integrations.route.definition import Route
from airflow_integrations.route.hash import data_hash
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.manifest import Manifest, SourcePiece

__all__ = ["let_go", "source_is_gone", "to_let_go"]


async def source_is_gone(run: Run, services: Services, saved: Manifest | None) -> bool:
    """Whether a complete fetch must not begin again, as when its task is cleared: pieces that it had read are not in
    the source any more. What it has staged is then all there is.

    Raises RunError where that was staged by another definition of the route, and so cannot be used.
    """
    if saved is None or not saved.complete or not (pieces := saved.pieces_read()):
        return False
    there = getattr(_incoming(run.route), "still_there", None)
    if there is None or await there(run, services, pieces):
        return False
    if saved.route_hash != data_hash(run.route):
        raise RunError(
            "what this run had read was moved or deleted since, and the route has changed: it can neither be read "
            "again nor used as it is staged. Put the files back where incoming looks for them, and clear fetch again"
        )
    return True


def to_let_go(run: Run, fetched: Manifest | None) -> list[SourcePiece]:
    """The pieces that count as read now that every entity of the run has its fate: those of a run that fetched what is
    new, not of one that was asked for a window, for keys, or for a backfill. ``run`` is :func:`as_fetched`."""
    return fetched.pieces_read() if fetched is not None and moves_cursor(run) else []


async def let_go(run: Run, services: Services, pieces: list[SourcePiece]) -> None:
    """The kind does with pieces that were read what is to become of them. What fails is done by the next run."""
    settled = getattr(_incoming(run.route), "settled", None) if pieces else None
    if settled is None or services.rehearsal is not None:
        return
    try:
        await settled(run, services, pieces)
    except (IntegrationError, OSError) as error:
        services.log.warning("what was read could not be put away; the next run does it: %s", error)


def _incoming(route: Route) -> Any:
    return route.incoming.component()(route.incoming.config, route)
