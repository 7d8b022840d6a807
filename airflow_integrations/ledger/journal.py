"""The journal of a push: reserve, send, confirm.

Before a batch is sent its ordinals are written as *sent*; when the target has answered, what became of each entity.
A push that was killed leaves batches that are only *sent*: the next attempt knows which, and nothing else is sent
again. An ordinal is an entity's position in what transform handed over; batches are runs of consecutive ordinals.

One JSON array a line: ``["sent", first, count]``, ``["back", first, count]`` (not sent after all),
``["done", first, [[status, target id, key, reason, http status], …]]``. A line cut short by a crash is the last of its
file and is passed over: what it would have said is then unknown, which is what *sent* means.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import IO, Any

import msgspec

from airflow_integrations.outgoing import Result
from airflow_integrations.staging import Staging

__all__ = ["Journal"]

_UNTOUCHED, _SENT, _DONE = 0, 1, 2
_decode = msgspec.json.Decoder(list[Any]).decode
_encode = msgspec.json.Encoder().encode


class Journal:
    """Open with :meth:`open`; one byte of memory for each entity of the run."""

    def __init__(self, staging: Staging, entities: int) -> None:
        self._staging = staging
        self._state = bytearray(entities)
        self._entities = entities
        self._file: IO[bytes] | None = None
        self._waiting = b""
        self._pending: list[bytes] = []
        self._committing: asyncio.Task[None] | None = None
        self._part = 0
        self.counts: Counter[str] = Counter()

    @classmethod
    def read(cls, staging: Staging, entities: int) -> Journal:
        """What earlier attempts have written; nothing is opened for writing."""
        journal = cls(staging, entities)
        for line in journal._lines():
            journal._apply(line)
        return journal

    @classmethod
    def open(cls, staging: Staging, entities: int) -> Journal:
        """The same, ready to go on."""
        journal = cls.read(staging, entities)
        if staging.local:
            staging.folder.mkdir(parents=True, exist_ok=True)
            journal._file = (staging.folder / "push.journal").open("ab", buffering=0)
            if journal._file.tell():
                journal._file.write(b"\n")  # ends a line that a crash may have cut short
        return journal

    def close(self) -> None:
        self.flush()
        if self._file is not None:
            self._file.close()
            self._file = None

    # what is known

    def concluded(self, ordinal: int) -> bool:
        return self._state[ordinal] == _DONE

    def in_flight(self, ordinal: int) -> bool:
        """Sent by an attempt that ended before it heard what became of it."""
        return self._state[ordinal] == _SENT

    @property
    def pending(self) -> int:
        """Entities whose fate is not known to be decided."""
        return self._entities - sum(self.counts.values())

    def problems(self) -> Iterator[tuple[int, str, str, str | None, int | None]]:
        """``(ordinal, status, key, reason, HTTP status)`` of every entity that was neither delivered nor skipped."""
        for line in self._lines():
            if line[0] == "done":
                for ordinal, entry in enumerate(line[2], line[1]):
                    if len(entry) == 5 and entry[0] in ("failed", "in_doubt"):
                        yield ordinal, entry[0], entry[2], entry[3], entry[4]

    # what happens

    async def sent(self, first: int, count: int) -> None:
        """Durable before it returns: only then may the batch leave this machine."""
        if not self._noted(["sent", first, count]):
            await self._committed()

    async def back(self, first: int, count: int) -> None:
        """The batch had no effect at the target and is to be sent later."""
        if not self._noted(["back", first, count]):
            await self._committed()

    async def done(self, first: int, keys: Sequence[str], results: Sequence[Result]) -> None:
        """What became of a batch. Written with the next batch that is sent: flush it where none follows at once."""
        entries = [
            (r.status, r.target_id)
            if r.status == "delivered"
            else (r.status, r.target_id, key, r.reason, r.http_status)
            for key, r in zip(keys, results, strict=True)
        ]
        if not self._noted(["done", first, entries], now=False):
            await self._committed()

    def _noted(self, line: list[Any], *, now: bool = True) -> bool:
        """Take a line in. True where it is written, or may wait (``now=False``) for the next one, flush or close."""
        self._apply(line)
        encoded = _encode(line) + b"\n"
        if self._file is None:
            self._pending.append(encoded)
            return False
        self._waiting += encoded
        if now:
            self.flush()
        return True

    async def _committed(self) -> None:
        """Wait until the line that was just taken in is an object of the store."""
        encoded = self._pending[-1]
        while encoded in self._pending or self._committing is not None:
            if self._committing is None:
                self._committing = asyncio.ensure_future(self._commit())
            await asyncio.shield(self._committing)
            if encoded not in self._pending:
                return

    def flush(self) -> None:
        """One write for all that waits; unbuffered, so that it survives the death of this process."""
        if self._file is not None and self._waiting:
            self._file.write(self._waiting)
            self._waiting = b""

    async def _commit(self) -> None:
        """Everything that waits becomes one object: stores without append get a new object, not a longer one."""
        lines = list(self._pending)
        try:
            name = f"push-{self._part:06d}.journal"
            await asyncio.to_thread(self._staging.write, name, b"".join(lines))
            self._part += 1
            del self._pending[: len(lines)]
        finally:
            self._committing = None

    def _apply(self, line: list[Any]) -> None:
        what, first = line[0], line[1]
        if what == "sent":
            self._state[first : first + line[2]] = bytes([_SENT]) * line[2]
        elif what == "back":
            self._state[first : first + line[2]] = bytes(line[2])
        elif what == "done":
            for ordinal, entry in enumerate(line[2], first):
                if self._state[ordinal] != _DONE:
                    self._state[ordinal] = _DONE
                    self.counts[entry[0]] += 1

    def _lines(self) -> Iterator[list[Any]]:
        folder = self._staging.folder
        if not folder.exists():
            return
        for path in sorted(
            (p for p in folder.iterdir() if p.name.startswith("push") and p.name.endswith(".journal")), key=str
        ):
            if path.name != "push.journal":
                self._part = max(self._part, int(path.name[5:-8]) + 1)
            with path.open("rb") as lines:
                for line in lines:
                    try:
                        yield _decode(line)
                    except msgspec.DecodeError:
                        continue
