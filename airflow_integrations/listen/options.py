"""Options that every kind of listener has."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from airflow_integrations.config.types import Duration
from airflow_integrations.expressions import Expression, Sees
from airflow_integrations.formats.answer import AnswerFormat
from airflow_integrations.formats.options import CsvOptions, XmlRead
from airflow_integrations.formats.records_format import MessageFormat

__all__ = ["ListenOptions", "OneOrMore", "Pause", "Prefetch", "QueueOptions"]


def _not_always(pause: timedelta) -> timedelta:
    if pause.total_seconds() < 0.1:
        raise ValueError("every is at least 0.1s")
    return pause


OneOrMore = BeforeValidator(lambda given: (given,) if isinstance(given, str) else given)
"""A text stands for a list of one."""
Pause = Annotated[Duration, AfterValidator(_not_always)]
"""Between two looks at a system that does not call: ``every``."""
Prefetch = Annotated[int, Field(strict=True, ge=1, le=10_000)]


class ListenOptions(AnswerFormat):
    """Options of every listener."""

    format: Literal["auto", "json", "json_lines", "csv", "xml"] = "auto"
    """The format of messages or files. ``auto`` takes it from the content type or the file's ending, and takes JSON
    where that says nothing known.

    Example: ``format: json``
    """
    csv: CsvOptions = Field(default_factory=CsvOptions)
    """How CSV is written.

    Example: ``csv: {delimiter: ";"}``
    """
    xml: XmlRead = Field(default_factory=XmlRead)
    """How XML becomes values.

    Example: ``xml: {record: order}``
    """
    records: Annotated[Expression, Sees("event")] = Field(default="body", validate_default=True)
    """The records, a list or a single one. The expression sees ``body``, ``headers``, ``subject`` and ``params``. An
    empty list: there is nothing to do.

    Example: ``records: body.orders``
    """


class QueueOptions(MessageFormat, ListenOptions):
    """Options of every listener whose messages come one by one."""

    @field_validator("format", mode="before")
    @classmethod
    def _of_a_message(cls, value: object) -> object:
        if value == "parquet":
            raise ValueError(
                "Parquet is a format of large files, and is not read from messages; put the file into a folder or "
                "bucket: trigger: {listen: {files: …}} or incoming: {files: …}"
            )
        return value

    event_id: Annotated[Expression, Sees("event")] | None = None
    """The sender's id of the message, so that one that comes twice counts once: text, a number, or a list of them, at
    most 250 characters. Left out: the broker's own id, if it has one.

    Example: ``event_id: headers["x-event-id"]``
    """
    max_size: Annotated[int, Field(strict=True, ge=1, le=16 * 1024 * 1024)] = 1024 * 1024
    """The largest message, in bytes. A larger one cannot be used.

    Example: ``max_size: 65536``
    """
    prefetch: Prefetch = 500
    """The most messages under way. They are written to the inbox together.

    Example: ``prefetch: 100``
    """
    dead_letters: Annotated[bool, Field(strict=True)] = False
    """Send a message that cannot be used to the broker's dead letters. Otherwise the next run rejects it and keeps its
    content.

    Example: ``dead_letters: true``
    """
