"""The requests that a route describes under ``outgoing: {http: …}``."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from airflow_integrations.expressions import Sees, Structure, Template
from airflow_integrations.model import Model

__all__ = ["Create", "Delete", "HeaderName", "MediaType", "Message", "Method", "Status", "Update", "one_line"]

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


def one_line(template: Template) -> Template:
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
    headers: dict[HeaderName, Annotated[Template, Sees("request", flavor="header"), AfterValidator(one_line)]] = Field(
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
    headers: dict[HeaderName, Annotated[Template, Sees("target", flavor="header"), AfterValidator(one_line)]] = Field(
        default_factory=dict
    )
    """Headers, besides those of the outgoing itself."""
    body: Annotated[Structure, Sees("target")] | None = None
    """The JSON body. Default: the outgoing's ``body``, or the entity itself."""
    body_text: Annotated[Template, Sees("target")] | None = None
    """A body that is text instead."""


class Delete(Message):
    """The request for an entity that the source no longer has; it also sees ``key`` and ``target_id``.

    Statuses from 200 to 299 confirm it, and so do 404 and 410: the target does not have it.
    """

    method: Method = "DELETE"
    """POST, PUT, PATCH or DELETE. Sending it twice is taken to do no harm."""
    path: Annotated[Template, Sees("deletion", flavor="path")]
    """Where it goes, such as ``/orders/{{ target_id }}``."""
    query: dict[str, Annotated[Template, Sees("deletion", flavor="query")]] = Field(default_factory=dict)
    """Parameters of the query."""
    headers: dict[HeaderName, Annotated[Template, Sees("deletion", flavor="header"), AfterValidator(one_line)]] = Field(
        default_factory=dict
    )
    """Headers, besides those of the outgoing itself."""
    body: Annotated[Structure, Sees("deletion")] | None = None
    """The JSON body. Default: none."""
    body_text: Annotated[Template, Sees("deletion")] | None = None
    """A body that is text instead."""
