"""Explanations of statuses and errors, for the person who has to decide at three in the morning."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from airflow_integrations.ledger.status import Status

__all__ = ["CAUSES", "MEANINGS", "TONES", "cause", "tone", "word"]

TONES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "delivered": "good",
        "unchanged": "good",
        "superseded": "quiet",
        "filtered": "quiet",
        "merged": "quiet",
        "skipped": "quiet",
        "pending": "busy",
        "in_flight": "busy",
        "retrying": "warn",
        "waiting": "warn",
        "in_doubt": "doubt",
        "rejected": "bad",
        "failed": "bad",
    }
)
"""How a status looks. Its name stands beside the colour everywhere."""

MEANINGS: Final[Mapping[Status, str]] = MappingProxyType(
    {
        "pending": "A run has taken it and has not sent it yet. Nothing to do: if the run dies, another takes over.",
        "in_flight": "A run is sending it now. Nothing to do: if the run dies, another takes over.",
        "delivered": "The target has confirmed it.",
        "unchanged": "The same content was delivered before; nothing was sent.",
        "superseded": "A newer version was delivered before; nothing was sent.",
        "filtered": "A filter of the route left it out.",
        "merged": "It went out as a part of another entity.",
        "skipped": "It was closed undelivered. If a newer version arrives, it is delivered as usual.",
        "rejected": "The route could not transform it. Fix the route or the payload, then retry.",
        "failed": "The target refused it, or its attempts ran out. Fix the cause or the payload, then retry.",
        "retrying": "It could not be delivered yet. It is retried automatically; Retry sends it with the next run.",
        "in_doubt": "It was sent, and no response says whether it arrived. Check the target first: "
        "if it is there, mark it delivered; if not, retry.",
        "waiting": "The target accepted it and has not confirmed it yet. After its deadline it is failed.",
    }
)
"""What it is, and what to do."""

CAUSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "rejected": "The record does not fit the route: a field is missing or has the wrong form. "
        "Fix the route file or the source; for one record, edit its payload.",
        "refused": "The target refused it. Its message says why: fix the data there or here, or edit the payload.",
        "later": "The target asked to be tried again later. It is retried automatically, as delivery.retry says.",
        "outage": "The target could not be reached. It is retried automatically when the target is back.",
        "server": "The target answered with a server error. It is retried automatically; tell its owner if it lasts.",
        "rate_limit": "The target wants fewer requests. It is retried automatically; "
        "lower the route's delivery.concurrency if it lasts.",
        "unknown": "It was sent and no response says what became of it. Check the target before you send it again.",
        "setup": "Something is not set up: a Connection, a credential, a permission. Fix that, then retry.",
        "waiting": "The target accepted it and has not confirmed it yet.",
        "leased": "Another run was processing it. It goes with the next run.",
        "expired": "The target did not confirm it in time. Check the target; then retry, or mark it delivered.",
        "gave_up": "Its attempts or its time ran out. Fix the cause, then retry.",
        "unreadable": "The target answered, and the route could not read from the response what became of this entity. "
        "Check the target; fix the route's results or success.",
        "unwritable": "No request could be built for it. Fix the route file or edit the payload, then retry.",
        "too_large": "It is larger than the target accepts. Edit the payload, or skip it.",
        "stopped": "The run's push stopped before it was sent. It goes with the next run.",
    }
)
"""By ``error_class``: what it means and what helps."""


def word(name: str) -> str:
    """A status or count as people write it."""
    return name.replace("_", " ")


def tone(status: str) -> str:
    return TONES.get(status, "quiet")


def cause(error_class: str | None) -> str:
    """Empty where there is nothing to say beyond the message."""
    return CAUSES.get(error_class or "", "")
