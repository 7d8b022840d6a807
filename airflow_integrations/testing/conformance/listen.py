"""Conformance suite for kinds of listeners; a third party derives from it and gives one fixture.

class TestMine(ListenSuite):
    @pytest.fixture
    def feed(self):
        return Feed(kind="mine", config={"connection": "x", "queue": "q"}, brokers={"x": Broker(…)}, publish=…)
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any

import pytest
from pydantic import ValidationError

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.ledger.inbox.inbox import TakenEvent
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.ledger.runs.runs import begin_run, find_run
from airflow_integrations.listen import Listener, Message
from airflow_integrations.listen.context import InboxSurroundings
from airflow_integrations.listen.message_reader import Reader
from airflow_integrations.listen.receiver import Receiver
from airflow_integrations.queues.broker import Broker
from airflow_integrations.route.definition import Route
from airflow_integrations.sql.database import Database
from airflow_integrations.testing.conformance.suite_run import WINDOW, OneKind
from airflow_integrations.testing.sockets import no_network

__all__ = ["Feed", "ListenSuite"]

ROUTE = "suite"
PATIENCE = 60.0
"""Seconds that anything may take here: what is acknowledged too late comes again after the broker's own time."""


@dataclass(kw_only=True)
class Feed(OneKind):
    """A queue, stream or folder that is empty, and a way to put messages into it."""

    brokers: Mapping[str, Broker] = field(default_factory=dict)
    """By Connection."""
    databases: Mapping[str, Database] = field(default_factory=dict)
    """The same, of those that are databases."""
    publish: Callable[[Sequence[bytes]], Awaitable[None]]
    """Makes messages of these bodies arrive, in this order. May be called before anybody has ever listened."""
    prepare: Callable[[], Awaitable[None]] | None = None
    """What has to be there first where a message that nobody has subscribed to is lost."""
    in_order: bool = True
    """Whether the broker keeps the order."""
    same_ids: bool = True
    """Whether the broker knows that a message is the same when it delivers it again."""
    remembers: bool = True
    """Whether the source itself knows what was acknowledged. Of files that stay where they are only the inbox does."""
    acknowledged: Callable[[], bool] | None = None
    """Whether the source knows that nothing is left of what was published. Left out where it knows within 0.3 s of the
    last record's being in the inbox."""
    away: Mapping[str, Broker] | None = None
    """The Connections of a broker that nobody answers for; made of ``brokers`` where it is left out."""

    def __post_init__(self) -> None:
        self.part = "listen"

    def load(self, *, extra: Mapping[str, Any] | None = None) -> Route:
        stage = {self.kind: {**self.config, **extra} if extra else self.config}
        definition: dict[str, Any] = {
            "route": ROUTE,
            "entity": {"name": self.entity, "key": f"{self.entity}.id"},
            "trigger": {"listen": stage},
            "outgoing": {"none": {}},
            **self.route,
        }
        return Route.load(definition, folder=self.folder)

    def make(self) -> Listener:
        """A new instance of the kind."""
        stage = _stage(self.load())
        made: Listener = stage.component()(stage.config, ROUTE)
        return made

    def broker(self, connection: str) -> Broker:
        return self.brokers[connection]

    def database(self, connection: str) -> Database:
        return self.databases[connection]

    def receiver(self, ledger: Ledger) -> Receiver:
        """From a new instance into the inbox of ``ledger``."""
        stage, inbox = _stage(self.load()), ledger.inbox
        reader = Reader(stage.config, route=ROUTE, source=self.kind, params={})
        return Receiver(self.make(), reader, inbox, InboxSurroundings(self, inbox, ROUTE, {}), name=ROUTE)


def _in_a_loop(test: Callable[[Any, Feed], Awaitable[None]]) -> Callable[[Any, Feed], None]:
    """As a plain test, which needs no plugin of pytest."""

    @wraps(test)
    def run(self: Any, feed: Feed) -> None:
        asyncio.run(_all_of(test(self, feed)))

    return run


async def _all_of(test: Awaitable[None]) -> None:
    await test


