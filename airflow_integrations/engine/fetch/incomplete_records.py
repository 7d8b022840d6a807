"""Records that say little more than which they are: their details are asked for, once for all that ask the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from msgspec import Raw

from airflow_integrations.engine.fetch.inbox_events import Arrival
from airflow_integrations.engine.fetch.keys import KeyReader
from airflow_integrations.engine.push.retry_policy import next_attempt
from airflow_integrations.engine.segment_lines import THIN, Later, Problem
from airflow_integrations.errors import EntityError
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import read
from airflow_integrations.incoming import Completer, Gone, Unfinished
from airflow_integrations.ledger.records import NOT_FOUND
from airflow_integrations.ledger.runs.claims import known_entities
from airflow_integrations.plurals import times
from airflow_integrations.run import Run, Services

__all__ = ["Asked", "Completed", "Item", "ThinRecords", "completer_of"]

AT_ONCE = 500
"""Items that are asked for together: bounds memory."""


async def completer_of(run: Run, services: Services, *, events: bool) -> Completer | None:
    """Who completes what ``events`` bring, or what another route has fetched; None where that is complete."""
    stage = run.route.incoming
    component = stage.component()
    if not hasattr(component, "completer"):
        return None
    made: Completer | None = await component(stage.config, run.route).completer(run, services, events=events)
    return made


@dataclass(frozen=True, slots=True)
class Item:
    """A thin record that is to be completed, and what is asked for it."""

    record: Any
    question: bytes


@dataclass(frozen=True, slots=True)
class Completed:
    """What became of an item: it has a record with its key, is a deletion, a problem, or nothing."""

    item: Item
    key: str = ""
    version: str | None = None
    record: Any = None
    deleted: bool = False
    target_id: str | None = None
    problem: Problem | None = None
    refused: bool = False
    """It waits although the source has given an answer; so only where it has waited before."""

    @property
    def nothing(self) -> bool:
        """The source no longer has it, and the target has not, either, or is to keep it."""
        return self.problem is None and not self.deleted and self.record is None


class Asked:
    """The records of events, sorted by what is asked for them. ``last`` says which of those that ask the same is the
    last one (:meth:`ThinRecords.last`)."""

    def __init__(self, last: Mapping[bytes, tuple[int, int]]) -> None:
        self._last = last
        self._senders: dict[bytes, list[int]] = {}
        """By question, the events whose senders wait for what it is about."""
        self._keys: dict[int, list[str]] = {}
        self.items: list[Item] = []
        self.refused: list[tuple[Any, EntityError]] = []
        self.superseded = 0

    def add(self, arrived: Iterable[Arrival], thin: ThinRecords) -> None:
        """The next events, in their order; ``items``, ``refused`` and ``superseded`` are about these alone."""
        self.items, self.refused, self.superseded = [], [], 0
        for arrival in arrived:
            if arrival.wanted:
                self._keys[arrival.number] = []
            if arrival.refused is not None:
                self.refused.append((arrival.refused.record, EntityError(arrival.refused.reason)))
            for place, raw in enumerate(arrival.records):
                try:
                    record, question = thin.question(raw)
                except EntityError as error:
                    self.refused.append((raw, error))
                    continue
                if arrival.wanted:
                    self._senders.setdefault(question, []).append(arrival.number)
                if self._last[question] == (arrival.number, place):
                    self.items.append(Item(record, question))
                else:
                    self.superseded += 1

    def keys_of(self, completed: Iterable[Completed]) -> dict[int, list[str]]:
        """The keys that came so far of each event whose sender waits."""
        for one in completed:
            for number in self._senders.get(one.item.question, ()):
                self._keys[number] += [one.key] if one.key else []
        return self._keys


class ThinRecords:
    """Completes thin records of one run. What it makes has the time before it asked as its version: what was fetched or
    received before that is older, whatever it says."""

    def __init__(self, completer: Completer | None, run: Run, services: Services, keys: KeyReader) -> None:
        self._completer = completer
        self._run = run
        self._services = services
        self._keys = keys

    def question(self, record: Any) -> tuple[Any, bytes]:
        """The record, decoded, and what is asked for it. Raises EntityError."""
        if type(record) is Raw:
            try:
                record = read(bytes(record))
            except ContentError as error:
                raise EntityError(str(error)) from None
        assert self._completer is not None
        return record, self._completer.question(record)

    def last(self, arrived: Iterable[Arrival]) -> dict[bytes, tuple[int, int]]:
        """By question, the event and the place of the last record among these that asks it."""
        found: dict[bytes, tuple[int, int]] = {}
        for arrival in arrived:
            for place, raw in enumerate(arrival.records):
                try:
                    found[self.question(raw)[1]] = (arrival.number, place)
                except EntityError:
                    continue  # it is rejected where it is taken
        return found

    async def complete(self, items: Sequence[Item]) -> list[Completed]:
        """Raises what :meth:`Completer.complete` raises, and OutageError where the ledger is away."""
        found: list[Completed] = []
        for first in range(0, len(items), AT_ONCE):
            found += await self._complete(items[first : first + AT_ONCE])
        return found

    async def again(self, items: Sequence[Item]) -> list[Completed]:
        """What becomes of items that were put off. Where no other is answered nobody knows whether a refusal is their
        own matter, or that of who asks: it counts as an attempt, and they wait once more.

        Raises what :meth:`Completer.complete` raises, but for a 403."""
        found: list[Completed] = []
        for first in range(0, len(items), AT_ONCE):
            found += await self._again(items[first : first + AT_ONCE])
        return found

    async def put_off(self, items: Sequence[Item], reason: str) -> list[Completed]:
        """What becomes of items while their source is away, or gives no answer to any of them; it costs no attempt."""
        version = f"{self._services.now() * 1e6:.0f}"
        found = [self._read(item, Unfinished(item.record, reason, later=True), version) for item in items]
        return await self._by_ledger(found, attempt=0)

    async def gone(self, records: Sequence[Gone]) -> list[Completed]:
        """What becomes of records of a list that the source no longer has."""
        version = f"{self._services.now() * 1e6:.0f}"
        found = [self._read(Item(one.item, b""), one, version) for one in records]
        return await self._by_ledger(found)

    async def unfinished(self, records: Sequence[Unfinished]) -> list[Completed]:
        """What becomes of records of a list that the source could not give. Their version is that of the list's."""
        found = [self._read(Item(one.item, b""), one, self._version(one.item)) for one in records]
        return await self._by_ledger(found)

    async def _complete(self, items: Sequence[Item]) -> list[Completed]:
        assert self._completer is not None
        version = f"{self._services.now() * 1e6:.0f}"
        answers = await self._completer.complete([item.record for item in items])
        found = [self._read(item, answer, version) for item, answer in zip(items, answers, strict=True)]
        return await self._by_ledger(found)

    async def _again(self, items: Sequence[Item]) -> list[Completed]:
        from airflow_integrations.http.errors import Refused
        from airflow_integrations.http.suspects import may_be_its_own

        assert self._completer is not None
        version = f"{self._services.now() * 1e6:.0f}"
        try:
            answers = await self._completer.complete([item.record for item in items])
        except Refused as error:
            if not may_be_its_own(error):
                raise
            answers = await self._one_by_one(items)
        found = [self._read(item, answer, version) for item, answer in zip(items, answers, strict=False)]
        if all(type(answer) in (Unfinished, Gone) for answer in answers):
            found = [self._waits(one, answer) for one, answer in zip(found, answers, strict=True)]
        found = await self._by_ledger(found)
        if left := items[len(answers) :]:
            reason = f"not asked for yet: all that were asked for before it are refused, such as: {answers[-1].reason}"
            found += await self.put_off(left, reason)
        return found

    async def _one_by_one(self, items: Sequence[Item]) -> list[Any]:
        """An answer for each item, or Unfinished with its own refusal. Fewer answers than items where so many of the
        first ones are refused that it is the matter of who asks."""
        from airflow_integrations.blame import MOST_SUSPECTS
        from airflow_integrations.http.errors import Refused
        from airflow_integrations.http.suspects import may_be_its_own

        assert self._completer is not None
        answers: list[Any] = []
        for item in items:
            try:
                answers += await self._completer.complete([item.record])
            except Refused as error:
                if not may_be_its_own(error):
                    raise
                answers.append(Unfinished(item.record, str(error), later=True, refused=True))
                if len(answers) > MOST_SUSPECTS and all(type(answer) is Unfinished for answer in answers):
                    break
        return answers

    def _waits(self, one: Completed, answer: Any) -> Completed:
        if type(answer) is not Unfinished or not answer.refused or not one.key or one.problem is None:
            return one
        one.problem.status, one.problem.later = "retrying", Later(1, 0.0, 0.0)
        return replace(one, refused=True)

    async def _by_ledger(self, found: list[Completed], *, attempt: int = 1) -> list[Completed]:
        unsure = {one.key for one in found if one.key and (one.deleted or one.problem is not None)}
        if not unsure:
            return found
        ledger, route = self._services.ledger, self._run.route.route
        known = await asyncio.to_thread(known_entities, ledger, route, sorted(unsure))
        return [self._known(one, known.get(one.key), attempt) for one in found]

    def _read(self, item: Item, answer: Any, version: str | None) -> Completed:
        if type(answer) is Unfinished:
            key = self._key(item.record)
            later = Later(1, 0.0, 0.0) if answer.later and key else None
            return self._problem(item, key, answer.reason, THIN, item.record, version, later)
        if type(answer) is Gone:
            if not answer.delete:
                return Completed(item)
            key = self._key(item.record)
            if not key:
                reason = "the source no longer has it, and what names it lacks what entity.key reads"
                return self._problem(item, "", reason, THIN, item.record, version)
            return Completed(item, key, version, deleted=True)
        try:
            key, given = self._keys.read(answer)
        except EntityError as error:
            return self._problem(item, "", error.reason, error.field, answer, version)
        return Completed(item, key, given or version, answer)

    def _key(self, record: Any) -> str:
        try:
            return self._keys.read(record)[0]
        except EntityError:
            return ""

    def _version(self, record: Any) -> str | None:
        try:
            return self._keys.read(record)[1]
        except EntityError:
            return None

    def _problem(
        self,
        item: Item,
        key: str,
        reason: str,
        field: str | None,
        value: Any,
        version: str | None,
        later: Later | None = None,
    ) -> Completed:
        status = "rejected" if later is None else "retrying"
        problem = Problem(key, "fetch", status, reason, field, value, version=version, later=later)
        return Completed(item, key, version, problem=problem)

    def _known(self, one: Completed, known: Any, attempt: int) -> Completed:
        """Whether the target has what is gone; and when what is unfinished is asked for again."""
        if one.deleted:
            there = known is not None and (known.delivered_hash is not None or known.maybe is not None)
            if not there:
                return Completed(one.item, one.key)
            return Completed(one.item, one.key, one.version, deleted=True, target_id=known.target_id)
        problem = one.problem
        if problem is None or problem.later is None:
            return one
        now = self._services.now()
        again = known is not None and known.error_class == NOT_FOUND
        if one.refused and not again:
            problem.status, problem.later = "rejected", None
            return one
        attempts = (known.attempts if again else 0) + attempt
        since = known.since if again and known.since is not None else now
        due = next_attempt(
            self._run.route.delivery.retry,
            attempts=attempts if attempt else 0,
            since=since if attempts else now,  # what was alone to blame before waits no longer than retry.age
            now=now,
            retry_after=None,
            rng=self._services.rng,
        )
        if due is not None:
            problem.later = Later(attempts, since, due)
            return one
        began = datetime.fromtimestamp(since, UTC).isoformat(" ", "seconds")
        problem.status, problem.later = "rejected", None
        problem.reason += f"; asked {times(attempts)} since {began} (delivery.retry)"
        return one
