"""What a route says under ``lookup: {http: …}``: request, answer, and what is created where nothing is found."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from airflow_integrations.config.credentials import credentials_remedy, is_always_credentials
from airflow_integrations.config.model import Model
from airflow_integrations.config.types import ConnectionId
from airflow_integrations.expressions import Expression, Sees, Structure, Template, Texts
from airflow_integrations.expressions.head_conditions import check_head_conditions
from airflow_integrations.formats.records_format import MessageFormat

__all__ = ["Batch", "CreateMissing", "HttpLookup"]


_Path = Annotated[Template, Sees("question", flavor="path")]
_Query = dict[str, Annotated[Texts, Sees("question", flavor="query")]]
_Headers = dict[str, Annotated[Template, Sees("question", flavor="header")]]
_Json = Annotated[Structure, Sees("question")]
_Form = dict[str, Annotated[Template, Sees("question")]]
_Text = Annotated[Template, Sees("question")]


def _one_body(options: HttpLookup | CreateMissing) -> None:
    given = [name for name in ("body", "form", "body_text") if getattr(options, name) is not None]
    if len(given) > 1:
        raise ValueError(f"a request has one body; found {' and '.join(given)}")
    for name in options.headers:
        if is_always_credentials(name):
            raise ValueError(f"headers: {credentials_remedy(name)}")


class Batch(Model):
    """One request for the keys of many entities. ``where`` has one column then, and tells whose each row is.

    Example:
        size: 50
    """

    size: Annotated[int, Field(strict=True, ge=2, le=1000)]
    """The most keys in one request. The service has to answer with all of them at once, not page by page.

    Example: ``size: 50``
    """


class CreateMissing(Model):
    """The request that creates what was not found. It is sent once for each request of the lookup that found nothing,
    however many entities, runs and routes ask; with an ``Idempotency-Key``."""

    method: Literal["POST", "PUT", "PATCH"] = "POST"
    """The request's method.

    Example: ``method: PUT``
    """
    path: _Path
    """Where it goes, below the Connection's address.

    Example: ``path: /customers``
    """
    query: _Query = Field(default_factory=dict)
    """Query parameters.

    Example: ``query: {notify: "false"}``
    """
    headers: _Headers = Field(default_factory=dict)
    """Headers besides the Connection's.

    Example: ``headers: {X-Channel: web}``
    """
    body: _Json | None = None
    """The JSON body, in the grammar of ``map``.

    Example: ``body: {code: order.customer.id, name: order.customer.name}``
    """
    form: _Form | None = None
    """Fields of a form instead.

    Example: ``form: {code: "{{ order.customer.id }}"}``
    """
    body_text: _Text | None = None
    """Text instead.

    Example: ``body_text: <customer code="{{ order.customer.id | xml }}"/>``
    """
    record: Annotated[Expression, Sees("answer")] = Expression("body", "answer")
    """Where the answer holds the object that was created, as a row of the lookup. Where it holds none, such as in an
    empty answer, the lookup asks again.

    Example: ``record: body.data``
    """

    @model_validator(mode="after")
    def _checked(self) -> Self:
        _one_body(self)
        return self


class HttpLookup(MessageFormat):
    """A request for each entity; equal ones are sent once. 404 and 410 mean that nothing was found."""

    connection: ConnectionId
    """The Airflow Connection of the service.

    Example: ``connection: crm``
    """
    method: Literal["GET", "POST", "PUT", "QUERY", "SEARCH", "REPORT"] | None = None
    """The request's method. Left out: GET, or POST with a body. Whatever it is, the request only asks: it may be sent
    again.

    Example: ``method: POST``
    """
    path: _Path
    """Where to ask, such as ``/customers/{{ order.customer.id }}``.

    Example: ``path: /customers/{{ order.customer }}``
    """
    query: _Query = Field(default_factory=dict)
    """Query parameters.

    Example: ``query: {country: "{{ order.country }}"}``
    """
    headers: _Headers = Field(default_factory=dict)
    """Headers besides the Connection's.

    Example: ``headers: {Accept-Language: es}``
    """
    body: _Json | None = None
    """A JSON body in the grammar of ``map``.

    Example: ``body: {filter: {code: order.customer}}``
    """
    form: _Form | None = None
    """Fields of a form instead.

    Example: ``form: {code: "{{ order.customer }}"}``
    """
    body_text: _Text | None = None
    """Text instead.

    Example: ``body_text: <find code="{{ order.customer | xml }}"/>``
    """
    records: Annotated[Expression, Sees("answer")] | None = None
    """Where the answer holds the object, or the list of objects; the whole body where it is left out.

    Example: ``records: body.customers``
    """
    error_when: Annotated[Expression, Sees("answer")] | None = None
    """True for an answer that means an error, such as ``body.errors``: the entities that need it are rejected. Of CSV,
    JSON lines and XML with ``record`` ``body`` is then the head: ``body.text``, ``body.records``, ``body.document``.

    Example: ``error_when: body.errors``
    """
    retry_when: Annotated[Expression, Sees("answer")] | None = None
    """True for an answer that means *later*; it is asked again within the Connection's retry budget.

    Example: ``retry_when: body.state == "busy"``
    """
    batch: Batch | None = None
    """One request for many keys: its texts see ``ids``, the list of them, and nothing of the entities.

    Example:
        batch: {size: 50}
        connection: pim
        path: /products/search
        body: {codes: ids}
        records: body.items
    """
    create: CreateMissing | None = None
    """What to send where nothing is found: the lookup then has what was created. ``preview`` and dry runs create
    nothing.

    Example:
        create: {path: /customers, body: {code: order.customer.id, name: order.customer.name}}
        connection: erp
        path: /customers/{{ order.customer.id }}
    """

    @property
    def verb(self) -> str:
        """The method of the request."""
        described = any(part is not None for part in (self.body, self.form, self.body_text))
        return self.method or ("POST" if described else "GET")

    @model_validator(mode="after")
    def _checked(self) -> Self:
        _one_body(self)
        if self.batch is not None and self.create is not None:
            raise ValueError(
                "create goes with one request for each entity: what an answer for many leaves out may be on its next "
                "page; leave batch out"
            )
        return self

    @model_validator(mode="after")
    def _heads(self) -> Self:
        check_head_conditions(self, ("error_when", "retry_when"))
        return self
