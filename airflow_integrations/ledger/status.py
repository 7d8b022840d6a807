"""The fates an entity can have, and which may follow which. docs/operations/ledger.md draws it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

__all__ = [
    "BY_STATUS",
    "CLOSED",
    "DECIDED",
    "FATES",
    "INCOMING",
    "KEPT",
    "LEFT_BY_PUSH",
    "LEFT_BY_TRANSFORM",
    "OUTCOMES",
    "STATUSES",
    "TRANSITIONS",
    "WRONG",
    "Fate",
    "Status",
    "may_follow",
]

Status = Literal[
    "pending",
    "in_flight",
    "delivered",
    "unchanged",
    "superseded",
    "filtered",
    "merged",
    "rejected",
    "failed",
    "retrying",
    "in_doubt",
    "waiting",
    "skipped",
]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)


@dataclass(frozen=True, slots=True)
class Fate:
    """What a status means, for everybody who counts, colours or draws statuses."""

    left_by: Literal["transform", "push"] | None
    """The stage that entities with this fate have left the run behind; fetch counts as transform. Neither: they have
    not."""
    closed: bool = False
    """Nothing is left to be done for it."""
    wrong: bool = False
    """A person is asked to look."""
    decided: bool = False
    """It was decided on, well or badly: the rest still waits, or was left out on purpose."""


FATES: Final[Mapping[Status, Fate]] = MappingProxyType(
    {
        "delivered": Fate("push", closed=True, decided=True),
        "unchanged": Fate("push", closed=True, decided=True),
        "superseded": Fate("push", closed=True, decided=True),
        "filtered": Fate("transform", closed=True, decided=True),
        "merged": Fate("transform", closed=True, decided=True),
        "rejected": Fate("transform", wrong=True, decided=True),
        "failed": Fate("push", wrong=True, decided=True),
        "skipped": Fate("push", closed=True),
        "waiting": Fate("push"),
        "retrying": Fate("push"),
        "in_doubt": Fate("push", wrong=True, decided=True),
        "pending": Fate(None),
        "in_flight": Fate(None),
    }
)
"""In the order in which books tell them. What is told of statuses elsewhere is read from here."""

INCOMING: Final = ("fetched", "carried_in", "split_added", "deletes_emitted")
"""The one side of a run's books: what came."""
OUTCOMES: Final[tuple[Status, ...]] = tuple(status for status in FATES if status != "in_flight")
"""The other side: what became of it. *in_flight* is told from claims, never counted."""
WRONG: Final[tuple[Status, ...]] = tuple(status for status, fate in FATES.items() if fate.wrong)
"""A person is asked to look."""
DECIDED: Final[tuple[Status, ...]] = tuple(status for status, fate in FATES.items() if fate.decided)
LEFT_BY_TRANSFORM: Final[tuple[Status, ...]] = tuple(s for s, fate in FATES.items() if fate.left_by == "transform")
LEFT_BY_PUSH: Final[tuple[Status, ...]] = tuple(s for s, fate in FATES.items() if fate.left_by == "push")
CLOSED: Final = frozenset[Status](status for status, fate in FATES.items() if fate.closed)
"""Nothing is left to be done for an entity with one of these."""
BY_STATUS: Final[tuple[Status, ...]] = ("failed", "rejected", "in_doubt", "waiting", "retrying", "skipped")
"""A run may be asked to retry all that have one of these."""
KEPT: Final = frozenset[Status](STATUSES) - CLOSED
"""The payload is needed: it stays until the entity is closed."""

_BY_TRANSFORM: Final = frozenset[Status]({"filtered", "merged", "rejected"})
_BY_RESERVATION: Final = frozenset[Status]({"unchanged", "superseded", "skipped", "retrying", "in_doubt"})
_BY_TARGET: Final = frozenset[Status]({"delivered", "failed", "retrying", "in_doubt", "waiting", "skipped"})

TRANSITIONS: Final[Mapping[Status | None, frozenset[Status]]] = MappingProxyType(
    {
        None: frozenset({"pending"}),
        "pending": _BY_TRANSFORM | _BY_RESERVATION | {"in_flight"},
        "in_flight": _BY_TARGET | {"pending"},
        # A new state of the entity was fetched: it begins again from any fate. Below, what else may become of it.
        "delivered": frozenset({"pending"}),
        "unchanged": frozenset({"pending"}),
        "superseded": frozenset({"pending"}),
        "filtered": frozenset({"pending"}),
        "merged": frozenset({"pending"}),
        "skipped": frozenset({"pending", "retrying"}),
        "rejected": frozenset({"pending", "retrying", "skipped"}),
        "failed": frozenset({"pending", "retrying", "skipped", "delivered"}),
        "retrying": frozenset({"pending", "retrying", "failed", "skipped", "delivered"}),
        "in_doubt": frozenset({"pending", "retrying", "failed", "skipped", "delivered"}),
        "waiting": frozenset({"pending", "retrying", "failed", "skipped", "delivered"}),
    }
)
"""From (None: never seen) to. ``pending``: some run has taken it; ``in_flight``: it is leased by that run's push."""


def may_follow(before: Status | None, after: Status) -> bool:
    """Whether an entity may go from ``before`` to ``after`` in one step."""
    return after in TRANSITIONS[before]
