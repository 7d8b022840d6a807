"""The options of ``outgoing: {email: …}``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import ConnectionId
from airflow_integrations.expressions import Expression, Sees, Template
from airflow_integrations.formats.writing.written_format import RecordsWritten, WrittenFormat, format_of_name
from airflow_integrations.outgoing.http.request_options import one_line

__all__ = ["Attachment", "EmailOptions", "Table"]

_Line = Annotated[Template, Sees("request", flavor="header"), AfterValidator(one_line)]
_Addresses = _Line | Annotated[tuple[_Line, ...], Field(max_length=100)]
_Title = Annotated[str, Field(min_length=1, max_length=200)]


class Table(Model):
    """The entities as a table, a row for each.

    Example:
        columns: {Number: item.number, Total: item.total}
    """

    columns: Annotated[dict[_Title, Annotated[Expression, Sees("part")]], Field(min_length=1, max_length=100)]
    """The titles of the columns with their values; ``item`` is the entity.

    Example: ``columns: {Number: item.number, Total: item.total}``
    """


class Attachment(WrittenFormat):
    """The entities as a file.

    Example:
        name: orders_{{ window.start | date }}.csv
        csv: {delimiter: ";"}
    """

    name: Annotated[Template, Sees("run", flavor="header"), AfterValidator(one_line)]
    """The file's name.

    Example: ``name: orders.csv``
    """

    @property
    def written(self) -> RecordsWritten | None:
        """The format; None where nothing says it."""
        return self.format or format_of_name(self.name.text)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.written is None:
            raise ValueError(
                "the ending of name says nothing of the format; write format: json_lines, json, csv or xml"
            )
        return self


class EmailOptions(Model):
    """Entities go out by e-mail: a mail for each, or one for all of a run.

    Example:
        connection: mail
        from: shop@example.com
        to: "{{ order.customer.email }}"
        subject: Your order {{ order.number }}
        text: "We have received your order {{ order.number }}."
    """

    connection: ConnectionId
    """A Connection of type email or smtp: host, port, login, password. Port 465, or ``{"tls": "implicit"}`` in the
    extra, is TLS from the beginning; any other has to offer STARTTLS, unless the extra says ``{"tls": false}``.

    Example: ``connection: mail``
    """
    from_: Annotated[_Line, Field(alias="from")]
    """The sender's address.

    Example: ``from: shop@example.com``
    """
    to: _Addresses = ()
    """The recipients: a text is one address. One that is empty is left out.

    Example: ``to: ["{{ order.customer.email }}", archive@example.com]``
    """
    recipients: Annotated[Expression, Sees("request")] | None = None
    """Further recipients: a list of addresses.

    Example: ``recipients: "[each.email for each in order.contacts]"``
    """
    cc: _Addresses = ()
    """Who gets a copy, and is named.

    Example: ``cc: sales@example.com``
    """
    bcc: _Addresses = ()
    """Who gets a copy, and is not named.

    Example: ``bcc: archive@example.com``
    """
    reply_to: _Line | None = None
    """Where answers go.

    Example: ``reply_to: service@example.com``
    """
    subject: _Line
    """The subject.

    Example: ``subject: Your order {{ order.number }}``
    """
    text: Annotated[Template, Sees("request")] | None = None
    """The mail's text. Left out: what ``table`` says, or nothing.

    Example: ``text: "We have received your order {{ order.number }}."``
    """
    table: Table | None = None
    """The entities as a table in the mail, below its text. Values are escaped.

    Example: ``table: {columns: {Number: item.number, Total: item.total}}``
    """
    attachment: Attachment | None = None
    """The entities as an attached file.

    Example:
        attachment: {name: orders.csv}
        to: ops@example.com
    """
    per: Literal["entity", "run"] = "entity"
    """``entity``: a mail for each. ``run``: one mail with all of a run's, whose texts see ``entities``, the list.

    Example:
        per: run
        to: sales@example.com
        subject: "{{ entities | length }} orders"
        text: All of this run
    """
    most: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 1000
    """With ``per: run``: a mail is sent behind the batch with which it has this many entities.

    Example: ``most: 100``
    """
    refused_recipients: Literal["fail", "skip"] = "fail"
    """What happens where the server refuses some recipients for good. ``fail``: nobody gets the mail, and the entity is
    *failed*. ``skip``: the others get it, and the entity's reason names who did not.

    Example: ``refused_recipients: skip``
    """
    max_size: Annotated[int, Field(strict=True, ge=1000, le=64 * 1024 * 1024)] = 10 * 1024 * 1024
    """The largest mail, in bytes as it is sent.

    Example: ``max_size: 1048576``
    """

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.to == () and self.recipients is None and self.cc == () and self.bcc == ():
            raise ValueError("write to, or recipients: a mail needs somebody who gets it")
        return self
