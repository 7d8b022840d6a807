"""The journal of a push: reserve, send, confirm. It is the write-ahead log of the ledger's books.

Before a batch is sent its ordinals are written as *sent*; when the target has answered, what became of each entity.
A push that was killed leaves batches that are only *sent*: the next attempt knows which, and nothing else is sent
again. An ordinal is an entity's position in what transform handed over, those taken over from earlier runs behind.
Where push is spread over several tasks, each part has a journal and ordinals of its own.

One JSON array a line: ``["sent", ordinals]``, ``["back", ordinals]`` (not sent after all), ``["done", ordinals,
entries]``, and of an entity that goes in steps ``["step", ordinal, what the target has confirmed]``. Ordinals are
``[first, count]`` or ``[[o, o, …]]``, an entry is ``[status, target id]`` or what :func:`_told` writes. A line cut
short by a crash is the last of its file and is passed over: what it would have said is then unknown, which is what
*sent* means. Of an entity in steps it means that for the first step that no line confirms.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import IO, Any

import msgspec

from airflow_integrations.ledger.progress import StepDone
from airflow_integrations.ledger.records import Outcome
from airflow_integrations.ledger.status import STATUSES
from airflow_integrations.staging.folder import Staging

__all__ = ["Journal"]

_UNTOUCHED, _SENT, _DONE = 0, 1, 2
_CODE = {status: code for code, status in enumerate(STATUSES, _DONE)}
_RETRYING = _CODE["retrying"]
_PLAIN = frozenset({"delivered", "unchanged", "superseded"})
_decode = msgspec.json.Decoder(list[Any]).decode
_encode = msgspec.json.Encoder().encode


class Journal:
    """Open with :meth:`open`; one byte of memory for each entity of the run."""

    def __init__(self, staging: Staging, entities: int, part: int = 0) -> None:
        self._staging = staging
        self._name = f"push-p{part}" if part else "push"
        self.local = staging.local
        """Lines are appended to a file; else they become objects, and waiting for them is worth while."""
        self._state = bytearray(entities)
        self._file: IO[bytes] | None = None
        self._waiting = b""
        self._pending: list[bytes] = []
        self._committing: asyncio.Task[None] | None = None
        self._object = 0
        self._unanswered: dict[int, list[int]] = {}
        self.steps: dict[int, list[StepDone]] = {}
        """What the target has confirmed of entities that have no outcome yet, by ordinal."""
        self._noted = self._written = 0
        self.done_lines = 0
        """How many lines say what became of entities, in all files and attempts."""
        self.durable_lines = 0
        """How many of them would survive the death of this process."""

    @classmethod
    def read(cls, staging: Staging, entities: int, part: int = 0) -> Journal:
        """What earlier attempts have written; nothing is opened for writing. ``part`` has so many entities."""
        journal = cls(staging, entities, part)
        for line in journal._lines():
            journal._apply(line)
        journal.durable_lines = journal.done_lines
        return journal

    @classmethod
    def open(cls, staging: Staging, entities: int, part: int = 0) -> Journal:
        """The same, ready to go on. What was left to be retried later is open again: later may be now."""
        journal = cls.read(staging, entities, part)
        journal._state = journal._state.replace(bytes([_RETRYING]), bytes([_UNTOUCHED]))
        if journal.local:
            staging.folder.mkdir(parents=True, exist_ok=True)
            file = (staging.folder / f"{journal._name}.journal").open("ab", buffering=0)
            try:
                if file.tell():
                    file.write(b"\n")  # ends a line that a crash may have cut short
            except BaseException:  # the disk is full
                file.close()
                raise
            journal._file = file
        return journal

    @property
    def entities(self) -> int:
        """How many it is about."""
        return len(self._state)

    def grow(self, entities: int) -> None:
        """The run has so many entities more, behind those that it has."""
        self._state.extend(bytes(entities))

    def close(self) -> None:
        try:
            self.flush()
        finally:
            if self._file is not None:
                self._file.close()
                self._file = None

    # what is known

    def concluded(self, ordinal: int) -> bool:
        return self._state[ordinal] >= _DONE

    def unanswered(self, ordinal: int) -> bool:
        """Sent by an attempt that ended before it was answered."""
        return self._state[ordinal] == _SENT

    @property
    def unanswered_batches(self) -> list[list[int]]:
        """Ordinals of the batches that are unanswered, as they were sent: a target that knows a batch by
        its idempotency key must get the same one again."""
        return list(self._unanswered.values())

    @property
    def pending(self) -> int:
        """Entities whose fate is not known to be decided."""
        return self._state.count(_UNTOUCHED) + self._state.count(_SENT)

    @property
    def counts(self) -> Counter[str]:
        """How many entities have which fate."""
        found = {status: self._state.count(code) for status, code in _CODE.items()}
        return Counter({status: count for status, count in found.items() if count})

    def outcomes(self, behind: int = 0) -> Iterator[tuple[int, int, Outcome]]:
        """``(line, ordinal, outcome)`` of every done line after the first ``behind`` ones, in their order.

        Version and hash are not in the journal; of plainly delivered, unchanged and superseded entities the key is
        not either: the segments have them.
        """
        number = 0
        for line in self._lines():
            if line[0] != "done":
                continue
            number += 1
            if number > behind:
                for ordinal, entry in zip(_ordinals(line), line[-1], strict=True):
                    yield number, ordinal, _heard(ordinal, entry)

    # what happens

    async def sent(self, ordinals: Sequence[int]) -> None:
        """Durable before it returns: only then may the batch leave this machine."""
        self._note(["sent", *_short(ordinals)])
        await self.durable()

    async def back(self, ordinals: Sequence[int]) -> None:
        """The batch had no effect at the target and is to be sent later."""
        self._note(["back", *_short(ordinals)])
        await self.durable()

    def step(self, ordinal: int, done: StepDone) -> None:
        """The target has confirmed a step of an entity. Durable as :meth:`done` is."""
        self._note(["step", ordinal, done])

    def done(self, ordinals: Sequence[int], outcomes: Sequence[Outcome]) -> int:
        """What became of a batch; returns the number of its line, from 1. Durable with the next batch that is sent:
        await :meth:`durable` where none follows at once."""
        entries = [
            (outcome.status, outcome.target_id)
            if outcome.status in _PLAIN and not outcome.unanswered
            else _told(outcome)
            for outcome in outcomes
        ]
        self._note(["done", *_short(ordinals), entries])
        return self.done_lines

    async def durable(self) -> None:
        """Wait until everything that was noted so far survives the death of this process."""
        if self._file is not None:
            self.flush()
            return
        noted = self._noted
        while self._written < noted:
            if self._committing is None:
                self._committing = asyncio.ensure_future(self._commit())
            await asyncio.shield(self._committing)

    def _note(self, line: list[Any]) -> None:
        self._apply(line)
        encoded = _encode(line) + b"\n"
        if self._file is not None:
            self._waiting += encoded
        else:
            self._pending.append(encoded)
            self._noted += 1

    def flush(self) -> None:
        """One write for all that waits, where staging can append; unbuffered, so that it survives a crash."""
        if self._file is not None and self._waiting:
            written = self._file.write(self._waiting)
            self._waiting = self._waiting[written:]
            if self._waiting:  # the disk is full: the last line may be cut short
                raise OSError(f"{self._file.name} takes no more; is the disk full?")
            self.durable_lines = self.done_lines

    async def _commit(self) -> None:
        """Everything that waits becomes one object: stores without append get a new object, not a longer one."""
        lines, done = list(self._pending), self.done_lines
        try:
            name = f"{self._name}-{self._object:06d}.journal"
            await asyncio.to_thread(self._staging.write, name, b"".join(lines))
            self._object += 1
            del self._pending[: len(lines)]
            self._written += len(lines)
            self.durable_lines = done
        finally:
            self._committing = None

    def _apply(self, line: list[Any]) -> None:
        if line[0] == "step":
            self.steps.setdefault(line[1], []).append(
                line[2] if type(line[2]) is StepDone else msgspec.convert(line[2], StepDone)
            )
            return
        what, ordinals = line[0], _ordinals(line)
        if what == "sent":
            self._unanswered[ordinals[0]] = list(ordinals)
            self._set(ordinals, bytes([_SENT]) * len(ordinals))
            return
        if what == "done":
            self.done_lines += 1
            self._set(ordinals, bytes([_CODE[entry[0]] for entry in line[-1]]))
            if self.steps:
                for ordinal in ordinals:
                    self.steps.pop(ordinal, None)
        else:
            self._set(ordinals, bytes(len(ordinals)))
        self._ended(ordinals)

    def _set(self, ordinals: Sequence[int], states: bytes) -> None:
        if type(ordinals) is range:
            self._state[ordinals.start : ordinals.stop] = states
            return
        for ordinal, state in zip(ordinals, states, strict=True):
            self._state[ordinal] = state

    def _ended(self, ordinals: Sequence[int]) -> None:
        """A batch, or a part of one, is no longer unanswered."""
        if self._unanswered.get(ordinals[0]) == list(ordinals):
            del self._unanswered[ordinals[0]]
            return
        gone = set(ordinals)
        for first, batch in list(self._unanswered.items()):
            left = [ordinal for ordinal in batch if ordinal not in gone]
            if len(left) < len(batch):
                del self._unanswered[first]
                if left:
                    self._unanswered[left[0]] = left

    def _lines(self) -> Iterator[list[Any]]:
        folder = self._staging.folder
        if not folder.exists():
            return
        own = re.compile(rf"{self._name}(-\d+)?\.journal")
        for path in sorted((path for path in folder.iterdir() if own.fullmatch(path.name)), key=str):
            if path.name != f"{self._name}.journal":
                self._object = max(self._object, int(path.name[len(self._name) + 1 : -8]) + 1)
            with path.open("rb") as lines:
                for line in lines:
                    try:
                        yield _decode(line)
                    except msgspec.DecodeError:
                        continue


def _short(ordinals: Sequence[int]) -> list[Any]:
    first, count = ordinals[0], len(ordinals)
    consecutive = type(ordinals) is range or ordinals[-1] - first == count - 1
    return [first, count] if consecutive else [list(ordinals)]


def _ordinals(line: list[Any]) -> Sequence[int]:
    return line[1] if type(line[1]) is list else range(line[1], line[1] + line[2])


def _told(outcome: Outcome) -> tuple[Any, ...]:
    return (
        outcome.status,
        outcome.target_id,
        outcome.key,
        outcome.reason,
        outcome.http_status,
        outcome.error_class,
        outcome.attempts,
        outcome.since,
        outcome.next_attempt,
        outcome.deadline,
        outcome.batch,
        outcome.unanswered,
        outcome.steps,
    )


def _heard(ordinal: int, entry: list[Any]) -> Outcome:
    outcome = Outcome(key="", status=entry[0], target_id=entry[1], payload_stage="push", payload_at=ordinal)
    if len(entry) > 2:
        (_, _, outcome.key, outcome.reason, outcome.http_status, outcome.error_class) = entry[:6]
        (outcome.attempts, outcome.since, outcome.next_attempt, outcome.deadline, outcome.batch) = entry[6:11]
        # Lines of earlier versions end here: what they do not say is on the safe side.
        outcome.unanswered = entry[11] if len(entry) > 11 else outcome.error_class in ("unknown", "outage", "server")
        outcome.steps = entry[12] if len(entry) > 12 else None
    return outcome
