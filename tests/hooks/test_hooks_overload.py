"""Too much at once, a ledger that is away, senders that are slow or hang up."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from hook_server import Served

from airflow_integrations.errors import OutageError
from airflow_integrations.hooks.held import Held, Overloaded
from airflow_integrations.hooks.request import Gone, TooLarge, TooSlow, read_body
from airflow_integrations.hooks.writer import Away, Full, Writer
from airflow_integrations.ledger.event_rows import NewEvent, Put
from airflow_integrations.ledger.inbox import Inbox
from airflow_integrations.ledger.ledger import Ledger

OPEN = "webhook: {path: open, verify: none, event_id: body.id}"


def event(event_id: str, body: bytes = b"[{}]") -> NewEvent:
    return NewEvent(route="orders", event_id=event_id, body=body, source="webhook")


class Gate(Inbox):
    """An inbox whose transactions wait until they may, or fail."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger.database)
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


async def test_a_ledger_that_is_away_is_told_and_comes_back(gate: Gate) -> None:
    writer = Writer(lambda: gate, lambda routes: None, patience=0.3)
    with pytest.raises(Away):  # it does not answer at all
        await writer.put([event("slow")])
    writer._patience = 30.0
    gate.error = OutageError("away")
    gate.open.set()
    with pytest.raises(Away):
        await writer.put([event("a")])
    gate.error = None
    assert (await writer.put([event("a")]))[0].new
    writer.close()


async def test_one_event_that_cannot_be_written_takes_no_other_along(gate: Gate) -> None:
    writer = Writer(lambda: gate, lambda routes: None)
    puts = [asyncio.create_task(writer.put([event(name)])) for name in ("a", "poison", "b")]
    await asyncio.sleep(0.1)
    gate.open.set()
    results = await asyncio.gather(*puts, return_exceptions=True)
    assert [isinstance(result, Away) for result in results] == [False, True, False]
    writer.close()


async def test_who_hangs_up_leaves_the_event_to_be_written(gate: Gate) -> None:
    writer = Writer(lambda: gate, lambda routes: None)
    put = asyncio.create_task(writer.put([event("a")]))
    await asyncio.sleep(0.05)
    put.cancel()
    gate.open.set()
    writer.close()
    assert not gate.put([event("a")], 1.0)[0].new


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

    held = Held(100)
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
