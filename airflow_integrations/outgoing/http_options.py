"""What a route may say under ``outgoing: {http: …}``."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from airflow_integrations.expressions import Expression, Sees, Structure, Template
from airflow_integrations.model import ConnectionId, Model

__all__ = ["Create", "Find", "HttpOptions", "Message", "Results", "Update", "Upsert"]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,200}")  # RFC 9110, section 5.6.2
_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})
_CLIENTS_OWN = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te", "trailer"}
)


def _header_name(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"{name[:50]!r} is no name of a header (RFC 9110: letters, digits and !#$%&'*+-.^_`|~)")
    if name.lower() in _CREDENTIALS:
        raise ValueError(f"credentials belong to the Connection, not to the route; take {name} out and set it there")
    if name.lower() in _CLIENTS_OWN:
        raise ValueError(f"{name} is set by the HTTP client itself; take it out")
    if name.lower() == "content-type":
        raise ValueError("write content_type: beside headers")
    return name


def _media_type(text: str) -> str:
    if not re.fullmatch(r"[\w.+\-]+/[\w.+\-]+(\s*;[ -~]*)?", text, re.ASCII):
        raise ValueError(f"{text[:80]!r} is no media type, such as application/json")
    return text


def _one_line(template: Template) -> Template:
    if "\r" in template.text or "\n" in template.text:
        raise ValueError("a header is one line; take the line break out (in YAML, write >- or quotes instead of |)")
    return template


HeaderName = Annotated[str, AfterValidator(_header_name)]
MediaType = Annotated[str, AfterValidator(_media_type), Field(max_length=200)]
Status = Annotated[int, Field(strict=True, ge=200, le=499)]
Method = Literal["POST", "PUT", "PATCH", "DELETE"]


class Message(Model):
    """One request for an entity, or for a batch of them."""

    method: Method = "POST"
    """POST, PUT, PATCH or DELETE."""
    path: Annotated[Template, Sees("request", flavor="path")] | None = None
    """Where it goes, below the Connection's address. Values put into it are percent-encoded, ``/`` too."""
    query: dict[str, Annotated[Template, Sees("request", flavor="query")]] = Field(default_factory=dict)
    """Parameters of the query; encoded on the way out."""
    headers: dict[HeaderName, Annotated[Template, Sees("request", flavor="header"), AfterValidator(_one_line)]] = Field(
        default_factory=dict
    )
    """Headers. Credentials come from the Connection."""
    body: Annotated[Structure, Sees("request")] | None = None
    """The JSON body, in the grammar of ``map``. Default: the entity itself; in a batch the array of them."""
    body_text: Annotated[Template, Sees("request")] | None = None
    """A body that is text instead, such as XML. An empty text sends none."""
    content_type: MediaType | None = None
    """Default ``application/json``; for ``body_text`` it is ``text/plain; charset=utf-8``."""

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.body is not None and self.body_text is not None:
            raise ValueError("a request has either body (JSON) or body_text (text), not both")
        return self


class Create(Message):
    """The request for an entity that the target does not have yet."""

    path: Annotated[Template, Sees("request", flavor="path")]
    """Where it goes."""


class Update(Message):
    """The request for an entity that the target has; it also sees ``target``, what ``find`` found."""

    method: Method = "PUT"
    """POST, PUT, PATCH or DELETE. Sending it twice is taken to do no harm."""
    path: Annotated[Template, Sees("target", flavor="path")]
    """Where it goes, such as ``/customers/{{ target.id }}``."""
    query: dict[str, Annotated[Template, Sees("target", flavor="query")]] = Field(default_factory=dict)
    """Parameters of the query."""
    headers: dict[HeaderName, Annotated[Template, Sees("target", flavor="header"), AfterValidator(_one_line)]] = Field(
        default_factory=dict
    )
    """Headers, besides those of the outgoing itself."""
    body: Annotated[Structure, Sees("target")] | None = None
    """The JSON body. Default: the outgoing's ``body``, or the entity itself."""
    body_text: Annotated[Template, Sees("target")] | None = None
    """A body that is text instead."""


class Find(Model):
    """The question whether the target has an entity. It must change nothing there: it may be asked again."""

    method: Literal["GET", "POST"] = "GET"
    """GET, or POST for a search with a body."""
    path: Annotated[Template, Sees("entity", flavor="path")]
    """Where the target is asked, such as ``/customers``."""
    query: dict[str, Annotated[Template, Sees("entity", flavor="query")]] = Field(default_factory=dict)
    """What is asked, such as ``{ref: "{{ customer.number }}"}``."""
    headers: dict[HeaderName, Annotated[Template, Sees("entity", flavor="header"), AfterValidator(_one_line)]] = Field(
        default_factory=dict
    )
    """Headers, besides those of the outgoing itself."""
    body: Annotated[Structure, Sees("entity")] | None = None
    """The JSON body of a search by POST."""
    target: Annotated[Expression, Sees("found")] | None = None
    """What was found, read from the answer; default its body. Nothing, or an empty list: it is not there."""
    not_found: tuple[Status, ...] = (404,)
    """Statuses that say the target does not have it."""
    id: Annotated[Expression, Sees("target")] | None = None
    """The target's id of what was found, such as ``target.id``; for entities whose update's answer tells none."""

    @model_validator(mode="after")
    def _body_needs_post(self) -> Self:
        if self.body is not None and self.method == "GET":
            raise ValueError("a GET carries no body; put what is asked into query, or set method: POST")
        return self


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
    id: Annotated[Expression, Sees("answer")] | None = None
    """The id that the target gave a single entity, such as ``body.id``."""
    results: Results | None = None
    """Per-entity results in the answer to a batch."""
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
        for name in ("method", "path", "query", "results"):
            if name in self.model_fields_set:
                raise ValueError(f"{name} does not go with upsert; its find, create and update have their own")
        return self
