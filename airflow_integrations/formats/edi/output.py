"""How EDIFACT and X12 are written."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.formats.text import checked_encoding

__all__ = ["EdifactMessage", "EdifactOutput", "X12Output"]

_Code = Annotated[str, Field(min_length=1, max_length=6, pattern=r"^[A-Za-z0-9]+$")]
_Id35 = Annotated[str, Field(min_length=1, max_length=35, pattern=r"^[!-~]([ -~]*[!-~])?$")]
_Id15 = Annotated[str, Field(min_length=1, max_length=15, pattern=r"^[!-~]([ -~]*[!-~])?$")]
_Mark = Annotated[str, Field(min_length=1, max_length=1, pattern=r"^[!-/:-@\[-`{-~]$")]
_LineEnd = Literal["none", "lf", "crlf"]


class EdifactMessage(Model):
    """What UNH says of each message.

    Example: ``{type: ORDERS, release: 96A, association: EAN008}``
    """

    type: _Code
    """The message's type.

    Example: ``type: ORDERS``
    Since: 0.2
    """
    version: _Code = "D"
    """The directory's version.

    Example: ``version: D``
    Since: 0.2
    """
    release: _Code = "96A"
    """The directory's release.

    Example: ``release: 96A``
    Since: 0.2
    """
    agency: _Code = "UN"
    """Who controls it.

    Example: ``agency: UN``
    Since: 0.2
    """
    association: _Code | None = None
    """The code of the association whose subset this is.

    Example: ``association: EAN008``
    Since: 0.2
    """


class EdifactOutput(Model):
    """An interchange of EDIFACT: an entity is a message.

    Example:
        sender: "5412345000013"
        sender_qualifier: "14"
        recipient: "4012345500004"
        recipient_qualifier: "14"
        message: {type: ORDERS, release: 96A, association: EAN008}
    """

    sender: _Id35
    """Who sends, in UNB.

    Example: ``sender: "5412345000013"``
    Since: 0.2
    """
    sender_qualifier: _Code | None = None
    """Whose code that is, such as ``14`` for a GLN.

    Example: ``sender_qualifier: "14"``
    Since: 0.2
    """
    recipient: _Id35 | None = None
    """Who receives. Left out, in a file with ``per: entity``: what the entity says in ``recipient`` and
    ``recipient_qualifier``, as acknowledgements do.

    Example: ``recipient: "4012345500004"``
    Since: 0.2
    """
    recipient_qualifier: _Code | None = None
    """Whose code that is.

    Example: ``recipient_qualifier: "14"``
    Since: 0.2
    """
    message: EdifactMessage
    """The type of the messages.

    Example: ``message: {type: ORDERS, release: 96A, association: EAN008}``
    Since: 0.2
    """
    application: Annotated[str, Field(min_length=1, max_length=14, pattern=r"^[A-Za-z0-9]+$")] | None = None
    """UNB's application reference.

    Example: ``application: ORDERS``
    Since: 0.2
    """
    syntax: Literal["UNOA", "UNOB", "UNOC", "UNOD", "UNOE", "UNOF", "UNOW", "UNOY"] = "UNOC"
    """The syntax identifier, which says how text is written: ``UNOC`` is ISO 8859-1, ``UNOW`` and ``UNOY`` are UTF-8.
    An entity with a character that it does not have fails alone.

    Example: ``syntax: UNOY``
    Since: 0.2
    """
    syntax_version: Literal["1", "2", "3", "4"] = "3"
    """The version of the syntax. Only ``4`` can repeat elements.

    Example: ``syntax_version: "4"``
    Since: 0.2
    """
    test: Annotated[bool, Field(strict=True)] = False
    """Whether the interchange is a test.

    Example: ``test: true``
    Since: 0.2
    """
    first: Annotated[int, Field(strict=True, ge=1, le=99_999_999_999_999)] = 1
    """The control number of the first interchange to this recipient. Each further one has the next number.

    Example: ``first: 4711``
    Since: 0.2
    """
    line_end: _LineEnd = "none"
    """What stands behind a segment, for people.

    Example: ``line_end: lf``
    Since: 0.2
    """


class X12Output(Model):
    """An interchange of X12 with one group: an entity is a transaction set.

    Example:
        sender: SENDERISA
        recipient: RECEIVERISA
        type: "850"
        group: PO
    """

    sender: _Id15
    """Who sends, in ISA06.

    Example: ``sender: SENDERISA``
    Since: 0.2
    """
    sender_qualifier: Annotated[str, Field(pattern=r"^[A-Z0-9]{2}$")] = "ZZ"
    """Whose code that is, in ISA05.

    Example: ``sender_qualifier: "01"``
    Since: 0.2
    """
    recipient: _Id15 | None = None
    """Who receives, in ISA08. Left out, in a file with ``per: entity``: what the entity says in ``recipient``,
    ``recipient_qualifier`` and ``group_recipient``, as acknowledgements do.

    Example: ``recipient: RECEIVERISA``
    Since: 0.2
    """
    recipient_qualifier: Annotated[str, Field(pattern=r"^[A-Z0-9]{2}$")] = "ZZ"
    """Whose code that is, in ISA07.

    Example: ``recipient_qualifier: "01"``
    Since: 0.2
    """
    group_sender: _Id15 | None = None
    """Who sends, in GS02. Left out: ``sender``.

    Example: ``group_sender: SENDERGS``
    Since: 0.2
    """
    group_recipient: _Id15 | None = None
    """Who receives, in GS03. Left out: ``recipient``.

    Example: ``group_recipient: RECEIVERGS``
    Since: 0.2
    """
    type: Annotated[str, Field(pattern=r"^\d{3}$")]
    """The transaction set, in ST01.

    Example: ``type: "850"``
    Since: 0.2
    """
    group: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    """The functional identifier of the group, in GS01: ``PO`` for an 850, ``IN`` for an 810, ``SH`` for an 856.

    Example: ``group: PO``
    Since: 0.2
    """
    version: Annotated[str, Field(pattern=r"^00[3-9]0\d0[A-Z0-9]*$", max_length=12)] = "004010"
    """The standard's version, in GS08; ISA12 has its first five digits.

    Example: ``version: "005010"``
    Since: 0.2
    """
    element: _Mark = "*"
    """What separates elements. X12 has no way to write a separator in a value: an entity that has one fails alone.

    Example: ``element: "|"``
    Since: 0.2
    """
    component: _Mark = ">"
    """What separates components.

    Example: ``component: ":"``
    Since: 0.2
    """
    terminator: _Mark = "~"
    """What ends a segment.

    Example: ``terminator: "'"``
    Since: 0.2
    """
    repeat: _Mark = "^"
    """What separates repetitions, from version 00402 on.

    Example: ``repeat: "!"``
    Since: 0.2
    """
    encoding: Annotated[str, AfterValidator(checked_encoding)] = "ascii"
    """How text is written. An entity with a character that it does not have fails alone.

    Example: ``encoding: utf-8``
    Since: 0.2
    """
    acknowledgement: Annotated[bool, Field(strict=True)] = False
    """Whether the partner is asked for a TA1.

    Example: ``acknowledgement: true``
    Since: 0.2
    """
    test: Annotated[bool, Field(strict=True)] = False
    """Whether the interchange is a test.

    Example: ``test: true``
    Since: 0.2
    """
    first: Annotated[int, Field(strict=True, ge=1, le=999_999_999)] = 1
    """The control number of the first interchange to this recipient. Each further one has the next number.

    Example: ``first: 4711``
    Since: 0.2
    """
    line_end: _LineEnd = "none"
    """What stands behind a segment, for people.

    Example: ``line_end: lf``
    Since: 0.2
    """

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        marks = [self.element, self.component, self.terminator, self.repeat]
        if len(set(marks)) < len(marks):
            raise ValueError("element, component, terminator and repeat are four different characters")
        own = (self.sender, self.recipient or "", self.group_sender or "", self.group_recipient or "")
        if any(mark in text for mark in marks for text in own):
            raise ValueError("sender and recipient cannot hold a separator")
        return self
