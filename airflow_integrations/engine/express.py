"""A few entities go all the way at once: fetch's task does what the tasks behind it would do, and saves their start.

Each hand-over from task to task costs a loop of the scheduler and a process that imports everything again, ten times
what the work itself takes.
"""

from __future__ import annotations

import asyncio

from airflow_integrations.engine.ahead import for_push, for_transform
from airflow_integrations.engine.push import push
from airflow_integrations.engine.settle import Balance, settle
from airflow_integrations.engine.transform import transform
from airflow_integrations.engine.windows import as_fetched
from airflow_integrations.errors import IntegrationError
from airflow_integrations.run import Run, Services
from airflow_integrations.staging import Manifest, Staging

__all__ = ["MOST_ENTITIES", "all_the_way", "goes_express"]

MOST_ENTITIES = 1_000
"""More than these are left to the tasks behind, each of which has its own retries and its own log."""


def goes_express(run: Run, fetched: Manifest) -> bool:
    """Whether a run is worth it: one that was rung for, with so few entities that one task may do all of it."""
    count = fetched.entities + sum(segment.entities for segment in fetched.carried)
    return run.events and for_transform(fetched) and count <= MOST_ENTITIES


async def all_the_way(
    run: Run, services: Services, staging: Staging, fetched: Manifest, stop: asyncio.Event
) -> tuple[list[Manifest], Balance | None]:
    """Transform, push and settle what fetch has staged. The manifests of the stages that came to their end, and the
    books, if all did.

    Whatever stands in the way is logged and left to the tasks behind, which go on from what is staged: they have the
    retries, and people look for it there.
    """
    run, done = as_fetched(run, staging), list[Manifest]()
    try:
        transformed = await transform(run, services, staging)
        done.append(transformed)
        if for_push(fetched, transformed):
            done.append(await push(run, services, staging, stop))
        balance = await settle(run, services, staging)
    except IntegrationError as error:
        services.log.warning("left to the tasks behind: %s", error)
        return done, None
    services.log.info("%s", balance.lines()[0])
    return done, balance
