"""A few entities go all the way at once: fetch's task does what the tasks behind it would do, and saves their start.

Each hand-over from task to task costs a loop of the scheduler and a process that imports everything again, ten times
what the work itself takes.
"""

from __future__ import annotations

import asyncio

from airflow_integrations.engine.fetch.windows import as_fetched
from airflow_integrations.engine.next_stages import for_push, for_transform
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import IntegrationError
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

__all__ = ["fits_single_task", "run_all_stages"]


def fits_single_task(run: Run, fetched: Manifest) -> bool:
    """Whether the run has at most ``tasks.together`` entities; more are left to the tasks behind, each of which has its
    own retries and its own log, and may run elsewhere."""
    count = fetched.entities + sum(segment.entities for segment in fetched.carried)
    return for_transform(fetched) and count <= run.route.tasks.most_together


async def run_all_stages(
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
