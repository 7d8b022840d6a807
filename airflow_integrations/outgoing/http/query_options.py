"""The questions for an entity that a route describes under ``outgoing: {http: …}``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from airflow_integrations.expressions import Expression, Sees, Structure, Template, Texts
from airflow_integrations.outgoing.http.answers.rule_options import AnswerRules
from airflow_integrations.outgoing.http.request_options import HeaderName, Status, one_line

__all__ = ["Find", "Question", "Verify"]


class Question(AnswerRules):
    """A question to the target about one entity. It must change nothing there: it may be asked again."""

    method: Literal["GET", "POST"] = "GET"
    """GET, or POST for a search with a body.

    Example: ``method: POST``
    """
    path: Annotated[Template, Sees("at_target", flavor="path")]
    """Where the target is asked, such as ``/customers``.

    Example: ``path: /customers``
    """
    query: dict[str, Annotated[Texts, Sees("at_target", flavor="query")]] = Field(default_factory=dict)
    """What is asked, such as ``{ref: "{{ customer.number }}"}``.

    Example: ``query: {ref: "{{ order.customer }}"}``
    """
    headers: dict[HeaderName, Annotated[Template, Sees("at_target", flavor="header"), AfterValidator(one_line)]] = (
        Field(default_factory=dict)
    )
    """Headers, besides those of the outgoing itself.

    Example: ``headers: {X-Tenant: "42"}``
    """
    body: Annotated[Structure, Sees("at_target")] | None = None
    """The JSON body of a search by POST.

    Example:
        body: {ref: order.customer}
        method: POST
    """
    not_found: tuple[Status, ...] = (404,)
    """Statuses that say the target does not have it.

    Example: ``not_found: [404, 410]``
    """

    @model_validator(mode="after")
    def _body_needs_post(self) -> Self:
        if self.body is not None and self.method == "GET":
            raise ValueError("a GET carries no body; put what is asked into query, or set method: POST")
        return self


class Find(Question):
    """The question whether the target has an entity, before it is created or updated."""

    target: Annotated[Expression, Sees("found")] | None = None
    """What was found, read from the answer; default its body. Nothing, or an empty list: it is not there.

    Example: ``target: body.items``
    """
    id: Annotated[Expression, Sees("target")] | None = None
    """The target's id of what was found, such as ``target.id``; for entities whose update's answer tells none.

    Example: ``id: target.id``
    """


class Verify(Question):
    """The question whether an entity of unknown fate has arrived at the target, in the state that was sent."""

    found_when: Annotated[Expression, Sees("found")] | None = None
    """Whether the target has it, such as ``body.total > 0``. Default: an answer from 200 to 299 that is not empty.

    Example: ``found_when: body.total > 0``
    """
    id: Annotated[Expression, Sees("found")] | None = None
    """The target's id of it, such as ``body.items[0].id``.

    Example: ``id: body.items[0].id``
    """
