"""What statuses and errors mean, in the words of the person who has to decide at three in the morning."""

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
        "pending": "A run has taken it and has not decided yet. Nothing to do: should the run die, another takes over.",
        "in_flight": "A run is sending it now. Nothing to do: should the run die, another takes over.",
        "delivered": "The target has confirmed it.",
        "unchanged": "The same content was delivered before; nothing was sent.",
        "superseded": "A newer version was delivered before; nothing was sent.",
        "filtered": "A filter of the route left it out.",
        "merged": "It went out as a part of another entity.",
        "skipped": "It was closed undelivered. A new state of it, should one come, is delivered as usual.",
        "rejected": "The route could not make of it what it has to be. Mend the route or the payload; then retry.",
        "failed": "The target refused it for good, or attempts ran out. Mend the cause or the payload; then retry.",
        "retrying": "It could not be delivered yet. It goes again by itself; retry sends it with the next run.",
        "in_doubt": "It was sent, and nobody knows whether it arrived. Look in the target first: "
        "mark it delivered where it is there, retry where it is not.",
        "waiting": "The target took it and has yet to confirm it. After its deadline it is failed.",
    }
)
"""What it is, and what to do."""

CAUSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "rejected": "The record does not fit the route: a field is missing or has the wrong form. "
        "Mend the route file or the source; for one record, edit its payload.",
        "refused": "The target looked at it and said no. Its message says why; "
        "mend the data there or here, or edit the payload.",
        "outage": "The target could not be reached. It goes again by itself when the target is back.",
        "server": "The target answered with an error of its own. It goes again by itself; tell its owner if it lasts.",
        "rate_limit": "The target wants fewer requests. It goes again by itself; "
        "lower the route's delivery.concurrency if it lasts.",
        "unknown": "It was sent and no answer says what became of it. Look in the target before you send it again.",
        "setup": "Something is not set up: a Connection, a credential, a permission. Retry when that is mended.",
        "waiting": "The target took it and has yet to confirm it.",
        "leased": "Another run had it under way. It goes with the next run.",
        "expired": "The target did not confirm it in time. Look in the target; then retry, or mark it delivered.",
        "gave_up": "Its attempts or its time ran out. Mend the cause, then retry.",
        "unreadable": "The target answered, and the route could not read from it what became of this entity. "
        "Look in the target; mend the route's results or success.",
        "unwritable": "No request could be written for it. Mend the route file, or edit the payload; then retry.",
        "too_large": "It is larger than the target takes. Edit the payload, or skip it.",
        "stopped": "The run's push did not come to its end. It goes with the next run.",
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
