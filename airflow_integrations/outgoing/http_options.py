"""What a route may say under ``outgoing: {http: …}``."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from airflow_integrations.expressions import Expression, Sees
from airflow_integrations.model import ConnectionId, Duration, Model
from airflow_integrations.outgoing.http_messages import Create, Delete, HeaderName, Message, Status, Update
from airflow_integrations.outgoing.http_questions import Find, Verify

__all__ = ["HttpOptions", "Results", "Upsert"]


class Upsert(Model):
    """Look the entity up at the target, then create or update it. May be repeated without harm."""

    find: Find
    """How to ask for it."""
    create: Create | None = None
    """The request where it is not there. Without one such an entity is skipped."""
    update: Update | None = None
    """The request where it is there. Without one such an entity is skipped: the target's own stays as it is."""

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.create is None and self.update is None:
            raise ValueError("an upsert has create, update or both; with neither it would send nothing")
        return self


class Results(Model):
    """How to read the results of the single entities from the answer to a batch.

    An entity without a result is in doubt, never delivered.
    """

    items: Annotated[Expression, Sees("answer")]
    """The list of results, such as ``body.results``."""
    match: Annotated[Expression, Sees("item")] | None = None
    """What in a result is the entity's key, such as ``item.ref``. Default ``position``: a result for each, in order."""
    ok: Annotated[Expression, Sees("item")]
    """Whether the entity was taken, such as ``item.status == "created"``."""
    id: Annotated[Expression, Sees("item")] | None = None
    """The target's id, such as ``item.id``."""
    reason: Annotated[Expression, Sees("item")] | None = None
    """Why it was not taken, such as ``item.error.message``."""
    waiting: Annotated[Expression, Sees("item")] | None = None
    """Whether the target says later what becomes of it, such as ``item.status == "queued"``. Asked before ``ok``."""

    @field_validator("match", mode="before")
    @classmethod
    def _by_position(cls, match: Any) -> Any:
        return None if match == "position" else match


class HttpOptions(Message):
    """Entities go to an HTTP API: one in a request, or ``delivery.batch`` of them."""

    connection: ConnectionId
    """The Airflow Connection: address, credentials, limits."""
    upsert: Upsert | None = None
    """Find, then create or update, instead of one request. Its requests take ``headers`` and ``body`` from here."""
    success_when: Annotated[Expression, Sees("answer")] | None = None
    """What confirms delivery, in place of a status from 200 to 299: ``status == 200 and body.ok``."""
    waiting_when: Annotated[Expression, Sees("answer")] | None = None
    """The target took it and says later what becomes of it: ``status == 202``. Asked before ``success_when``."""
    waiting_deadline: Duration = Field(default="1d", validate_default=True)
    """How long such an entity waits for that; then it has failed."""
    id: Annotated[Expression, Sees("answer")] | None = None
    """The id that the target gave a single entity, such as ``body.id``."""
    results: Results | None = None
    """Per-entity results in the answer to a batch."""
    verify: Verify | None = None
    """How to ask whether an entity of unknown fate has arrived, for ``delivery.in_doubt: verify``."""
    delete: Delete | None = None
    """The request for an entity that the source no longer has (``missing: emit``)."""
    refused: tuple[Status, ...] = (400, 413, 422)
    """Statuses that mean the target took nothing of a batch: it is halved until the bad entities are alone."""
    idempotency_header: HeaderName | None = "Idempotency-Key"
    """Sent with POST and PATCH: the same for the same entity and content. ``null`` sends none."""
    idempotent: Annotated[bool, Field(strict=True)] = False
    """The target recognises an entity that it has already taken, by that header or by the body; so repeat freely."""
    retry_unsafe: Annotated[bool, Field(strict=True)] = False
    """Repeat a request whose outcome is unknown, although the target may then take it twice."""
    max_body_bytes: Annotated[int, Field(strict=True, ge=1)] | None = None
    """A larger batch is split before it is sent; a larger single entity fails."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.upsert is None:
            if self.path is None:
                raise ValueError("path is missing: where do the entities go? (or write upsert:)")
            return self
        if self.verify is not None:
            raise ValueError("verify does not go with upsert, which asks before it writes; take it out")
        for name in ("method", "path", "query", "results"):
            if name in self.model_fields_set:
                raise ValueError(f"{name} does not go with upsert; its find, create and update have their own")
        return self

    @model_validator(mode="after")
    def _waits_for_something(self) -> Self:
        if "waiting_deadline" in self.model_fields_set:
            if self.waiting_when is None and (self.results is None or self.results.waiting is None):
                raise ValueError("waiting_deadline bounds nothing: write waiting_when, or waiting in results")
            if self.waiting_deadline.total_seconds() <= 0:
                raise ValueError("waiting_deadline is more than nothing, such as 1d")
        return self
