"""The requests that a route describes under ``outgoing: {http: …}``."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from airflow_integrations.config.credentials import credentials_remedy, is_always_credentials
from airflow_integrations.expressions import Expression, Sees, Structure, Template, Texts
from airflow_integrations.outgoing.body_format import BodyFormat
from airflow_integrations.outgoing.http.answers.rule_options import RefusalRules

__all__ = [
    "UNCOUNTED",
    "Create",
    "Delete",
    "HeaderName",
    "MediaType",
    "Message",
    "Method",
    "Status",
    "Update",
    "one_line",
]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,200}")  # RFC 9110, section 5.6.2
_CLIENTS_OWN = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te", "trailer"}
)


def _header_name(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"{name[:50]!r} is not a name of a header (RFC 9110: letters, digits and !#$%&'*+-.^_`|~)")
    if is_always_credentials(name):
        raise ValueError(credentials_remedy(name))
    if name.lower() in _CLIENTS_OWN:
        raise ValueError(f"{name} is set by the HTTP client itself; take it out")
    if name.lower() == "content-type":
        raise ValueError("write content_type: beside headers")
    return name


def _media_type(text: str) -> str:
    if not re.fullmatch(r"[\w.+\-]+/[\w.+\-]+(\s*;[ -~]*)?", text, re.ASCII):
        raise ValueError(f"{text[:80]!r} is not a media type, such as application/json")
    return text


def one_line(template: Template) -> Template:
    if template.text.splitlines() not in ([], [template.text]):
        raise ValueError("a header is one line; take the line break out (in YAML, write >- or quotes instead of |)")
    return template


UNCOUNTED = "numbers its interchanges, which the requests of upsert and delete cannot; send it with one request (path)"
HeaderName = Annotated[str, AfterValidator(_header_name)]
MediaType = Annotated[str, AfterValidator(_media_type), Field(max_length=200)]
Status = Annotated[int, Field(strict=True, ge=200, le=499)]
Method = Literal["POST", "PUT", "PATCH", "DELETE"]


class Message(RefusalRules):
    """One request for an entity, or for a batch of them."""

    method: Method = "POST"
    """POST, PUT, PATCH or DELETE.

    Example: ``method: PUT``
    """
    path: Annotated[Template, Sees("request", flavor="path")] | None = None
    """Where it goes, below the Connection's address. Values put into it are percent-encoded, ``/`` too.

    Example: ``path: /sales-orders``
    """
    query: dict[str, Annotated[Texts, Sees("request", flavor="query")]] = Field(default_factory=dict)
    """Parameters of the query; encoded on the way out.

    Example: ``query: {company: "42"}``
    """
    headers: dict[HeaderName, Annotated[Template, Sees("request", flavor="header"), AfterValidator(one_line)]] = Field(
        default_factory=dict
    )
    """Headers. Credentials come from the Connection.

    Example: ``headers: {X-Tenant: "42"}``
    """
    body: Annotated[Structure, Sees("request")] | None = None
    """The JSON body, in the grammar of ``map``. Default: the entity itself; in a batch the array of them.

    Example: ``body: {number: order.number, total: decimal(order.total)}``
    """
    body_text: Annotated[Template, Sees("request")] | None = None
    """A body that is text instead, such as XML. An empty text sends none.

    Example:
        body_text: <order number="{{ order.number | xml }}"/>
        content_type: application/xml
    """
    form: dict[str, Annotated[Expression, Sees("request")]] | None = None
    """A form instead (``application/x-www-form-urlencoded``): names and expressions. A list repeats its name,
    null leaves it out.

    Example: ``form: {number: order.number}``
    """
    body_format: BodyFormat | None = None
    """The format of the body: XML, CSV, JSON lines and others that files are written in. Its records are the entity, or
    all of a batch; with ``body`` what that makes, a record for each value of a list.

    Example: ``body_format: json_lines``
    Since: 0.2
    """
    content_type: MediaType | None = None
    """Default ``application/json``; for ``body_text`` it is ``text/plain; charset=utf-8``, for ``form`` a form's, for
    ``body_format`` the format's.

    Example: ``content_type: application/vnd.api+json``
    """

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        given = [name for name in ("body", "body_text", "form") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(
                "a request has either body (JSON) or body_text (text) or form (a form), and only one of them; "
                f"found {' and '.join(given)}"
            )
        if self.body_format is not None and given not in ([], ["body"]):
            raise ValueError(f"body_format writes entities, or what body makes, and {given[0]} is a body already")
        return self

    @property
    def describes_body(self) -> bool:
        """Whether it says what its body is."""
        parts = (self.body, self.body_text, self.form, self.body_format)
        return any(part is not None for part in parts)


class _Uncounted(Message):
    @model_validator(mode="after")
    def _no_number(self) -> Self:
        if self.body_format is not None and self.body_format.partner is not None:
            raise ValueError(f"{self.body_format.written} {UNCOUNTED}")
        return self


class Create(_Uncounted):
    """The request for an entity that the target does not have yet."""

    path: Annotated[Template, Sees("request", flavor="path")]
    """Where it goes.

    Example: ``path: /customers``
    """


class Update(_Uncounted):
    """The request for an entity that the target has; it also sees ``target``, what ``find`` found."""

    method: Method = "PUT"
    """POST, PUT, PATCH or DELETE. Sending it twice is taken to do no harm.

    Example: ``method: PATCH``
    """
    path: Annotated[Template, Sees("target", flavor="path")]
    """Where it goes, such as ``/customers/{{ target.id }}``.

    Example: ``path: /customers/{{ target.id }}``
    """
    query: dict[str, Annotated[Texts, Sees("target", flavor="query")]] = Field(default_factory=dict)
    """Parameters of the query.

    Example: ``query: {revision: "{{ target.revision }}"}``
    """
    headers: dict[HeaderName, Annotated[Template, Sees("target", flavor="header"), AfterValidator(one_line)]] = Field(
        default_factory=dict
    )
    """Headers, besides those of the outgoing itself.

    Example: ``headers: {If-Match: "{{ target.etag }}"}``
    """
    body: Annotated[Structure, Sees("target")] | None = None
    """The JSON body. Default: the outgoing's ``body``, or the entity itself.

    Example: ``body: {name: order.customer, revision: target.revision}``
    """
    body_text: Annotated[Template, Sees("target")] | None = None
    """A body that is text instead.

    Example:
        body_text: <customer name="{{ order.customer | xml }}"/>
        content_type: application/xml
    """
    form: dict[str, Annotated[Expression, Sees("target")]] | None = None
    """A form instead.

    Example: ``form: {name: order.customer}``
    """


class Delete(_Uncounted):
    """The request for an entity that the source no longer has; it also sees ``key`` and ``target_id``.

    Statuses from 200 to 299 confirm it, and so do 404 and 410: the target does not have it.
    """

    method: Method = "DELETE"
    """POST, PUT, PATCH or DELETE. Sending it twice is taken to do no harm.

    Example: ``method: POST``
    """
    path: Annotated[Template, Sees("deletion", flavor="path")]
    """Where it goes, such as ``/orders/{{ target_id }}``.

    Example: ``path: /sales-orders/{{ target_id }}``
    """
    query: dict[str, Annotated[Texts, Sees("deletion", flavor="query")]] = Field(default_factory=dict)
    """Parameters of the query.

    Example: ``query: {reason: gone}``
    """
    headers: dict[HeaderName, Annotated[Template, Sees("deletion", flavor="header"), AfterValidator(one_line)]] = Field(
        default_factory=dict
    )
    """Headers, besides those of the outgoing itself.

    Example: ``headers: {X-Tenant: "42"}``
    """
    body: Annotated[Structure, Sees("deletion")] | None = None
    """The JSON body. Default: none.

    Example: ``body: {number: key, reason: {const: gone at the source}}``
    """
    body_text: Annotated[Template, Sees("deletion")] | None = None
    """A body that is text instead.

    Example:
        body_text: <cancel number="{{ key | xml }}"/>
        content_type: application/xml
    """
    form: dict[str, Annotated[Expression, Sees("deletion")]] | None = None
    """A form instead.

    Example: ``form: {number: key}``
    """
    body_format: BodyFormat | None = None
    """The format of ``body``, instead of JSON.

    Example:
        body_format: json_lines
        body: {number: key}
    Since: 0.2
    """

    @model_validator(mode="after")
    def _says_its_body(self) -> Self:
        if self.body_format is not None and self.body is None:
            raise ValueError("write body: too, which says what the target is told of an entity that is gone")
        return self
