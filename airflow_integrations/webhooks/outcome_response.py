"""Outcomes of an event's entities as a response to a sender who waits or asks later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from airflow_integrations.ledger.inbox.event_outcomes import EventFate

__all__ = ["OutcomeResponse", "tell"]

_REFUSED = frozenset({"rejected", "failed"})
_OPEN = frozenset({"pending", "in_flight", "retrying", "in_doubt", "waiting"})


class OutcomeResponse(msgspec.Struct, frozen=True):
    status: int
    """200: all have their fate, and a good one; 422: some were refused; 202: for some it is still open."""
    content: dict[str, Any]


def tell(event_id: str, fates: Sequence[tuple[EventFate | None, int | None]]) -> OutcomeResponse:
    """``fates`` has for each route the event's fate, None where it is still open, and how many entities it brought,
    None where nobody knows."""
    entities: list[dict[str, Any]] = []
    runs: list[dict[str, Any]] = []
    statuses: set[str] = set()
    for fate, brought in fates:
        if fate is None:
            statuses.add("pending")
            continue
        own = _entities(fate, brought)
        entities += own
        statuses.update(entity["status"] for entity in own)
        if fate.keys is not None and not fate.undecided:
            continue
        if fate.done is None:
            statuses.add("pending")
        else:  # only the run's books tell
            statuses.update(name for name, count in fate.counts.items() if count)
            runs.append({"route": fate.route, "run": fate.run_id, "counts": fate.counts})
    content: dict[str, Any] = {"event": event_id, "entities": entities}
    return OutcomeResponse(_status(statuses), content | ({"runs": runs} if runs else {}))


def _status(statuses: set[str]) -> int:
    if "pending" not in statuses and statuses & _REFUSED:
        return 422
    return 202 if statuses & _OPEN else 200


def _entities(fate: EventFate, brought: int | None) -> list[dict[str, Any]]:
    told = [
        {
            "route": fate.route,
            "key": entity.key,
            "status": entity.status,
            "target_id": entity.target_id,
            "error": entity.message,
        }
        for entity in fate.entities
    ]
    keyless = 0 if brought is None or fate.keys is None else brought - len(fate.keys)
    nameless = {"route": fate.route, "key": None, "status": "rejected", "target_id": None, "error": "it has no key"}
    return [*told, *([nameless] * keyless)]
