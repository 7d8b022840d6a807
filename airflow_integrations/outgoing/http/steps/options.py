"""What a route may say under ``steps`` and ``choose`` of ``outgoing: {http: …}``."""

from __future__ import annotations

import keyword
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from airflow_integrations.config.types import ConnectionId
from airflow_integrations.expressions import SCOPES, Expression, Sees
from airflow_integrations.expressions.functions.catalogue import CATALOGUE
from airflow_integrations.outgoing.http.delivering import Delivering, refuse_idle_deadline, refuse_two_ways
from airflow_integrations.window import AIRFLOW_ALIASES

__all__ = ["Choice", "Step", "label_of"]


def _usable(name: str) -> str:
    taken = {seen for scope in SCOPES.values() for seen in scope.names} | AIRFLOW_ALIASES | CATALOGUE.keys()
    if keyword.iskeyword(name) or name in taken:
        raise ValueError(f"{name!r} already means something in expressions; call the step something else")
    return name


StepName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=60), AfterValidator(_usable)]


class _OneRequest(Delivering):
    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.upsert is None and self.path is None:
            raise ValueError("path is missing: where does this request go? (or write upsert:)")
        refuse_two_ways(self)
        refuse_idle_deadline(self)
        return self


class Step(_OneRequest):
    """One of the requests for an entity. Later ones see its result under its name.

    It is confirmed by the same rules as a single request. A step that is not confirmed ends the way for now: the entity
    goes on there later, with the results of the steps before it.

    Example:
        name: sale_id
        path: /sales
        result: body.id
    """

    name: StepName | None = None
    """What later steps call its result; in messages and pages the step itself. Left out: its method and path.

    Example: ``name: sale_id``
    """
    when: Annotated[Expression, Sees("request")] | None = None
    """Whether the step is taken. Otherwise its result is null. With ``each`` it is asked for each item.

    Example: ``when: order.status == "paid"``
    """
    each: Annotated[Expression, Sees("request")] | None = None
    """A list: the step is taken for each of its elements, in their order. Its expressions see the element as ``item``,
    and its result is the list of their results. At most 1000 elements.

    Example: ``each: order.lines``
    """
    connection: ConnectionId | None = None
    """Another Airflow Connection than that of the outgoing.

    Example: ``connection: warehouse``
    """
    result: Annotated[Expression, Sees("answer")] | None = None
    """What later steps see of the answer, such as ``body.id``. An upsert that only finds, and a step that ``verify``
    finds, have the ``id`` that is read there instead.

    Example: ``result: body.id``
    """


class Choice(_OneRequest):
    """One of several ways to deliver an entity. The first whose ``when`` holds is taken.

    Example:
        when: delivered
        method: PUT
        path: /orders/{{ order.number }}
    """

    when: Annotated[Expression, Sees("request")] | None = None
    """Whether it is this one. Left out: it is, where none before it was.

    Example: ``when: delivered``
    """
    connection: ConnectionId | None = None
    """Another Airflow Connection than that of the outgoing.

    Example: ``connection: warehouse``
    """
    id: Annotated[Expression, Sees("answer")] | None = None
    """The id that the target gave the entity, such as ``body.id``. Left out: it keeps the one that it has.

    Example: ``id: body.id``
    """


def label_of(way: Step | Choice) -> str:
    """What messages, pages and the ledger call it: its name, or ``POST /sales``."""
    if isinstance(way, Step) and way.name is not None:
        return way.name
    if way.upsert is not None:
        return f"upsert {way.upsert.find.path.text}"
    return f"{way.method} {way.path.text if way.path is not None else ''}"