class ListenSuite:
    """Derive from it, call the class ``Test…``, and override ``feed``."""

    @pytest.fixture
    def feed(self) -> Feed:
        pytest.fail("override the fixture `feed`: it returns a Feed")

    @_in_a_loop
    async def test_every_message_is_in_the_inbox_once_and_in_order(self, feed: Feed) -> None:
        numbers = list(range(40))
        with Ledger.temporary() as ledger:
            async with _listening(feed, ledger):
                await feed.publish(_bodies(numbers[:20]))
                await _until(lambda: len(_ids(ledger)) >= 20)
                await feed.publish(_bodies(numbers[20:]))
                await _until(lambda: len(_ids(ledger)) >= 40)
            got = _ids(ledger)
        assert (got if feed.in_order else sorted(got)) == numbers

    @_in_a_loop
    async def test_what_came_while_nobody_listened_is_there(self, feed: Feed) -> None:
        await _prepared(feed)
        await feed.publish(_bodies(range(5)))
        with Ledger.temporary() as ledger:
            async with _listening(feed, ledger):
                await _until(lambda: len(_ids(ledger)) >= 5)

    @_in_a_loop
    async def test_what_was_acknowledged_does_not_come_again(self, feed: Feed) -> None:
        await _prepared(feed)
        await feed.publish(_bodies(range(3)))
        with Ledger.temporary() as ledger:
            async with _listening(feed, ledger):
                await _until(lambda: len(_ids(ledger)) == 3)
                await _until(lambda: _ids(ledger) == [0, 1, 2] or not feed.in_order)
                await _until(feed.acknowledged or (lambda: True))
        with Ledger.temporary() as later:
            async with _listening(feed, later):
                await feed.publish(_bodies([7]))
                await _until(lambda: 7 in _ids(later))
            assert _ids(later) == [7]

    @_in_a_loop
    async def test_what_was_not_acknowledged_comes_again_and_counts_once(self, feed: Feed) -> None:
        await _prepared(feed)
        await feed.publish(_bodies(range(3)))
        with Ledger.temporary() as ledger:
            first = await _heard(feed, ledger, 3)  # and never settled: the process died
            again = await _heard(feed, ledger, 3)
        assert sorted(_number(message) for message in again) == [0, 1, 2]
        if feed.same_ids:
            assert {message.id for message in again} == {message.id for message in first}
            assert None not in {message.id for message in first}

    @_in_a_loop
    async def test_one_that_is_of_no_use_holds_back_nothing_and_is_in_the_inbox(self, feed: Feed) -> None:
        with Ledger.temporary() as ledger:
            async with _listening(feed, ledger):
                await feed.publish([b'{"id": 1}', b'{"id": ', b'{"id": 2}'])
                await _until(lambda: len(_events(ledger)) >= 3)
                await _until(lambda: len(_ids(ledger)) == 2)
            async with _listening(feed, ledger):
                await feed.publish(_bodies([3]))
                await _until(lambda: 3 in _ids(ledger))
            bodies = [event.body for event in _events(ledger)]
            assert sorted(_ids_of(bodies)) == [1, 2, 3]
            assert sum(body.startswith(b'{"reason"') for body in bodies) == 1
            if not feed.remembers:
                return
        with Ledger.temporary() as later:
            async with _listening(feed, later):
                await feed.publish(_bodies([7]))
                await _until(lambda: 7 in _ids(later))
            assert len(_events(later)) == 1

    @_in_a_loop
    async def test_a_broker_that_is_away_is_an_outage(self, feed: Feed) -> None:
        if not feed.brokers:
            pytest.skip("this kind has no broker")
        nowhere = feed.away or {
            name: replace(broker, host="127.0.0.1", port=1) for name, broker in feed.brokers.items()
        }
        with Ledger.temporary() as ledger, pytest.raises(OutageError):
            await _heard(replace(feed, brokers=nowhere), ledger, 1)

    @_in_a_loop
    async def test_a_connection_of_something_else_is_a_setup_error(self, feed: Feed) -> None:
        if not feed.brokers:
            pytest.skip("this kind has no broker")
        foreign = {name: replace(broker, kind="carrier_pigeon") for name, broker in feed.brokers.items()}
        with Ledger.temporary() as ledger, pytest.raises(SetupError, match="carrier_pigeon"):
            await _heard(replace(feed, brokers=foreign), ledger, 1)

    def test_making_one_touches_no_network(self, feed: Feed) -> None:
        with no_network():
            feed.make()

    def test_refuses_options_that_it_does_not_know(self, feed: Feed) -> None:
        with pytest.raises(ValidationError):
            feed.load(extra={"no_such_option": 1})


def _stage(route: Route) -> Any:
    assert route.trigger is not None
    return route.trigger.listen


def _bodies(numbers: Collection[int]) -> list[bytes]:
    return [json.dumps({"id": number}).encode() for number in numbers]


async def _prepared(feed: Feed) -> None:
    if feed.prepare is not None:
        await feed.prepare()


@asynccontextmanager
async def _listening(feed: Feed, ledger: Ledger) -> AsyncIterator[None]:
    await _prepared(feed)
    task = asyncio.create_task(feed.receiver(ledger).run())
    try:
        yield
    finally:
        await asyncio.sleep(0.3)  # what is in the inbox is acknowledged
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _heard(feed: Feed, ledger: Ledger, count: int) -> list[Message]:
    """The first messages of a new listener, which is then closed without having settled anything."""
    heard: list[Message] = []
    around = InboxSurroundings(feed, ledger.inbox, ROUTE, {})
    async with asyncio.timeout(PATIENCE), aclosing(feed.make().batches(around)) as batches:
        async for batch in batches:
            heard += [message for message in batch if message.records != b"[]"]
            if len(heard) >= count:
                break
    return heard


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - what is waited for is outside of this loop
            await asyncio.sleep(0.05)


def _events(ledger: Ledger) -> list[TakenEvent]:
    """All that are in the inbox, but for those without records."""
    run = _run(ledger)
    ledger.inbox.take(run, limit=100_000, max_bytes=1 << 30, lease_until=1e12, now=1.0)
    return [event for event in ledger.inbox.read(run, most=100_000) if event.body != b"[]"]


def _run(ledger: Ledger) -> RunRef:
    return find_run(ledger, ROUTE, "taker") or begin_run(
        ledger, ROUTE, "taker", kind="event", window=WINDOW, route_hash="", staging="", now=1.0
    )


def _ids(ledger: Ledger) -> list[int]:
    return _ids_of([event.body for event in _events(ledger)])


def _ids_of(bodies: Sequence[bytes]) -> list[int]:
    return [record["id"] for body in bodies if body.startswith(b"[") for record in json.loads(body)]


def _number(message: Message) -> int:
    found = json.loads(message.records or message.body)
    return int(found[0]["id"] if isinstance(found, list) else found["id"])
