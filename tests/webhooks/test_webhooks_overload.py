"""Too much at once, a ledger that is away, senders that are slow or hang up."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import select
from webhook_server import Served

from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.inbox.event_rows import NewEvent, Put
from airflow_integrations.ledger.inbox.inbox import Inbox
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.database_errors import CommitLost
from airflow_integrations.webhooks.batch_writer import Away, Full, Writer
from airflow_integrations.webhooks.memory_budget import MemoryBudget, Overloaded
from airflow_integrations.webhooks.request import Gone, TooLarge, TooSlow, read_body

OPEN = "webhook: {path: open, verify: none, event_id: body.id}"


def event(event_id: str, body: bytes = b"[{}]") -> NewEvent:
    return NewEvent(route="orders", event_id=event_id, body=body, source="webhook")


class Gate(Inbox):
    """An inbox whose transactions wait until they may, or fail."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.entered = threading.Event()
        self.open = threading.Event()
        self.error: Exception | None = None
        self.transactions: list[int] = []

    def put(self, events: Sequence[NewEvent], now: float) -> list[Put]:
        self.entered.set()
        assert self.open.wait(30)
        self.transactions.append(len(events))
        if self.error is not None:
            raise self.error
        if any(event.event_id == "poison" for event in events):
            raise RuntimeError("poison")
        return super().put(events, now)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}"))


async def test_what_waits_goes_in_one_transaction(gate: Gate) -> None:
    rung: list[str] = []
    writer = Writer(lambda: gate, rung.extend)
    puts = [asyncio.create_task(writer.put([event(str(at))])) for at in range(50)]
    await asyncio.sleep(0.1)
    gate.open.set()
    assert [put.new for (put,) in await asyncio.gather(*puts)] == [True] * 50
    assert len(gate.transactions) <= 2
    writer.close()
    assert set(rung) == {"orders"}


async def test_a_full_queue_takes_nothing_more_and_loses_nothing(gate: Gate) -> None:
    writer = Writer(lambda: gate, lambda routes: None, most_waiting=10, most_bytes=10_000)
    first = asyncio.create_task(writer.put([event("first")]))
    assert await asyncio.to_thread(gate.entered.wait, 30)  # from here on nothing leaves the queue
    puts = [asyncio.create_task(writer.put([event(str(at))])) for at in range(30)]
    await asyncio.sleep(0.1)
    gate.open.set()
    results = await asyncio.gather(*puts, return_exceptions=True)
    refused = [result for result in results if isinstance(result, Full)]
    taken = [at for at, result in enumerate(results) if isinstance(result, list)]
    assert (len(refused), taken) == (20, list(range(10)))
    assert (await first)[0].new
    gate.entered.clear()
    gate.open.clear()
    held = asyncio.create_task(writer.put([event("held")]))
    assert await asyncio.to_thread(gate.entered.wait, 30)
    large = [asyncio.create_task(writer.put([event(f"large {at}", b"x" * 6_000)])) for at in range(5)]
    await asyncio.sleep(0.1)
    gate.open.set()
    results = await asyncio.gather(*large, return_exceptions=True)
    # Two are no more than most_bytes and a third passes it: from then on nothing is taken.
    assert [isinstance(result, Full) for result in results] == [False, False, True, True, True]
    assert (await held)[0].new
    writer.close()
    assert not gate.put([event(str(at)) for at in taken], 1.0)[0].new


def ids(gate: Gate) -> set[str]:
    """Of all events that are stored."""
    with gate._database.read() as connection:
        return set(connection.execute(select(tables.event.c.event_id)).scalars())


async def test_a_ledger_that_is_away_is_told_and_comes_back(gate: Gate) -> None:
    writer = Writer(lambda: gate, lambda routes: None)
    gate.error = OutageError("away")
    gate.open.set()
    with pytest.raises(Away):
        await writer.put([event("a")])
    gate.error = None
    assert (await writer.put([event("a")]))[0].new
    writer.close()


async def test_what_was_refused_is_never_written(gate: Gate) -> None:
    """One is under way when its time is over, others wait behind it."""
    writer = Writer(lambda: gate, lambda routes: None, patience=0.3)
    under_way = asyncio.create_task(writer.put([event("under way")]))
    assert await asyncio.to_thread(gate.entered.wait, 30)
    behind = [asyncio.create_task(writer.put([event(f"behind {at}")])) for at in range(5)]
    results = await asyncio.gather(*behind, return_exceptions=True)
    assert {type(result) for result in results} == {Away}
    assert not under_way.done()  # no answer would be true
    gate.open.set()
    assert (await under_way)[0].new
    writer.close()
    assert ids(gate) == {"under way"}


