"""Parents whose children cannot be read while those of others can: they are set aside, and asked again at the end.

It is the rule of :mod:`airflow_integrations.blame`; a parent whose children came shows whether the service is there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from airflow_integrations.blame import are_to_blame
from airflow_integrations.errors import AnswerError, IntegrationError, OutageError, RunError, SetupError
from airflow_integrations.formats.json import read
from airflow_integrations.http.errors import Refused
from airflow_integrations.http.suspects import may_be_its_own
from airflow_integrations.incoming import LeftOut
from airflow_integrations.incoming.http.for_each.parents import Place
from airflow_integrations.incoming.http.walk import VanishedError

__all__ = ["MOST_ASIDE", "SetAside", "named"]

MOST_ASIDE = 100
"""They stand in the saved place, which is written with every commit."""


@dataclass(slots=True)
class _Aside:
    parent: str
    """Its JSON."""
    child: Any
    """The place in the pages of its children behind which it goes on."""
    error: IntegrationError | None = None
    """Why its children did not come the second time, either."""


class SetAside:
    """``ask`` asks for the first page of a parent's children. ``place`` is where the fetch goes on."""

    def __init__(self, name: str, ask: Callable[[str], Awaitable[object]], place: Place) -> None:
        self._name = name
        self._ask = ask
        self.parents = [_Aside(parent, child) for parent, child in place.aside]
        self.unreadable = list(place.unreadable)
        """Why parents themselves cannot be read."""
        self._good = place.good
        self._in_a_row = 0

    @property
    def any(self) -> bool:
        return bool(self.parents or self.unreadable)

    @property
    def saved(self) -> dict[str, Any]:
        """What the saved place has of them."""
        aside = [[each.parent, each.child] for each in self.parents]
        return {"aside": aside, "unreadable": self.unreadable, "good": self._good}

    def served(self, parent: str) -> None:
        """The children of this one came."""
        self._good, self._in_a_row = parent, 0

    async def takes(self, error: IntegrationError, parent: str, child: Any) -> bool:
        """Set a parent aside. False where ``error`` is not its own matter, as far as one can tell."""
        if not _may_be_its_own(error) or len(self.parents) >= MOST_ASIDE:
            return False
        self._in_a_row += 1
        if not are_to_blame(self._in_a_row, serves=True):
            if not await self._serves():
                return False
            self._in_a_row = 1
        self.parents.append(_Aside(parent, child))
        return True

    def refuse(self, reason: str) -> None:
        """A parent that cannot be read. Raises AnswerError where there are too many."""
        if reason not in self.unreadable:
            self.unreadable.append(reason)
        if len(self.unreadable) > MOST_ASIDE:
            raise AnswerError(f"for_each: over {MOST_ASIDE} parents cannot be read; the first: {self.unreadable[0]}")

    def failed_again(self, one: _Aside, error: IntegrationError) -> None:
        """Note why its children did not come again. Raises the error where the parent cannot be the reason."""
        if not _may_be_its_own(error):
            raise error
        one.error = error

    async def left_out(self) -> list[LeftOut]:
        """What is told of those that are left. Raises the first one's error where the service may be away."""
        errors = [each.error for each in self.parents if each.error is not None]
        if errors and not await self._serves():
            raise errors[0]
        found = [LeftOut({self._name: named(read(each.parent.encode()))}, self._reason(each)) for each in self.parents]
        return found + [LeftOut({self._name: None}, reason) for reason in self.unreadable]

    def _reason(self, one: _Aside) -> str:
        return f"the children of {self._name} {named(read(one.parent.encode()))!r} could not be read: {one.error}"

    async def _serves(self) -> bool:
        if self._good is None:
            return False
        try:
            await self._ask(self._good)
        except (OutageError, AnswerError, SetupError, RunError):
            return False
        return True


def named(parent: Any) -> str:
    """What a message calls a parent."""
    return str(parent.get("id") if isinstance(parent, dict) else parent)[:60]


def _may_be_its_own(error: IntegrationError) -> bool:
    if isinstance(error, VanishedError):  # for_each.missing decides
        return False
    if isinstance(error, OutageError | Refused | AnswerError):
        return may_be_its_own(error)
    return isinstance(error, RunError)
