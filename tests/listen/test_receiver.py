"""Written first, acknowledged then; whatever breaks, it goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest
from listen_scene import bodies, event_bodies, ids

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.ledger.inbox.event_rows import NewEvent, Put
from airflow_integrations.ledger.inbox.inbox import Inbox
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.listen import Message
from airflow_integrations.listen.message_reader import Reader
from airflow_integrations.listen.options import QueueOptions
from airflow_integrations.listen.receiver import Receiver


class Script:
    """A listener that does what each entry says: give a batch, or raise an error."""

    Config = QueueOptions

    def __init__(self, *entries: Sequence[Message] | Exception) -> None:
        self.entries = list(entries)
        self.settled: list[tuple[list[str | None], list[tuple[str | None, str]]]] = []
        self.on_settle: Callable[[], None] = lambda: None
        self.closed = 0

    async def batches(self, around: Any) -> AsyncGenerator[Sequence[Message], None]:
        try:
            while self.entries:
                entry = self.entries.pop(0)
                if isinstance(entry, Exception):
                    raise entry
                yield entry
            await asyncio.Event().wait()
        finally:
            self.closed += 1

    async def settle(self, taken: Sequence[Message], dead: Sequence[tuple[Message, str]]) -> None:
        self.on_settle()
        self.settled.append(([each.id for each in taken], [(each.id, reason) for each, reason in dead]))


class Flaky(Inbox):
    """Away the first times that it is asked."""

    def __init__(self, inbox: Inbox, times: int) -> None:
        self.inbox = inbox
        self.times = times

    def put(self, events: Sequence[NewEvent], now: float) -> list[Put]:
        if self.times:
            self.times -= 1
            raise OutageError("the ledger is away")
        return self.inbox.put(events, now)


def batch(*numbers: int, body: bytes | None = None) -> list[Message]:
    return [Message(str(number), body or bodies([number])[0], "s") for number in numbers]


def play(script: Script, inbox: Inbox, done: Callable[[], bool], **options: Any) -> tuple[list[float], int]:
    """Receive until ``done``; how long it slept each time, and how often it told of something new."""
    slept: list[float] = []
    told: list[None] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    async def scene() -> None:
        receiver = Receiver(
            script,  # type: ignore[arg-type]  # an instance, which no route makes
            Reader(QueueOptions.model_validate(options), route="suite", source="script", params={}),
            inbox,
            None,  # type: ignore[arg-type]  # it asks for nothing
            name="suite",
            on_new=lambda: told.append(None),
            sleep=sleep,
        )
        task = asyncio.create_task(receiver.run())
        async with asyncio.timeout(30):
            while not done():  # noqa: ASYNC110 - what is waited for is outside of this loop
                await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(scene())
    return slept, len(told)


def test_it_is_in_the_inbox_when_it_is_acknowledged() -> None:
    with Ledger.temporary() as ledger:
        script = Script(batch(1, 2))
        seen: list[list[int]] = []
        script.on_settle = lambda: seen.append(ids(ledger))
        _, told = play(script, ledger.inbox, lambda: bool(script.settled))
        assert seen == [[1, 2]]
        assert script.settled == [(["1", "2"], [])]
        assert told == 1


def test_nothing_new_rings_no_bell() -> None:
    with Ledger.temporary() as ledger:
        script = Script(batch(1), batch(1), batch(2, body=b"[]"), [])
        _, told = play(script, ledger.inbox, lambda: len(script.settled) == 3)
        assert told == 1
        assert ids(ledger) == [1]


@pytest.mark.parametrize(
    "error", [OutageError("gone"), SetupError("no such queue"), ValueError("a mistake in the listener")]
)
def test_it_begins_anew_after_any_error_and_waits_longer_each_time(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with Ledger.temporary() as ledger:
        script = Script(*[error] * 12, batch(1), error, batch(2))
        with caplog.at_level(logging.INFO, "airflow_integrations"):
            slept, _ = play(script, ledger.inbox, lambda: len(script.settled) == 2)
        assert len(slept) == 13
        assert all(0.25 * 2 ** min(at + 1, 6) <= pause <= 60 for at, pause in enumerate(slept[:7]))
        assert max(slept) <= 60
        assert slept[12] <= 1.0  # it was heard in between
        assert "is heard again" in caplog.text
        assert script.closed == 14
        assert ids(ledger) == [1, 2]


def test_another_reason_is_told_although_it_failed_before(caplog: pytest.LogCaptureFixture) -> None:
    """A broker that is back after an outage, and has lost the queue."""
    with Ledger.temporary() as ledger:
        script = Script(*[OutageError("away")] * 3, *[SetupError("no queue 'orders'")] * 3, batch(1))
        with caplog.at_level(logging.WARNING, "airflow_integrations"):
            play(script, ledger.inbox, lambda: len(script.settled) == 1)
    assert [record.getMessage() for record in caplog.records if record.name == "airflow_integrations"] == [
        "suite: away (tried once)",
        "suite: no queue 'orders' (tried 4 times)",
    ]


def test_a_ledger_that_is_away_is_waited_for_with_the_batch_in_hand() -> None:
    with Ledger.temporary() as ledger:
        script = Script(batch(1, 2), batch(3))
        slept, _ = play(script, Flaky(ledger.inbox, 5), lambda: len(script.settled) == 2)
        assert len(slept) == 5
        assert script.closed == 1  # once, in the end: the broker's connection stayed
        assert ids(ledger) == [1, 2, 3]


def test_a_settling_that_fails_ends_the_connection_and_what_comes_again_counts_once() -> None:
    with Ledger.temporary() as ledger:
        script = Script(batch(1), batch(1), batch(2))
        failures = iter([OutageError("gone")])

        def fail_once() -> None:
            for failure in failures:
                raise failure

        script.on_settle = fail_once
        play(script, ledger.inbox, lambda: len(script.settled) == 2)
        assert script.closed == 2
        assert ids(ledger) == [1, 2]


def test_what_is_of_no_use_is_settled_with_the_others_or_is_dead() -> None:
    with Ledger.temporary() as ledger:
        script = Script([*batch(1), *batch(2, body=b"{"), *batch(3)])
        play(script, ledger.inbox, lambda: bool(script.settled))
        assert script.settled == [(["1", "2", "3"], [])]
        assert len(event_bodies(ledger)) == 3
    with Ledger.temporary() as ledger:
        script = Script([*batch(1), *batch(2, body=b"{"), *batch(3)])
        play(script, ledger.inbox, lambda: bool(script.settled), dead_letters=True)
        assert script.settled == [(["1", "3"], [("2", "the JSON ends in the middle, after 1 bytes")])]
        assert len(event_bodies(ledger)) == 2


def test_a_hundred_of_no_use_are_a_few_lines_of_log_without_their_content(caplog: pytest.LogCaptureFixture) -> None:
    with Ledger.temporary() as ledger:
        script = Script(batch(*range(100), body=b'"secret-content"'))
        play(script, ledger.inbox, lambda: bool(script.settled))
    assert len(caplog.records) == 11
    assert "90 more" in caplog.text
    assert "secret-content" not in caplog.text
