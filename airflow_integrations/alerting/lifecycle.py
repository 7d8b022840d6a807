"""When people are told that something is wrong, still wrong, or over: one alert of one route, and each of its targets.

An alert is firing or not; a stretch of firing is an episode. For each target:

- the first message of an episode goes out at once, but no sooner than QUIET after the one before;
- while it lasts, it is told again after ``repeat``;
- a target that was told is told that it is over, at once;
- an episode that was over before it could be told is told afterwards. Nothing is lost silently, and what comes and goes
  is told in one message with how often it came.

A message that could not be sent is due again the next time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from airflow_integrations.ledger.alerts import AlertState, Told

__all__ = ["QUIET", "Transition", "due", "sent", "step", "unsent"]

QUIET = 900.0
"""Seconds between two messages that an alert fires."""

Transition = Literal["firing", "still", "resolved", "passed"]
"""It began; it goes on; it is over; it came and was over before it was told."""


def step(state: AlertState, detail: str | None, targets: Iterable[str], now: float) -> AlertState:
    """The alert as it is now. ``detail``: it fires, and what is wrong; None: it does not."""
    begins = detail is not None and state.since is None
    told = {}
    for name in targets:
        before = state.targets.get(name)
        if before is None:  # a new target hears of what is going on
            told[name] = Told(owed=1 if detail is not None else 0)
        else:
            told[name] = replace(before, owed=before.owed + 1) if begins else before
    if detail is None:
        ended = state.since is not None
        return replace(state, since=None, over=now if ended else state.over, targets=told)
    return replace(state, since=now if begins else state.since, detail=detail, targets=told)


def due(state: AlertState, target: str, now: float, repeat: float) -> Transition | None:
    """Transition the target is to be told now."""
    told = state.targets[target]
    rested = told.at is None or now - told.at >= QUIET
    if state.since is not None:
        if told.owed and rested:
            return "firing"
        return "still" if told.knows and told.at is not None and now - told.at >= repeat else None
    if told.knows:
        return "resolved"
    return "passed" if told.owed and rested else None


def sent(state: AlertState, target: str, what: Transition, now: float) -> AlertState:
    """The target has got the message."""
    before = state.targets[target]
    at = before.at if what == "resolved" else now
    told = Told(knows=what in ("firing", "still"), at=at)
    return replace(state, targets={**state.targets, target: told})


def unsent(state: AlertState, target: str) -> AlertState:
    """The message could not be sent."""
    before = state.targets[target]
    return replace(state, targets={**state.targets, target: replace(before, failed=before.failed + 1)})
