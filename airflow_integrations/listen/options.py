"""What a route may say of every kind that it listens to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from airflow_integrations.expressions import Expression, Sees
from airflow_integrations.formats.answer import AnswerFormat
from airflow_integrations.formats.options import CsvOptions, XmlOptions

__all__ = ["ListenOptions", "Prefetch", "QueueOptions"]

Prefetch = Annotated[int, Field(strict=True, ge=1, le=10_000)]


class ListenOptions(AnswerFormat):
    """Options that every kind has."""

    format: Literal["auto", "json", "json_lines", "csv", "xml"] = "auto"
    """The format of what comes; ``auto`` goes by the content type, or a file's ending, and takes JSON where that says
    nothing known."""
    csv: CsvOptions = Field(default_factory=CsvOptions)
    """How CSV is written."""
    xml: XmlOptions = Field(default_factory=XmlOptions)
    """How XML becomes values."""
    records: Annotated[Expression, Sees("event")] = Field(default="body", validate_default=True)
    """The records in it, a list or a single one: ``body.orders``."""


class QueueOptions(ListenOptions):
    """Options that every kind has whose messages come one by one."""

    event_id: Annotated[Expression, Sees("event")] | None = None
    """What the sender calls the message, so that one that comes twice counts once: ``body.event_id`` or
    ``headers["x-event-id"]``. The broker's own id where it is left out, if it has one."""
    max_size: Annotated[int, Field(strict=True, ge=1, le=16 * 1024 * 1024)] = 1024 * 1024
    """Bytes of a message; a larger one is of no use."""
    prefetch: Prefetch = 500
    """Messages that are under way at most: so many are written to the inbox at a time."""
    dead_letters: Annotated[bool, Field(strict=True)] = False
    """A message that is of no use goes to the broker's dead letters. Without it the next run rejects it, and keeps
    what it was."""
