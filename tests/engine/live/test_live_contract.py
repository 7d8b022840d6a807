"""A live run of a route with a contract: what it takes is learned, and what breaks the contract is rejected alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from consumer_scene import Scene, numbers

from airflow_integrations.ledger.contract import learned_of
from airflow_integrations.route.contracts.learned import drifts


@pytest.mark.parametrize("action", ["reject", "fail"])
async def test_what_breaks_the_contract_is_rejected_alone(make_scene: Callable[..., Scene], action: str) -> None:
    scene = make_scene(contract={"learn": 1, "on_type_change": action})
    runs: list[list[dict[str, Any]]] = [
        [{"number": 1, "total": 1}],
        [{"number": 2, "total": "x"}, {"number": 3, "total": 2}],
    ]
    for records in runs:
        task = scene.begin()
        await scene.put(*records)
        await scene.until(lambda: all(scene.status(str(one["number"])) for one in records))  # noqa: B023
        await scene.end(task)
    assert (scene.status("2"), scene.status("3"), numbers()) == ("rejected", "delivered", [1, 3])
    learned = learned_of(scene.ledger, "orders")
    assert learned is not None
    assert [str(drift) for drift in drifts(learned)] == ["total is text, and was number"]
