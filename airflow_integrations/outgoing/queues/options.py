"""Options that all kinds have that publish messages."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from airflow_integrations.config.credentials import credentials_remedy, is_always_credentials
from airflow_integrations.config.model import Model
from airflow_integrations.expressions import Sees, Structure, Template
from airflow_integrations.outgoing.body_format import BodyFormat
from airflow_integrations.outgoing.http.request_options import MediaType, one_line

__all__ = ["MESSAGE_ID", "Address", "Deletion", "HeaderName", "HeaderText", "MessageOptions", "PropertyText"]

MESSAGE_ID = "message-id"
"""The header that holds a message's id."""
_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,100}")
_OURS = frozenset({MESSAGE_ID, "nats-msg-id", "nats-expected-stream"})


def _header_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:50]!r} is not a name of a header: letters, digits and _.- , at most 100")
    if is_always_credentials(name):
        raise ValueError(credentials_remedy(name))
    if name.lower() in _OURS:
        raise ValueError(f"{name} is written by this kind itself: it is the entity's idempotency key; take it out")
    if name.lower() == "content-type":
        raise ValueError("write content_type: beside headers")
    return name


HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderText = Annotated[Template, Sees("at_target", flavor="header"), AfterValidator(one_line)]
PropertyText = HeaderText
Address = Annotated[Template, Sees("at_target", flavor="header"), AfterValidator(one_line)]
"""Where a message goes, or what it is ordered by. It also sees the last known state of an entity that is gone."""


class Deletion(Model):
    """The message for an entity that the source no longer has; it has the header ``deleted: true``.

    Example:
        body: {id: key, reason: {const: gone at the source}}
    """

    body: Annotated[Structure, Sees("deletion")] | None = None
    """Its JSON body, in the grammar of ``map``. Left out: none, which in Kafka is a tombstone.

    Example: ``body: {id: key}``
    """


class MessageOptions(Model):
    """Options of every kind that publishes messages, one for each entity."""

    body: Annotated[Structure, Sees("at_target")] | None = None
    """The JSON body, in the grammar of ``map``. Left out: the entity itself.

    Example: ``body: {number: order.number, total: decimal(order.total)}``
    """
    body_text: Annotated[Template, Sees("at_target")] | None = None
    """A body that is text instead, such as XML.

    Example:
        body_text: <order number="{{ order.number | xml }}"/>
        content_type: application/xml
    """
    body_format: BodyFormat | None = None
    """The format of the body: XML, CSV, EDIFACT and others that files are written in. Its record is the entity; with
    ``body`` what that makes, a record for each value of a list. The message for a deletion is JSON.

    Example: ``body_format: json_lines``
    Since: 0.2
    """
    content_type: MediaType | None = None
    """What the body is said to be. Default ``application/json``; for ``body_text`` it is ``text/plain;
    charset=utf-8``, for ``body_format`` the format's.

    Example: ``content_type: application/xml``
    """
    headers: dict[HeaderName, HeaderText] = Field(default_factory=dict, max_length=50)
    """Headers. One whose text is empty is left out.

    Example: ``headers: {event: "{{ 'changed' if delivered else 'created' }}"}``
    """
    deletion: Deletion | None = None
    """The message for an entity that the source no longer has. ``missing: emit`` needs it; ``{}`` sends no body.

    Example: ``deletion: {body: {id: key}}``
    """
    max_size: Annotated[int, Field(strict=True, ge=1, le=64 * 1024 * 1024)] = 1024 * 1024
    """The largest body, in bytes. An entity with a larger one fails alone.

    Example: ``max_size: 262144``
    """

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.body is not None and self.body_text is not None:
            raise ValueError("a message has either body (JSON) or body_text (text), and only one of them")
        if self.body_format is not None and self.body_text is not None:
            raise ValueError("body_format writes the entity, or what body makes, and body_text is a body already")
        folded = [name.lower() for name in self.headers]
        if len(set(folded)) < len(folded):
            raise ValueError("a header stands in headers twice, in capital and small letters")
        return self

    @property
    def to(self) -> Template | None:
        """Where a message goes, where that is said by a template."""
        return None

    @property
    def ordered_by(self) -> Template | None:
        """What messages are ordered by, where the system knows such a thing. None: the entity's key."""
        return None

    @property
    def properties_told(self) -> dict[str, Template]:
        """Further texts of a message, by their names."""
        return {}
