"""Whatever happens on the way: the states of one key go out in their order, and none twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, NoConnections, all_delivered
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging

MakeRun = Callable[..., Run]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    numbers=st.lists(st.integers(0, 6), max_size=40),
    batch=st.integers(1, 7),
    concurrency=st.integers(1, 5),
    outages=st.lists(st.integers(0, 60), max_size=6),
    delays=st.lists(st.integers(0, 3), min_size=1, max_size=9),
)
def test_every_state_of_every_key_goes_out_once_and_in_order(
    numbers: list[int],
    batch: int,
    concurrency: int,
    outages: list[int],
    delays: list[int],
    make_run: MakeRun,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Whatever the batch size, concurrency, delays and outages: per key in order, none twice, and the last one arrives.
    A state is passed over only where it met an outage and a later state of its key was there."""
    clock = Clock()
    services = Services(NoConnections(), now=clock)
    staging = Staging(tmp_path_factory.mktemp("s"), "orders", "run-1")
    MemoryIncoming.pages_to_give = [[{"number": f"K{n}", "state": position} for position, n in enumerate(numbers)]]
    received: dict[str, list[int]] = {}
    calls = 0

    async def target(sending: Sequence[Outbound]) -> list[Result]:
        nonlocal calls
        calls += 1
        for _ in range(delays[calls % len(delays)]):
            await asyncio.sleep(0)
        if calls in outages:
            raise OutageError("503")
        assert len({outbound.key for outbound in sending}) == len(sending) <= batch
        for outbound in sending:
            received.setdefault(outbound.key, []).append(outbound.value["state"])
        return all_delivered(sending)

    MemoryOutgoing.answer, MemoryOutgoing.most_under_way = target, 0
    run = make_run(route={"delivery": {"batch": batch, "concurrency": concurrency}})

    async def attempts() -> Balance:
        await fetch(run, services, staging)
        await transform(run, services, staging)
        for _ in range(len(outages) + 1):
            with contextlib.suppress(OutageError):
                await push(run, services, staging)
            clock.now += 3600
        return await settle(run, services, staging)

    balance = asyncio.run(attempts())
    services.ledger.close()
    states = [state for states in received.values() for state in states]
    assert len(set(states)) == len(states)
    assert outages or len(states) == len(numbers)
    assert {key: states[-1] for key, states in received.items()} == {f"K{n}": at for at, n in enumerate(numbers)}
    assert balance.counts["delivered"] == len(states)
    assert balance.counts["superseded"] == len(numbers) - len(states)
    assert MemoryOutgoing.most_under_way <= concurrency
    assert all(states == sorted(states) for states in received.values())


@pytest.mark.parametrize("concurrency", [1, 2, 4])
async def test_behind_a_state_that_ended_the_push_no_other_of_its_key_goes_out(
    make_run: MakeRun, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, concurrency: int
) -> None:
    """Found by the simulator, seed 31000058618: the second request of a state with steps was refused with a 401. An
    older state, whose chunk waited to be reserved for the first one's sake, went out before the push ended."""
    monkeypatch.setattr("airflow_integrations.engine.push.chunks.CHUNK_ENTITIES", 1)
    asked: list[str | None] = []

    async def refuses(sending: Sequence[Outbound]) -> list[Result]:
        asked.extend(outbound.version for outbound in sending)
        for _ in range(5):
            await asyncio.sleep(0)
        raise SetupError("401")

    monkeypatch.setattr(MemoryOutgoing, "answer", staticmethod(refuses), raising=False)
    MemoryIncoming.pages_to_give = [[{"number": "K1", "rev": 3}, {"number": "K1", "rev": 2}]]
    entity = {"name": "order", "key": "order.number", "version": "order.rev"}
    run = make_run(route={"entity": entity, "delivery": {"batch": 1, "concurrency": concurrency}})
    staging = Staging(tmp_path, "orders", "run-1")
    await fetch(run, services, staging)
    await transform(run, services, staging)
    with pytest.raises(SetupError):
        await push(run, services, staging)
    assert asked == ["3"]
