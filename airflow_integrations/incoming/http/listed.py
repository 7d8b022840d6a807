"""A list of an API: the request for it, its records, and how it goes on. The part that every list has."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from airflow_integrations.expressions import Expression, Sees, Structure, Template, Texts
from airflow_integrations.expressions.head_conditions import check_head_conditions
from airflow_integrations.formats.answer import AnswerFormat
from airflow_integrations.incoming.http.method import Method
from airflow_integrations.incoming.http.pagination import NoPaging, Pagination

__all__ = ["Listed"]


class Listed(AnswerFormat):
    """What is asked for, and what of the answers is a record."""

    method: Method = "GET"
    """The request's method. A fetch reads: whatever the method, it may be sent again.

    Example: ``method: POST``
    """
    path: Annotated[Template, Sees("run", flavor="path")]
    """What follows the Connection's URL. Values are percent-encoded, ``/`` too, unless ``| raw``.

    Example: ``path: /api/orders``
    """
    query: dict[str, Annotated[Texts, Sees("run", flavor="query")]] = Field(default_factory=dict)
    """Names and values behind the ``?``; they are encoded for you.

    Example: ``query: {updated_from: "{{ window.start }}", fields: [code, name]}``
    """
    headers: dict[str, Annotated[Template, Sees("run", flavor="header")]] = Field(default_factory=dict)
    """Headers besides the Connection's.

    Example: ``headers: {X-Channel: web}``
    """
    body: Annotated[Structure, Sees("run")] | None = None
    """A JSON body in the grammar of ``map``: texts are expressions, fixed texts are ``{const: paid}``, fixed lists
    ``{const: [paid, shipped]}``.

    Example: ``body: {state: {const: paid}, from: window.start}``
    """
    form: dict[str, Annotated[Template, Sees("run")]] | None = None
    """Fields of a form (``application/x-www-form-urlencoded``) instead.

    Example: ``form: {state: paid, since: "{{ window.start }}"}``
    """
    body_text: Annotated[Template, Sees("run")] | None = None
    """Text instead, such as XML; say its type in ``headers`` as ``Content-Type``.

    Example:
        body_text: <find since="{{ window.start | xml }}"/>
        headers: {Content-Type: application/xml}
    """
    records: Annotated[Expression, Sees("answer")] = Expression("body", "answer")
    """The list of records in an answer.

    Example: ``records: body.orders``
    """
    pagination: Pagination = Field(default_factory=NoPaging)
    """How the next page is asked for.

    Example: ``pagination: {style: cursor, next: body.next_cursor, param: cursor}``
    """
    empty_when: Annotated[Expression, Sees("answer")] | None = None
    """True for an answer that means *there is nothing (more)*, such as ``status == 404``; asked before the status is
    judged, on the first page, too. The answer has no records then, and no page follows.

    Example: ``empty_when: status == 404``
    """
    error_when: Annotated[Expression, Sees("answer")] | None = None
    """True for an answer that says 200 and means an error; it stops the run. Of CSV, JSON lines and XML with ``record``
    ``body`` is then the head: ``body.text``, ``body.records`` and ``body.document``.

    Example: ``error_when: body.error``
    """
    retry_when: Annotated[Expression, Sees("answer")] | None = None
    """True for an answer that means *later*; the request is sent again within the Connection's retry budget.

    Example: ``retry_when: body.state == "preparing"``
    """

    @model_validator(mode="after")
    def _heads(self) -> Self:
        check_head_conditions(self, ("empty_when", "error_when", "retry_when"))
        return self

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        given = [name for name in ("body", "form", "body_text") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"a request has one body; found {' and '.join(given)}")
        self.pagination.check_body("body_text" if self.body_text is not None else None)
        return self
