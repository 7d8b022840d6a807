"""Options under ``outgoing: {http: …}``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import ConnectionId
from airflow_integrations.expressions import Expression, Sees
from airflow_integrations.outgoing.http.delivering import Delivering, refuse_idle_deadline, refuse_two_ways
from airflow_integrations.outgoing.http.request_options import Delete, Status
from airflow_integrations.outgoing.http.steps.options import Choice, Step

__all__ = ["HttpOptions", "Results"]

_OF_ONE_REQUEST = frozenset(
    {"method", "path", "query", "body", "body_text", "body_format", "form", "content_type", "upsert"}
    | {"success_when", "waiting_when", "waiting_deadline", "verify", "id", "results", "refused"}
)
"""Options that say nothing where a route has ``steps`` or ``choose``."""


class Results(Model):
    """How to read the results of the single entities from the answer to a batch.

    An entity without a result is in doubt, unless ``unlisted`` says otherwise.

    Example:
        items: body.results
        match: item.ref
        ok: item.status == "created"
    """

    items: Annotated[Expression, Sees("batch_answer")]
    """The list of results, such as ``body.results``.

    Example: ``items: body.results``
    """
    match: Annotated[Expression, Sees("result")] | None = None
    """The entity's key in a result, such as ``item.ref`` or ``entities[item.index].number``. Left out, or ``position``:
    one result for each entity, in their order.

    Example: ``match: item.ref``
    """
    ok: Annotated[Expression, Sees("result")] | None = None
    """Whether the entity was taken, such as ``item.status == "created"``. Needed, except with ``unlisted: delivered``,
    where an entity that is listed was not taken.

    Example: ``ok: item.status == "created"``
    """
    unlisted: Literal["in_doubt", "delivered"] = "in_doubt"
    """What an entity without a result is. ``delivered``: the answer lists the failures only, which ``match`` names.

    Example:
        unlisted: delivered
        match: item.ref
    """
    id: Annotated[Expression, Sees("result")] | None = None
    """The target's id, such as ``item.id``.

    Example: ``id: item.id``
    """
    reason: Annotated[Expression, Sees("result")] | None = None
    """Why the entity was not taken, such as ``item.error.message``. Left out: the message in the result.

    Example: ``reason: item.error.message``
    """
    waiting: Annotated[Expression, Sees("result")] | None = None
    """Whether the target says later what becomes of it, such as ``item.status == "queued"``. Asked before ``ok``.

    Example: ``waiting: item.status == "queued"``
    """
    retry_when: Annotated[Expression, Sees("result")] | None = None
    """True for a result that means *later*, such as ``item.code == "LOCKED"``: the entity is tried again later.

    Example: ``retry_when: item.code == "LOCKED"``
    """
    refused_when: Annotated[Expression, Sees("result")] | None = None
    """True for a result that refuses the entity for good, whatever ``ok`` says.

    Example: ``refused_when: item.code == "DUPLICATE"``
    """
    stop_when: Annotated[Expression, Sees("result")] | None = None
    """True for a result that refuses our credentials: the run stops, as for a 401. What the same answer says of other
    entities counts.

    Example: ``stop_when: item.code == "ACCESS_DENIED"``
    """

    @model_validator(mode="after")
    def _tells_who_failed(self) -> Self:
        if self.unlisted == "delivered" and self.match is None:
            raise ValueError(
                "unlisted: delivered needs match: in an answer that lists failures only, a position names no entity; "
                "write match: item.key, or match: entities[item.index].number"
            )
        if self.unlisted == "in_doubt" and self.ok is None:
            raise ValueError('ok is missing: which results were taken? Such as item.status == "created"')
        return self

    @field_validator("match", mode="before")
    @classmethod
    def _by_position(cls, match: Any) -> Any:
        return None if match == "position" else match


class HttpOptions(Delivering):
    """Entities go to an HTTP API: one in a request, ``delivery.batch`` of them, or each in several requests.

    Example:
        connection: erp
        path: /sales-orders
        id: body.id
    """

    connection: ConnectionId
    """The Airflow Connection: address, credentials, limits.

    Example: ``connection: erp``
    """
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=50)] | None = None
    """Several requests for one entity, in their order. A step sees the results of those before it.

    Example:
        steps:
          - name: customer_id
            upsert:
              find: {path: /customers, query: {ref: "{{ order.customer }}"}, target: body.items, id: target.id}
              create: {path: /customers, body: {ref: order.customer}}
            result: body.id
          - {name: sale_id, path: /sales, body: {customer: customer_id, lines: order.lines}, result: body.id}

    Since: 0.2
    """
    choose: Annotated[tuple[Choice, ...], Field(min_length=1, max_length=50)] | None = None
    """One of several requests for one entity: the first whose ``when`` holds.

    Example:
        choose:
          - {when: order.cancelled, path: "/orders/{{ target_id }}/cancel"}
          - {when: delivered, method: PATCH, path: "/orders/{{ target_id }}"}
          - {path: /orders, id: body.id}

    Since: 0.2
    """
    id: Annotated[Expression, Sees("answer")] | None = None
    """The id that the target gave a single entity, such as ``body.id``.

    Example: ``id: body.id``
    """
    target_id: Annotated[Expression, Sees("request")] | None = None
    """With ``steps``: the target's id of the entity, made of their results.

    Example:
        steps:
          - {name: sale_id, path: /sales, result: body.id}
        target_id: sale_id

    Since: 0.2
    """
    results: Results | None = None
    """Per-entity results in the answer to a batch.

    Example: ``results: {items: body.results, match: item.ref, ok: item.status == "created"}``
    """
    delete: Delete | None = None
    """The request for an entity that the source no longer has (``missing: emit``).

    Example: ``delete: {path: "/sales-orders/{{ target_id }}"}``
    """
    refused: tuple[Status, ...] = (400, 413, 422)
    """Statuses that mean the target took nothing of a batch: it is halved until the bad entities are alone.

    Example: ``refused: [400, 422]``
    """

    @property
    def in_steps(self) -> bool:
        """Whether the route says what is sent under ``steps`` or ``choose``."""
        return self.steps is not None or self.choose is not None

    def names_at(self, loc: tuple[int | str, ...]) -> frozenset[str]:
        """The names that an expression at a place sees besides those of its scope."""
        steps = self.steps or ()
        if loc[:1] == ("target_id",):
            return _results_of(steps)
        if loc[:1] != ("steps",) or len(loc) < 3:
            return frozenset()
        at = int(loc[1])
        sees_item = steps[at].each is not None and loc[2] not in ("each", "result")
        return _results_of(steps[:at]) | ({"item"} if sees_item else set())

    def names_later(self, loc: tuple[int | str, ...]) -> frozenset[str]:
        """The names of the step at a place, and of those behind it."""
        return _results_of((self.steps or ())[int(loc[1]) :]) if loc[:1] == ("steps",) and len(loc) > 1 else frozenset()

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        for several in ("steps", "choose"):
            if getattr(self, several) is not None:
                taken = sorted(self.model_fields_set & _OF_ONE_REQUEST)
                if several == "steps" and self.choose is not None:
                    taken = ["choose", *taken]
                if taken:
                    raise ValueError(f"{taken[0]} does not go with {several}; write it in the request that it is about")
                if several == "choose" and self.target_id is not None:
                    raise ValueError("target_id does not go with choose; write id in each choice")
                return self
        if self.target_id is not None:
            raise ValueError("target_id reads the results of steps; without steps write id: body.id")
        if self.upsert is None and self.path is None:
            raise ValueError("path is missing: where do the entities go? (or write upsert, steps or choose)")
        if self.upsert is not None and "results" in self.model_fields_set:
            raise ValueError("results does not go with upsert; its find, create and update have their own")
        refuse_two_ways(self)
        return self

    @model_validator(mode="after")
    def _waits_for_something(self) -> Self:
        refuse_idle_deadline(self, self.results is not None and self.results.waiting is not None)
        return self


def _results_of(steps: Sequence[Step]) -> frozenset[str]:
    """What expressions behind these steps call their results."""
    return frozenset(step.name for step in steps if step.name is not None and step.result is not None)
