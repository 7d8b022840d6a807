"""The fates an entity can have, and which may follow which. The one place that knows; docs/ledger.md draws it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

__all__ = ["CLOSED", "KEPT", "STATUSES", "TRANSITIONS", "WRONG", "Status", "may_follow"]

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

CLOSED: Final = frozenset[Status]({"delivered", "unchanged", "superseded", "filtered", "merged", "skipped"})
"""Nothing is left to be done for an entity with one of these."""
WRONG: Final = frozenset[Status]({"rejected", "failed", "in_doubt"})
"""A person is asked to look."""
KEPT: Final = frozenset[Status]({"pending", "in_flight", "rejected", "failed", "retrying", "in_doubt", "waiting"})
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
