"""Records that go into the ledger and come out of it: small structures without behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import msgspec

from airflow_integrations.ledger.status import BY_STATUS, Status
from airflow_integrations.window import Window

__all__ = [
    "FORGOTTEN",
    "LEASED",
    "LONGEST_MAYBE",
    "MOST_KEYS",
    "NOT_FOUND",
    "REMEMBERED",
    "RETRIED",
    "Due",
    "Known",
    "Lapsed",
    "Outcome",
    "PayloadRef",
    "PayloadStage",
    "Reservation",
    "RetryWanted",
    "RouteState",
    "RunKind",
    "RunRef",
]

RunKind = Literal["scheduled", "manual", "backfill", "asset", "cli", "event", "live"]
PayloadStage = Literal["push", "problems-fetch", "problems-transform", "filtered"]
LEASED = "leased"
"""``error_class`` of an entity that a run passed over because another run had a state of it in flight."""

NOT_FOUND = "not_found"
"""``error_class`` of an entity that waits until a lookup finds what is missing."""


@dataclass(frozen=True, slots=True)
class RunRef:
    """A run that the ledger knows. ``id`` and ``route_id`` are the ledger's own numbers."""

    id: int
    route_id: int
    route: str
    run_id: str
    part: int = 0
    """Which part of its push: each has a journal, and leases of its own."""


@dataclass(frozen=True, slots=True)
class RouteState:
    """What a route's next run begins with."""

    mark: datetime | None = None
    """The end of the last window that was completed without a gap."""
    cursor: str | None = None
    outages: int = 0
    circuit_until: float = 0.0
    newest: str | None = None
    """The greatest value that a run saw of what the cursor is made of; the cursor itself may be an earlier one."""
    missed: datetime | None = None
    """Where the earliest window starts that no completed run has covered: the next gapless window begins there."""


LONGEST_MAYBE: Final = 329
"""Characters of ten content hashes with commas between them: so many of what may have arrived are remembered."""
FORGOTTEN: Final = "*"
"""Stands in ``maybe`` for all that came before those."""


