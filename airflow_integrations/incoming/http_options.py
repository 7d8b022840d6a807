"""The options of ``incoming: {http: …}``."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from airflow_integrations.expressions import Expression, Sees, Structure, Template
from airflow_integrations.formats.answer import AnswerFormat
from airflow_integrations.incoming.http_details import Details
from airflow_integrations.incoming.http_method import Method
from airflow_integrations.incoming.http_paging import NoPaging, Pagination
from airflow_integrations.model import ConnectionId
from airflow_integrations.since import Cursor

__all__ = ["HttpIncomingConfig"]


class HttpIncomingConfig(AnswerFormat):
    """Entities from an HTTP API."""

    connection: ConnectionId
    """The Airflow Connection that says where the API is and who we are there."""
    method: Method = "GET"
    """The request's method. A fetch reads: whatever the method, it may be sent again."""
    path: Annotated[Template, Sees("run", flavor="path")]
    """What follows the Connection's URL. Values are percent-encoded, ``/`` too, unless ``| raw``."""
    query: dict[str, Annotated[Template, Sees("run", flavor="query")]] = Field(default_factory=dict)
    """Names and values behind the ``?``; they are encoded for you."""
    headers: dict[str, Annotated[Template, Sees("run", flavor="header")]] = Field(default_factory=dict)
    """Headers besides the Connection's."""
    body: Annotated[Structure, Sees("run")] | None = None
    """A JSON body in the grammar of ``map``."""
    form: dict[str, Annotated[Template, Sees("run")]] | None = None
    """Fields of a form (``application/x-www-form-urlencoded``) instead."""
    body_text: Annotated[Template, Sees("run")] | None = None
    """Text instead, such as XML; say its type in ``headers`` as ``Content-Type``."""
    records: Annotated[Expression, Sees("answer")] = Expression("body", "answer")
    """The list of records in an answer."""
    pagination: Pagination = Field(default_factory=NoPaging)
    """How the next page is asked for."""
    cursor: Cursor | None = None
    """For an API that is asked for what is newer than what it gave last time."""
    details: Details | None = None
    """A request for each listed item, where the list does not say all."""
    error_when: Annotated[Expression, Sees("answer")] | None = None
    """True for an answer that says 200 and means an error; it stops the run."""
    retry_when: Annotated[Expression, Sees("answer")] | None = None
    """True for an answer that means *later*; the request is sent again within the Connection's retry budget."""

    @model_validator(mode="after")
    def _one_parameter(self) -> Self:
        if self.cursor is None:
            return self
        paging = (getattr(self.pagination, "param", None), getattr(self.pagination, "size_param", None))
        where = "query" if self.cursor.param in self.query else "pagination" if self.cursor.param in paging else None
        if where is not None:
            raise ValueError(
                f"cursor.param: {self.cursor.param!r} stands in {where} as well; a parameter has one value"
            )
        return self

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        given = [name for name in ("body", "form", "body_text") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"a request has one body; found {' and '.join(given)}")
        self.pagination.check_body("body_text" if self.body_text is not None else None)
        return self
