"""The head of a document: what it says before its records are read."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.text import TextDecoding, charset

if TYPE_CHECKING:
    from airflow_integrations.formats.answer import AnswerFormat

__all__ = ["HEAD", "head_of"]

HEAD = 64 * 1024
"""Bytes that are looked at."""
RECORDS = 100
TEXT = 4096


def head_of(start: bytes, content_type: str | None, options: AnswerFormat) -> dict[str, Any]:
    """``{"text": …, "records": …, "document": …}`` of a document that is read record by record.

    ``start`` is its first ``HEAD`` bytes. ``text`` is its first 4,096 characters, ``records`` the first 100 that can be
    read, ``document`` what an XML document has before its first record, as XML without ``record`` is read (else None).
    Nothing here raises: a beginning that cannot be read has no records.
    """
    return {
        "text": _text(start, content_type, options)[:TEXT],
        "records": _records(start, content_type, options),
        "document": _document(start, content_type, options) if options.name_for(content_type) == "xml" else None,
    }


def _text(start: bytes, content_type: str | None, options: AnswerFormat) -> str:
    encoding = options.encoding or options.csv.encoding or charset(content_type)
    part = start[: 4 * TEXT]
    try:
        return TextDecoding(encoding).feed(part, last=part == start)
    except ContentError:
        return part.decode("utf-8", "replace")


def _records(start: bytes, content_type: str | None, options: AnswerFormat) -> list[Any]:
    found: list[Any] = []
    reader = options.reader(content_type, rejects=True)
    with contextlib.suppress(ContentError):
        found += reader.feed(start)
        if len(start) < HEAD:  # that was all of it
            found += reader.finish()
    return [record for record in found if type(record) is not BadRecord][:RECORDS]


def _document(start: bytes, content_type: str | None, options: AnswerFormat) -> Any:
    from airflow_integrations.formats.xml import XmlReader

    reader = XmlReader(options.xml, encoding=options.encoding, charset=charset(content_type))
    try:
        return reader.beginning(start)
    except ContentError:
        return None
