"""How far an entity has come that is sent in several requests, its *steps*: which of them the target has confirmed."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec

from airflow_integrations.formats.json import decode

__all__ = ["Progress", "StepDone", "step_name"]

_ITEM = re.compile(r"\[\d+\]$")


class StepDone(msgspec.Struct, frozen=True, array_like=True):
    """A step that the target has confirmed."""

    step: str
    """Its name; ``lines[2]`` for the third item of a step with ``each``."""
    result: str
    """JSON, with all digits of its numbers."""
    request: str
    """``erp: POST /orders``, without credentials."""
    status: int | None
    at: float
    answer: str = ""
    """The beginning of what the target answered, without credentials, for people."""

    @property
    def name(self) -> str:
        """The step's name, without the number of an item."""
        return step_name(self.step)

    @property
    def value(self) -> Any:
        return decode(self.result)


class _Stored(msgspec.Struct, frozen=True, omit_defaults=True):
    done: list[StepDone] = []
    unanswered: bool = False
    released: bool = False
    again: list[str] = []


_decode = msgspec.json.Decoder(_Stored).decode
_encode = msgspec.json.Encoder().encode


class Progress:
    """The steps of one state of an entity.

    The kind that sends it calls :meth:`confirm` for each step that the target has confirmed, and waits for
    :meth:`durable` before the next request leaves: what was confirmed then survives the death of the process. The
    engine hands the same progress to the next attempt, in whatever run that is, as long as the content is the same.
    """

    def __init__(
        self,
        done: Iterable[StepDone] = (),
        *,
        unanswered: bool = False,
        released: bool = False,
        again: Iterable[str] = (),
    ) -> None:
        self.done = {step.step: step for step in done}
        self.unanswered = unanswered
        """The first step that is not confirmed was sent, and no answer says what became of it."""
        self.released = released
        """A person has decided that it may be sent again."""
        self.again = list(again)
        """The confirmed steps from which on a person has had all sent once more, in that order: each time they and
        those behind them get idempotency keys of their own."""
        self.stored = False
        """The ledger has something about this content."""
        self._note: Callable[[StepDone], None] | None = None
        self._wait: Callable[[], Awaitable[None]] | None = None
        self._noted = False

    @classmethod
    def read(cls, stored: str | bytes) -> Progress:
        """What :meth:`dump` has written."""
        found = _decode(stored)
        return cls(found.done, unanswered=found.unanswered, released=found.released, again=found.again)

    def dump(self) -> str:
        stored = _Stored(list(self.done.values()), self.unanswered, self.released, self.again)
        return _encode(stored).decode()

    @property
    def begun(self) -> bool:
        """The target may hold a part of this content."""
        return bool(self.done) or self.unanswered

    def listened_to(self, note: Callable[[StepDone], None], wait: Callable[[], Awaitable[None]]) -> None:
        """``note`` takes each step that is confirmed, ``wait`` returns when what was noted is durable."""
        self._note, self._wait = note, wait

    def confirm(self, done: StepDone) -> None:
        """The target has confirmed a step."""
        self.done[done.step] = done
        self.unanswered = self.released = False
        if self._note is not None:
            self._note(done)
            self._noted = True

    async def durable(self) -> None:
        """Before a request leaves: what was confirmed so far survives the death of this process."""
        if self._noted and self._wait is not None:
            self._noted = False
            await self._wait()

    @property
    def steps(self) -> list[str]:
        """The confirmed steps in their order; one with ``each`` once."""
        return list(dict.fromkeys(step_name(step) for step in self.done))

    def restarted_from(self, first: str) -> Progress:
        """The same, but that the confirmed step ``first`` and all behind it are sent once more. Raises KeyError where
        it is not confirmed."""
        names = self.steps
        if first not in names:
            raise KeyError(first)
        kept = names[: names.index(first)]
        done = [step for step in self.done.values() if step_name(step.step) in kept]
        return Progress(done, again=[*self.again, first])


def step_name(step: str) -> str:
    """``lines`` for ``lines[2]``, its third item."""
    return step.rpartition("[")[0] if _ITEM.search(step) else step
