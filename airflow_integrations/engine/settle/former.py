"""Entities that a run took over as the record that they were made of, and that this record no longer makes."""

from __future__ import annotations

import asyncio

from airflow_integrations.engine.settle.unaccounted import keys_of
from airflow_integrations.ledger.records import Outcome, RunRef
from airflow_integrations.ledger.runs.fetch_queries import not_decided
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

__all__ = ["end_former", "splits"]

_REASON = "the record that it was made of was taken through the route again, and makes others"


def splits(route: Route) -> bool:
    """What is split has no fate of its own; its parts have."""
    return any(step.kind == "split" for step in route.transform)


async def end_former(route: Route, ref: RunRef, services: Services, staging: Staging, fetched: Manifest) -> None:
    """End what the run took over and has not decided: the whole that was rejected and is split now, the part that its
    whole no longer has, and what has another key by the route of now.

    Only for a run that came to its end by itself, whose books balance and in which every entity has its fate: one that
    died may have taken over what it staged nowhere, and that is given back. Nothing else is ended here: of a route
    without a split, what has a line of its own in the run is given back.
    """
    left = dict(await asyncio.to_thread(not_decided, services.ledger, ref))
    if left and not splits(route):
        for key in keys_of(staging, fetched):
            left.pop(key, None)
    if left:
        ended = [Outcome(key=key, status="merged", version=version, reason=_REASON) for key, version in left.items()]
        await asyncio.to_thread(conclude, services.ledger, ref, ended, now=services.now())
