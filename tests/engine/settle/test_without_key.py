"""What has no usable key is found with its reason and its record, as long as the run is staged."""

from __future__ import annotations

from collections.abc import Callable

from engine_kinds import MemoryIncoming

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.settle.without_key import without_key
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging


async def test_entities_without_a_key_are_listed_and_the_others_are_not(
    make_run: Callable[..., Run], services: Services, staging: Staging
) -> None:
    records = [{"number": 1}, {"number": None, "n": 2}, {"n": 3}, {"number": "x" * 600, "n": 4}, {"number": 5}]
    MemoryIncoming.pages_to_give = [records]
    run = make_run(route={"transform": [{"map": {"Number": "1 // (order.number - 5)"}}]})
    for stage in (fetch, transform, push):
        await stage(run, services, staging)
    balance = await settle(run, services, staging)
    found = without_key(staging)
    assert [problem.value for problem in found.problems] == records[1:4]
    assert all(problem.reason for problem in found.problems)
    assert (found.more, balance.counts["rejected"]) == (False, 4)
    assert [(p.value, more) for p, more in [(without_key(staging, most=1).problems[0], True)]] == [(records[1], True)]
    assert without_key(staging, most=2).more
    staging.clean()
    assert without_key(staging) == ((), False)
