"""Beside its books a run's row says how many entities came out of each step of transform: the console draws them."""

from __future__ import annotations

from collections.abc import Callable

from engine_kinds import MemoryIncoming

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.ledger.queries.overview import runs
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging


async def test_what_filters_and_splits_and_merges_let_through_is_counted(
    make_run: Callable[..., Run], services: Services, staging: Staging
) -> None:
    MemoryIncoming.pages_to_give = [
        [{"number": 1, "lines": ["a", "b"]}, {"number": 2, "lines": ["c"]}, {"number": 3, "lines": []}]
    ]
    steps = [
        {"filter": "order.number < 3"},
        {"split": {"each": "order.lines", "key": "order.number", "map": {"line": "item"}}},
        {"merge": "last"},
    ]
    run = make_run(route={"transform": steps})
    await fetch(run, services, staging)
    await transform(run, services, staging)
    await push(run, services, staging)
    balance = await settle(run, services, staging)
    assert balance.balanced
    assert not [name for name in balance.counts if name.startswith("step.")]
    (books,) = runs(services.ledger, "orders").runs
    assert {name: count for name, count in books.counts.items() if name.startswith("step.")} == {
        "step.0": 2,
        "step.1": 3,
        "step.2": 2,
    }
