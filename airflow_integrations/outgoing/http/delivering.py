"""One way to deliver an entity over HTTP, as a route describes it: a request, or an upsert."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import Duration
from airflow_integrations.expressions import Expression, Sees
from airflow_integrations.outgoing.http.query_options import Find, Verify
from airflow_integrations.outgoing.http.request_options import UNCOUNTED, Create, HeaderName, Message, Update

__all__ = ["Delivering", "Upsert", "refuse_idle_deadline", "refuse_two_ways"]


class Upsert(Model):
    """Look the entity up at the target, then create or update it. May be repeated without harm."""

    find: Find
    """How to ask for it.

    Example:
        find: {path: /customers, query: {ref: "{{ order.customer }}"}, target: body.items}
        create: {path: /customers}
    """
    create: Create | None = None
    """The request where it is not there. Without one such an entity is skipped.

    Example: ``create: {path: /customers}``
    """
    update: Update | None = None
    """The request where it is there. Without one such an entity is skipped: the target's own stays as it is.

    Example: ``update: {method: PATCH, path: "/customers/{{ target.id }}"}``
    """

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.create is None and self.update is None:
            raise ValueError("an upsert has create, update or both; with neither it would send nothing")
        return self


class Delivering(Message):
    """How one request, or an upsert, delivers an entity."""

    upsert: Upsert | None = None
    """Find, then create or update, instead of one request. Its requests take ``headers`` and ``body`` from here.

    Example:
        upsert:
          find: {path: /customers, query: {ref: "{{ order.customer }}"}, target: body.items}
          create: {path: /customers}
          update: {method: PATCH, path: "/customers/{{ target.id }}"}
    """
    success_when: Annotated[Expression, Sees("answer")] | None = None
    """What confirms delivery, in place of a status from 200 to 299: ``status == 200 and body.ok``.

    Example: ``success_when: status == 201 or (status == 409 and body.code == "exists")``
    """
    waiting_when: Annotated[Expression, Sees("answer")] | None = None
    """The target took it and says later what becomes of it: ``status == 202``. Asked before ``success_when``.

    Example: ``waiting_when: status == 202``
    """
    waiting_deadline: Duration = Field(default="1d", validate_default=True)
    """How long an entity may wait for its outcome; then it has failed.

    Example:
        waiting_deadline: 4h
        waiting_when: status == 202
    """
    verify: Verify | None = None
    """How to ask whether an entity of unknown fate has arrived, for ``delivery.in_doubt: verify``. A step or choice
    that has it is asked for unless ``in_doubt`` says otherwise.

    Example:
        verify:
          path: /sales-orders
          query: {reference: "{{ order.number }}"}
          found_when: body.total > 0
          id: body.items[0].id
    """
    idempotency_header: HeaderName | None = "Idempotency-Key"
    """Sent with POST and PATCH: the same for the same entity and content. ``null`` sends none.

    Example: ``idempotency_header: X-Request-Id``
    """
    idempotent: Annotated[bool, Field(strict=True)] = False
    """The target recognises an entity that it has already taken, by that header or by the body; so repeat freely.

    Example: ``idempotent: true``
    """
    retry_unsafe: Annotated[bool, Field(strict=True)] = False
    """Repeat a request whose outcome is unknown, although the target may then take it twice.

    Example: ``retry_unsafe: true``
    """
    max_body_bytes: Annotated[int, Field(strict=True, ge=1)] | None = None
    """The largest body. A larger batch is split before it is sent; a larger single entity, or deletion, fails.

    Example: ``max_body_bytes: 1000000``
    """

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no harm."""
        harmless = self.upsert is not None or self.method in ("PUT", "DELETE")
        return harmless or self.idempotent or self.retry_unsafe


def refuse_two_ways(options: Delivering) -> None:
    """Raises ValueError for what does not go with an upsert."""
    if options.upsert is None:
        return
    if options.verify is not None:
        raise ValueError("verify does not go with upsert, which asks before it writes; take it out")
    for name in ("method", "path", "query"):
        if name in options.model_fields_set:
            raise ValueError(f"{name} does not go with upsert; its find, create and update have their own")
    if options.body_format is not None and options.body_format.partner is not None:
        raise ValueError(f"{options.body_format.written} {UNCOUNTED}")


def refuse_idle_deadline(options: Delivering, results_wait: bool = False) -> None:
    """Raises ValueError for a ``waiting_deadline`` that bounds nothing."""
    if "waiting_deadline" in options.model_fields_set:
        if options.waiting_when is None and not results_wait:
            raise ValueError("waiting_deadline bounds nothing: write waiting_when, or waiting in results")
        if options.waiting_deadline.total_seconds() <= 0:
            raise ValueError("waiting_deadline is more than nothing, such as 1d")