async def test_who_is_refused_while_the_write_fails_is_told_so_when_it_has_failed(gate: Gate) -> None:
    writer = Writer(lambda: gate, lambda routes: None, patience=0.2)
    gate.error = OutageError("away")
    put = asyncio.create_task(writer.put([event("a")]))
    assert await asyncio.to_thread(gate.entered.wait, 30)
    await asyncio.sleep(0.3)
    gate.open.set()
    with pytest.raises(Away):
        await put
    writer.close()
    assert ids(gate) == set()


async def test_a_commit_that_was_not_heard_of_is_asked_for(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection broke behind the commit: the answer tells that the event is there, and the bell is rung."""
    rung: list[str] = []
    put = gate.put
    losses = [CommitLost("lost"), OutageError("still away")]

    def lossy(events: Sequence[NewEvent], now: float) -> list[Put]:
        if len(losses) == 2:
            put(events, now)
        if losses:
            raise losses.pop(0)
        return put(events, now)

    monkeypatch.setattr(gate, "put", lossy)
    monkeypatch.setattr("airflow_integrations.webhooks.batch_writer.ASKED_AGAIN", 0.01)
    gate.open.set()
    writer = Writer(lambda: gate, rung.extend)
    (answer,) = await writer.put([event("a")])
    writer.close()
    assert not answer.new
    assert (ids(gate), rung) == ({"a"}, ["orders"])


async def test_one_event_that_cannot_be_written_takes_no_other_along(gate: Gate) -> None:
    writer = Writer(lambda: gate, lambda routes: None)
    puts = [asyncio.create_task(writer.put([event(name)])) for name in ("a", "poison", "b")]
    await asyncio.sleep(0.1)
    gate.open.set()
    results = await asyncio.gather(*puts, return_exceptions=True)
    assert [isinstance(result, Away) for result in results] == [False, True, False]
    writer.close()


async def test_who_hangs_up_takes_back_what_is_not_being_written(gate: Gate) -> None:
    writer = Writer(lambda: gate, lambda routes: None)
    hung_up = asyncio.Event()
    under_way = asyncio.create_task(writer.put([event("under way")], gone=hung_up.wait))
    assert await asyncio.to_thread(gate.entered.wait, 30)
    waits = asyncio.create_task(writer.put([event("waits")], gone=hung_up.wait))
    cancelled = asyncio.create_task(writer.put([event("cancelled")]))
    stays = asyncio.create_task(writer.put([event("stays")]))
    await asyncio.sleep(0)
    cancelled.cancel()
    hung_up.set()
    for task in (under_way, waits):
        with pytest.raises(Gone):
            await task
    gate.open.set()
    assert (await stays)[0].new
    writer.close()
    assert ids(gate) == {"under way", "stays"}


async def test_a_bell_that_fails_is_no_answer(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    def broken(routes: object) -> None:
        raise RuntimeError("the bell is broken")

    gate.open.set()
    writer = Writer(lambda: gate, broken)
    assert (await writer.put([event("a")]))[0].new
    writer.close()
    assert "could not be started at once" in caplog.text


async def test_bodies_are_bounded_in_size_time_and_sum() -> None:
    def coming(*pieces: bytes, pause: float = 0.0, end: bool = True) -> object:
        messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
        messages.append({"type": "http.request", "body": b""} if end else {"type": "http.disconnect"})

        async def receive() -> dict[str, object]:
            await asyncio.sleep(pause)
            return messages.pop(0)

        return receive

    held = MemoryBudget(100)
    share = held.reservation()
    assert await read_body(coming(b"ab", b"c"), {}, 3, share) == b"abc"  # type: ignore[arg-type]
    with pytest.raises(TooLarge):
        await read_body(coming(b"ab", b"cd"), {}, 3, held.reservation())  # type: ignore[arg-type]
    with pytest.raises(TooLarge):
        await read_body(coming(), {"content-length": "9" * 5000}, 3, held.reservation())  # type: ignore[arg-type]
    with pytest.raises(TooSlow):
        await read_body(coming(b"a", b"b", pause=0.05), {}, 3, held.reservation(), 0.08)  # type: ignore[arg-type]
    with pytest.raises(Gone):
        await read_body(coming(b"a", end=False), {}, 3, held.reservation())  # type: ignore[arg-type]
    with pytest.raises(Overloaded):
        await read_body(coming(b"x" * 100), {}, 200, held.reservation())  # type: ignore[arg-type]
    share.release()


def test_slow_senders_do_not_hold_up_others(serve: object) -> None:
    served: Served = serve(orders=OPEN)  # type: ignore[operator]
    head = b"POST /integrations/hooks/open HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    slow = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(200)]
    for connection in slow:
        connection.sendall(head + b'Content-Length: 10\r\n\r\n{"id"')
    for at in range(10):
        assert served.post("open", {"id": at}).status_code == 202
    slow[0].sendall(b":777}")
    assert b"202" in slow[0].recv(100)
    for connection in slow:
        connection.close()
    assert {row["event_id"] for row in served.events()} == {"777", *map(str, range(10))}
