"""Answers decoded in the format that the route names, or that the answer says it is in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from airflow_integrations.errors import AnswerError
from airflow_integrations.formats import ContentError, FormatName, RecordReader
from airflow_integrations.formats.options import CsvOptions, XmlOptions
from airflow_integrations.formats.text import charset
from airflow_integrations.http import Answer
from airflow_integrations.http.message import excerpt_of
from airflow_integrations.model import Model

__all__ = ["AnswerFormat", "decode_json", "format_of", "is_html", "refuse_html"]

_JSON_LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"})
_CSV = frozenset({"text/csv", "application/csv"})
_UTF_8 = (None, "utf-8", "ascii")
_HTML = re.compile(
    rb"(?:\s++|<!--.*?-->|<\?xml[^>]*>)*+<(?:!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE | re.DOTALL
)
_XML = frozenset({"application/xml", "text/xml"})


def format_of(content_type: str | None) -> FormatName:
    """The format that a Content-Type names; JSON where it names none that is known."""
    media = (content_type or "").partition(";")[0].strip().lower()
    if media in _JSON_LINES:
        return "json_lines"
    if media in _CSV:
        return "csv"
    if media in _XML or media.endswith("+xml"):
        return "xml"
    return "json"


class AnswerFormat(Model):
    """The format of answers; a part of other configurations."""

    format: Literal["auto", "json", "json_lines", "csv", "xml"] = "auto"
    """The format of the answers; ``auto`` goes by their Content-Type and takes JSON where that says nothing known."""
    csv: CsvOptions = Field(default_factory=CsvOptions)
    """How CSV is written."""
    xml: XmlOptions = Field(default_factory=XmlOptions)
    """How XML becomes values."""

    def decode(self, answer: Answer, *, place: str) -> Any:
        """The body for expressions; None where there is no content. Raises AnswerError beginning with ``place``."""
        if not answer.content.strip():
            return None
        try:
            return self._decode(answer)
        except ContentError as error:
            raise AnswerError(f"{place}: {answer.redact(str(error))}") from None

    def reader(self, headers: Mapping[str, str]) -> RecordReader | None:
        """A reader that gives records as the content arrives; None for formats that are read as a whole."""
        content_type = headers.get("Content-Type")
        name = format_of(content_type) if self.format == "auto" else self.format
        if name == "json_lines":
            from airflow_integrations.formats.json_lines import JsonLinesReader

            return JsonLinesReader()
        if name == "csv":
            from airflow_integrations.formats.csv import CsvReader

            return CsvReader(self.csv, charset=charset(content_type))
        if name == "xml" and self.xml.record is not None:
            from airflow_integrations.formats.xml import XmlReader

            return XmlReader(self.xml)
        return None

    def is_json(self, answer: Answer) -> bool:
        """Whether :meth:`decode` takes the content for one JSON document in UTF-8."""
        content_type = answer.headers.get("Content-Type")
        name = format_of(content_type) if self.format == "auto" else self.format
        return name == "json" and charset(content_type) in _UTF_8

    def _decode(self, answer: Answer) -> Any:
        refuse_html(answer.content)
        reader = self.reader(answer.headers)
        if reader is not None:
            return reader.feed(answer.content) + reader.finish()
        content_type = answer.headers.get("Content-Type")
        if self.format == "xml" or (self.format == "auto" and format_of(content_type) == "xml"):
            from airflow_integrations.formats.xml import read

            return read(answer.content, self.xml)
        return decode_json(answer.content, content_type)


def is_html(content: bytes) -> bool:
    """Whether content begins as a page for people does, behind comments and declarations."""
    return _HTML.match(content[:2048].removeprefix(b"\xef\xbb\xbf")) is not None


def refuse_html(content: bytes) -> None:
    """Raises ContentError for a page for people, such as a login: to a lenient format it might look like records."""
    if is_html(content):
        raise ContentError(f"an HTML page came instead of data: {excerpt_of(content, 200)!r}")


def decode_json(content: bytes, content_type: str | None = None) -> Any:
    """One JSON document, in UTF-8 or the charset that an old server names. Raises ContentError."""
    from airflow_integrations.formats.json import read

    named = charset(content_type)
    if named not in _UTF_8:
        try:
            content = content.decode(named).encode()
        except UnicodeError:
            raise ContentError(f"the content is not in the charset {named} that its Content-Type names") from None
    return read(content)
