"""What a kind says of a refusal (later, never, stop) decides over its status."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from engine_kinds import MemoryOutgoing
from push_scene import MakeRun, Scene, order, sent

from airflow_integrations.errors import SetupError
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.run import Services

ROUTE = {
    "entity": {"name": "order", "key": "order.number"},
    "delivery": {"batch": 10, "concurrency": 1},
}


@pytest.fixture
def scene(make_run: MakeRun, services: Services, tmp_path) -> Scene:
    return Scene(make_run, services, tmp_path)


async def test_later_and_never_decide_over_the_status(scene: Scene) -> None:
    given = {
        "A": Result("failed", reason="locked", http_status=200, cause="later", later=True),
        "B": Result("failed", reason="number is taken", http_status=500, cause="refused", later=False),
        "C": Result("failed", reason="busy", http_status=500, cause="refused"),
        "D": Result("delivered"),
    }
    MemoryOutgoing.answer = lambda batch: [given[outbound.key] for outbound in batch]
    balance = await scene.run(*(order(key) for key in given), route=ROUTE)
    assert balance.lines()[0] == "4 fetched = 1 delivered + 1 failed + 2 retrying"


async def test_a_result_that_refuses_the_credentials_stops_the_run_and_loses_nothing(scene: Scene) -> None:
    def answer(batch: Sequence[Outbound]) -> list[Result]:
        return [
            Result("delivered") if position else Result("pending", reason="session is over", cause="setup")
            for position, _ in enumerate(batch)
        ]

    MemoryOutgoing.answer = answer
    with pytest.raises(SetupError, match="session is over"):
        await scene.run(*(order(str(number)) for number in range(30)), route=ROUTE)
    assert sent() == [str(number) for number in range(10)]