class Known(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the ledger knows of an entity when a push is about to send a state of it."""

    status: Status
    hash: str | None
    delivered_hash: str | None
    delivered_version: str | None
    deliveries: int
    target_id: str | None
    attempts: int
    since: float | None
    next_attempt: float | None
    deadline: float | None
    error_class: str | None
    version: str | None = None
    """Of the state that the status is about."""
    maybe: str | None = None
    """Content hashes, newest first, a comma between them: what was sent since the last delivery and may have arrived.
    None: the target has what was delivered last. The ten newest, and then FORGOTTEN for those before them."""
    unheard: int | None = None
    """How often other content followed one that may have arrived."""

    def generation(self, content: str | None) -> int:
        """The part of the idempotency key that makes content new where something else may have arrived since."""
        return self.deliveries + (self.unheard or 0) + (self.maybe is not None and not self.newest_unanswered(content))

    def sent_unanswered(self, content: str | None) -> Known:
        """What is known after a state with this content was sent and is unanswered."""
        if (
            content is None
            or self.newest_unanswered(content)
            or (self.maybe is None and content == self.delivered_hash)
        ):
            return self
        if self.maybe is None:
            return msgspec.structs.replace(self, maybe=content)
        maybe = f"{content},{self.maybe}"
        if len(maybe) > LONGEST_MAYBE:
            maybe = f"{maybe[:LONGEST_MAYBE]},{FORGOTTEN}"
        return msgspec.structs.replace(self, maybe=maybe, unheard=(self.unheard or 0) + 1)

    def may_be_there(self, content: str | None) -> bool:
        """Whether this content is among what was sent since the last delivery and may have arrived, as far as is known:
        where there was too much to remember all of it, any content is."""
        if content is None or self.maybe is None:
            return False
        sent = self.maybe.split(",")
        return content in sent or FORGOTTEN in sent

    def newest_unanswered(self, content: str | None) -> bool:
        """Whether this content is what the target may hold, and was sent last."""
        return self.maybe is not None and self.maybe.partition(",")[0] == content


class Reservation(msgspec.Struct, frozen=True):
    """What :func:`reserve` gives: a lease on all keys it was asked for but ``taken``."""

    claim: int | None
    """To hand back to :func:`conclude` when all of its entities have their fate. None: all were taken."""
    known: dict[str, Known]
    """Of those keys that the ledger has seen."""
    taken: frozenset[str]
    """Keys that another run has in flight."""


class Outcome(msgspec.Struct, gc=False, kw_only=True):
    """What became of one entity in a run."""

    key: str
    status: Status
    version: str | None = None
    hash: str | None = None
    """Content hash of the state it is about. None where there is none: filtered, merged, rejected."""
    target_id: str | None = None
    reason: str | None = None
    error_class: str | None = None
    """rejected, refused, outage, server, rate_limit, unknown, setup, gave_up, leased, expired, …; None: no error."""
    http_status: int | None = None
    attempts: int = 0
    """How often the open state has been tried; 0 where the status closes it."""
    since: float | None = None
    """When the open state was first tried."""
    next_attempt: float | None = None
    deadline: float | None = None
    payload_stage: PayloadStage | None = None
    payload_at: int | None = None
    deleted: bool = False
    """It was a deletion."""
    unanswered: bool = False
    """It was sent, and no answer says what became of it: it may have arrived."""
    batch: str | None = None
    """The batch it was sent in without an answer: a target that knows batches by their idempotency key must get the
    same one again."""
    steps: str | None = None
    """Which of its steps the target has confirmed, as :meth:`Progress.dump` writes it, where the entity was not
    delivered; None: nothing new."""
    waits: tuple[tuple[str, str], ...] = ()
    """Route and key of entities for whose delivery it waits."""


@dataclass(frozen=True, slots=True)
class PayloadRef:
    """Where a payload is staged. ``folder`` is a run's folder as :class:`Staging` was given it; empty: removed."""

    folder: str
    stage: PayloadStage
    """Where the entity stopped, and so the form of its payload."""
    at: int
    """The line within that stage, from 0. Below 0: the line within the manifest's ``held``; -1 is the first one."""

    @property
    def held(self) -> bool:
        """Whether it was kept when its run began anew."""
        return self.at < 0

    @property
    def line(self) -> int:
        """The line within the stage, or within ``held``, from 0."""
        return -1 - self.at if self.at < 0 else self.at


@dataclass(frozen=True, slots=True)
class Due:
    """An entity that a run takes over from earlier ones."""

    key: str
    status: Status
    """What it was until now."""
    version: str | None
    payload: PayloadRef | None
    """None: the payload is gone; only a new fetch brings it again."""
    overlay: str | None
    """The payload as a person has edited it, JSON."""
    deleted: bool
    """It is a deletion that could not be delivered yet."""
    batch: str | None = None
    """The batch it was sent in without an answer."""


@dataclass(frozen=True, slots=True)
class RetryWanted:
    """Which open entities a run is to take over. The default: those that are due by themselves."""

    statuses: frozenset[Status] | None = None
    keys: frozenset[str] | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Lapsed:
    """A run whose push has died: a lease of its passed while it still had entities in flight."""

    run: RunRef
    kind: RunKind
    window: Window
    route_hash: str
    staging: str
    """The run's folder, where its journal is; empty: removed."""


REMEMBERED = 150
"""Files, requests and messages whose control numbers are remembered for a further attempt: a partner's newest ones."""
MOST_KEYS = 10_000
"""Keys that a person, a program or a run's conf may name at once: a list of them stays a request of a few megabytes."""

RETRIED: Final[Mapping[str, RetryWanted]] = {
    "due": RetryWanted(),
    **{status: RetryWanted(statuses=frozenset({status})) for status in BY_STATUS},
    # Not those that wait for the target's confirmation: it has them.
    "all": RetryWanted(statuses=frozenset({"failed", "rejected", "in_doubt", "retrying"})),
}
"""``due`` are those that are due by themselves; a status names all that have it; ``all`` is all that went wrong."""
