"""A route with a contract: what its first runs learn, and what becomes of a run whose entities differ from that."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, NoConnections

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.settle import problems, settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import AnswerError
from airflow_integrations.ledger.contract import accept_drift, change_learned, forget_learned, learned_of
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.store import find_values
from airflow_integrations.route.contracts.learned import Learned, drifts, learn_from, lines
from airflow_integrations.route.contracts.options import ContractOptions
from airflow_integrations.route.contracts.seen import Seen
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging


class Scene:
    """Runs of one route, one after the other, each with records of its own."""

    def __init__(self, make_run: Callable[..., Run], services: Services, folder: Path) -> None:
        self.make_run, self.services, self.folder, self.count = make_run, services, folder, 0
        self.contract: dict[str, Any] = {"learn": 1}
        self.transform: list[dict[str, Any]] = [{"map": {"number": "order.number"}}]

    def begin(self, *records: dict[str, Any], **asked: Any) -> tuple[Run, Staging]:
        self.count += 1
        MemoryIncoming.pages_to_give = [list(records)]
        name = f"run-{self.count}"
        route = {"contract": self.contract, "transform": self.transform}
        return self.make_run(route=route, run_id=name, **asked), Staging(self.folder, "orders", name)

    async def whole(self, *records: dict[str, Any], **asked: Any) -> tuple[Balance, list[str]]:
        run, staging = self.begin(*records, **asked)
        await fetch(run, self.services, staging)
        warnings = (await transform(run, self.services, staging)).warnings
        await push(run, self.services, staging)
        return await settle(run, self.services, staging), warnings

    def known(self) -> list[str]:
        learned = learned_of(self.services.ledger, "orders")
        return [] if learned is None else [str(drift) for drift in drifts(learned)]


@pytest.fixture
def services(clock: Clock, ledger_url: str) -> Iterator[Services]:
    """On both databases."""
    with Ledger.open(ledger_url) as ledger:
        yield Services(NoConnections(), now=clock, ledger=ledger)


@pytest.fixture
def scene(make_run: Callable[..., Run], services: Services, tmp_path: Path) -> Scene:
    return Scene(make_run, services, tmp_path)


def orders(*numbers: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"number": number, "total": 1.5, **fields} for number in numbers]


async def test_what_differs_is_told_and_everything_goes_on(scene: Scene) -> None:
    assert (await scene.whole(*orders(1, 2)))[1] == []
    balance, warnings = await scene.whole(
        *orders(3), {"number": 4, "vat": "x"}, {"number": 5, "total": "1", "vat": "y"}
    )
    assert (balance.counts["delivered"], balance.verdict) == (3, None)
    assert warnings == [
        "contract: vat is a new field (text), in 2 entities, first in 4",
        "contract: total is text; number was learned, in 1 entity, first in 5",
        "contract: airflow-integrations contract accept orders takes this for right",
    ]
    assert scene.known() == ["total is text, and was number", "vat is new (text)"]


async def test_an_entity_that_breaks_the_contract_is_rejected_alone(scene: Scene) -> None:
    scene.contract["on_type_change"] = "reject"
    await scene.whole(*orders(1))
    run, staging = scene.begin(*orders(2), *orders(3, total="1,50"), *orders(4, vat="x"))
    await fetch(run, scene.services, staging)
    await transform(run, scene.services, staging)
    [problem] = problems(staging)
    assert (problem.key, problem.field, problem.reason) == ("3", "total", "contract: total is text; number was learned")
    assert problem.value == {"number": 3, "total": "1,50"}  # as the source gave it
    await push(run, scene.services, staging)
    balance = await settle(run, scene.services, staging)
    assert (balance.balanced, balance.counts["delivered"], balance.counts["rejected"]) == (True, 2, 1)


@pytest.mark.parametrize(
    ("option", "record", "told"),
    [
        ("on_new_field", {"number": 3, "total": 1, "vat": "x"}, "vat is a new field (text), in 1 entity, first in 3"),
        ("on_type_change", {"number": 3, "total": "1"}, "total is text; number was learned, in 1 entity, first in 3"),
        ("on_gone_field", {"number": 3}, "total is in no entity; every entity had it (number)"),
    ],
)
async def test_a_run_that_fails_sends_nothing_and_goes_on_once_it_is_accepted(
    scene: Scene, option: str, record: dict[str, Any], told: str
) -> None:
    scene.contract[option] = "fail"
    scene.transform = [{"store": {"name": "seen", "key": "order.number", "set": "order.number"}}]
    await scene.whole(*orders(1))
    run, staging = scene.begin({"number": 2, "total": 1} if option != "on_gone_field" else {"number": 2}, record)
    await fetch(run, scene.services, staging)
    MemoryOutgoing.sent.clear()
    for _ in range(2):  # a retry counts nothing twice
        with pytest.raises(AnswerError) as error:
            await transform(run, scene.services, staging)
        assert str(error.value).startswith(f"contract: the source's fields have changed: {told}. Nothing of this run")
        assert "airflow-integrations contract accept orders" in str(error.value)
    assert [line.key for line in find_values(scene.services.ledger, now=0, store="seen").values] == ["1"]
    assert len(scene.known()) == 1
    assert (await settle(run, scene.services, staging)).unfinished
    accept_drift(scene.services.ledger, "orders", [], "jane", scene.services.now())
    await transform(run, scene.services, staging)  # cleared
    await push(run, scene.services, staging)
    balance = await settle(run, scene.services, staging)
    assert (balance.counts["delivered"], balance.verdict, MemoryOutgoing.sent and scene.known()) == (2, None, [])


async def test_a_run_that_may_fail_looks_before_and_rejects_behind_it(scene: Scene) -> None:
    scene.contract |= {"on_new_field": "fail", "on_type_change": "reject"}
    await scene.whole(*orders(1))
    balance, warnings = await scene.whole(*orders(2), *orders(3, total="x"))
    assert (balance.counts["delivered"], balance.counts["rejected"]) == (1, 1)
    assert warnings[0] == "contract: total is text; number was learned, in 1 entity, first in 3"


async def test_as_many_runs_are_learned_from_as_the_route_says(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.contract = {"learn": 2, "on_type_change": "fail"}
    with caplog.at_level(logging.INFO, "airflow_integrations"):
        assert (await scene.whole(*orders(1)))[1] == []
    assert "contract: 2 fields learned, from 1 of 2 runs" in caplog.messages
    await scene.whole()  # nothing to learn from
    assert (await scene.whole(*orders(2, total="x")))[1] == []
    with pytest.raises(AnswerError, match="total is boolean; number or text was learned"):
        await scene.whole(*orders(3, total=True))


async def test_a_dry_run_learns_nothing(scene: Scene) -> None:
    run, staging = scene.begin(*orders(1), dry_run=True)
    await fetch(run, scene.services, staging)
    await transform(run, scene.services, staging)
    assert learned_of(scene.services.ledger, "orders") is None


async def test_without_a_contract_nothing_is_learned(make_run: Callable[..., Run], services: Services, staging) -> None:
    MemoryIncoming.pages_to_give = [orders(1)]
    run = make_run()
    await fetch(run, services, staging)
    await transform(run, services, staging)
    assert learned_of(services.ledger, "orders") is None


async def test_two_runs_beside_each_other_lose_nothing(scene: Scene) -> None:
    scene.contract = {"learn": 2}
    begun = [scene.begin(*orders(1, a=1)), scene.begin(*orders(2, b="x"))]
    for (run, staging), given in zip(begun, (orders(1, a=1), orders(2, b="x")), strict=True):
        MemoryIncoming.pages_to_give = [given]
        await fetch(run, scene.services, staging)
    await asyncio.gather(*(transform(run, scene.services, staging) for run, staging in begun))
    learned = learned_of(scene.services.ledger, "orders")
    assert learned is not None
    assert ({path for path, _ in lines(learned)}, scene.known()) == ({"number", "total", "a", "b"}, [])


async def test_what_was_learned_is_forgotten(scene: Scene) -> None:
    await scene.whole(*orders(1))
    forget_learned(scene.services.ledger, "orders", "jane", 1.0)
    assert learned_of(scene.services.ledger, "orders") is None
    assert (await scene.whole(*orders(2, total="x")))[1] == []


def test_many_writers_each_add_what_they_saw(services: Services) -> None:
    options = ContractOptions(learn=100)

    def one(number: int) -> None:
        seen = Seen(Learned())
        seen.look({f"field_{number}": number})
        seen.counted()
        change_learned(
            services.ledger,
            "orders",
            lambda learned: learn_from(learned, seen, options, run_id=str(number), began=0, now=0),
            1.0,
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(40)))
    learned = learned_of(services.ledger, "orders")
    assert learned is not None
    assert (len(list(lines(learned))), len(learned.runs)) == (40, 40)
