"""A run that has not ended says how far it is."""

from __future__ import annotations

from collections.abc import Callable

from engine_kinds import MemoryIncoming

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.run_progress import run_progress
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging


async def test_each_stage_is_named_with_what_it_has_done(
    make_run: Callable[..., Run], services: Services, staging: Staging
) -> None:
    MemoryIncoming.pages_to_give = [[{"number": n} for n in range(5)]]
    run = make_run(route={"transform": [{"filter": "order.number > 0"}]})
    told = [run_progress(staging)]
    for stage in (fetch, transform, push):
        await stage(run, services, staging)
        told.append(run_progress(staging))
    assert told == [
        "running, fetch",
        "running, transform of 5",
        "running, push 0 of 4",
        "running, push 4 of 4",
    ]
