"""Views of the ledger for people: small structures, ready to be printed or written as JSON."""

from __future__ import annotations

import msgspec

from airflow_integrations.ledger.progress import StepDone, step_name
from airflow_integrations.ledger.records import PayloadRef, RunKind
from airflow_integrations.ledger.status import Status

__all__ = [
    "EntityLine",
    "EntityRecord",
    "ErrorGroup",
    "Lease",
    "Overlay",
    "Page",
    "QueueLine",
    "RunBooks",
    "RunPage",
    "StepRecord",
    "Transition",
]


class Transition(msgspec.Struct, frozen=True):
    """One line of an entity's history."""

    at: float
    status: Status
    run_id: str | None = None
    """None: a person or the maintenance decided it, or the run is no longer in the ledger."""
    attempts: int | None = None
    http_status: int | None = None
    reason: str | None = None


class Lease(msgspec.Struct, frozen=True):
    """A run has the entity in flight."""

    run_id: str
    until: float


class Overlay(msgspec.Struct, frozen=True):
    """The payload as a person has edited it."""

    by: str
    at: float
    stage: str
    payload: str


class RunBooks(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a route: its window and its books."""

    id: int
    """The ledger's own number; to hand to :func:`runs` as ``before``."""
    run_id: str
    kind: RunKind
    window: tuple[str, str]
    started: float
    finished: float | None
    counts: dict[str, int]
    seconds: dict[str, float]
    verdict: str | None
    bytes: int
    definition: str | None = None
    """The hash of the definition that the run began with."""


class RunPage(msgspec.Struct, frozen=True):
    """Runs, newest first. ``before`` asks for the next page; None: there is no more."""

    runs: tuple[RunBooks, ...]
    before: int | None


class StepRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A request for an entity that the target has confirmed. What it says is part of the payload."""

    step: str
    at: float
    status: int | None
    request: str | None
    """None: the user may not see payloads. So with the others."""
    answer: str | None
    """The beginning of it."""
    result: str | None
    """What the steps behind it see, JSON."""

    @property
    def name(self) -> str:
        """The step's name, without the number of an item."""
        return step_name(self.step)

    @classmethod
    def of(cls, done: StepDone) -> StepRecord:
        return cls(
            step=done.step,
            at=done.at,
            status=done.status,
            request=done.request,
            answer=done.answer,
            result=done.result,
        )


class Awaited(msgspec.Struct, frozen=True):
    """An entity of another route for whose delivery one waits, and what became of it so far."""

    route: str
    key: str
    status: str | None
    """None: its route has not had it."""
    error_class: str | None = None
    http_status: int | None = None
    changed: float | None = None

    @property
    def words(self) -> str:
        """In words: ``failed (HTTP 422)``."""
        if self.status is None:
            return "not seen yet"
        code = f" (HTTP {self.http_status})" if self.http_status else ""
        return f"{self.status.replace('_', ' ')}{code}"


class EntityRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the ledger knows of one entity."""

    route: str
    key: str
    status: Status
    """What it is now: ``in_flight`` while a run's push has it, ``pending`` while a run has taken it over."""
    decided: Status | None
    """Its last fate. None: it was never seen before the run that has it in flight."""
    lease: Lease | None = None
    run: RunBooks | None = None
    """The run that decided its last fate. None: the ledger has forgotten that run."""
    changed: float | None = None
    first_seen: float | None = None
    last_seen: float | None = None
    seen_run: str | None = None
    version: str | None = None
    hash: str | None = None
    delivered_hash: str | None = None
    delivered_version: str | None = None
    delivered_at: float | None = None
    deliveries: int = 0
    deleted: bool = False
    target_id: str | None = None
    attempts: int = 0
    since: float | None = None
    next_attempt: float | None = None
    deadline: float | None = None
    error_class: str | None = None
    fingerprint: str | None = None
    message: str | None = None
    http_status: int | None = None
    payload: PayloadRef | None = None
    """None: it is gone; only a new fetch brings it again."""
    overlay: Overlay | None = None
    history: tuple[Transition, ...] = ()
    """Newest first; old lines are cut off."""
    steps: tuple[StepRecord, ...] = ()
    """Of an entity that goes in several requests and is not delivered: what the target has confirmed of its open
    state, in that order."""
    waits_for: tuple[Awaited, ...] = ()
    """Of an entity that a lookup has put off: the entities of other routes that it waits for."""


class EntityLine(msgspec.Struct, frozen=True, kw_only=True):
    """One entity in a list. ``status`` is its last fate: whether a run has it in flight, :func:`where` tells."""

    key: str
    status: Status
    changed: float
    version: str | None
    delivered_at: float | None
    target_id: str | None
    attempts: int
    next_attempt: float | None
    error_class: str | None
    fingerprint: str | None
    http_status: int | None
    message: str | None


class Page(msgspec.Struct, frozen=True):
    """Entities in the order of their keys. ``after`` asks for the next page; None: there is no more."""

    entities: tuple[EntityLine, ...]
    after: str | None


class ErrorGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Open entities of a route that have the same status and the same kind of error."""

    route: str
    status: Status
    fingerprint: str | None
    error_class: str | None
    http_status: int | None
    count: int
    first: float
    """When the oldest of them began."""
    last: float
    example_key: str
    example_message: str | None


class QueueLine(msgspec.Struct, frozen=True, kw_only=True):
    """What waits in one route."""

    route: str
    counts: dict[Status, int]
    """Open entities by status; statuses without any are left out."""
    leased: int
    """Entities in leases that still hold."""
    oldest: float | None
    """Since when the oldest open entity has waited."""
    next_attempt: float | None
    circuit_until: float | None
    """Nothing is sent before this moment: the target was away. None: the circuit is closed."""
    mark: str | None
    cursor: str | None
    events: int = 0
    """Events in the inbox that no run has taken."""
    oldest_event: float | None = None
    """Since when the oldest of them waits."""
