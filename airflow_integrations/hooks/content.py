"""What a body says: unpacked within bounds, and read in its format."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from airflow_integrations.formats import ContentError
from airflow_integrations.formats.answer import decode_json, format_of
from airflow_integrations.formats.text import charset
from airflow_integrations.hooks.request import TooLarge
from airflow_integrations.http.coding import CodingError, Decoding
from airflow_integrations.webhook import WebhookOptions

__all__ = ["UnknownContent", "read_content", "unpacked"]

MAX_FIELDS = 1000
"""Of a form."""
_JSON = frozenset({"application/json", "text/json"})
_FORM = "application/x-www-form-urlencoded"


class UnknownContent(Exception):
    """A Content-Type or Content-Encoding that is not read here. The text says what is."""


def unpacked(body: bytes, coding: str, most: int) -> bytes:
    """The body without its Content-Encoding. Raises TooLarge as soon as it would be so, ContentError for what is not
    packed so, UnknownContent for others than gzip and deflate."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return body
    try:
        decoding = Decoding(coding)
    except CodingError:
        raise UnknownContent(f"Content-Encoding {coding[:60]!r} is not read here; gzip and deflate are") from None
    pieces, size = [], 0
    try:
        for piece in decoding.feed(body):
            size += len(piece)
            if size > most:
                raise TooLarge
            pieces.append(piece)
        decoding.finish()
    except CodingError:
        raise ContentError(f"the body is not {coding}, as it says, or it ends in the middle") from None
    return b"".join(pieces)


def read_content(content: bytes, content_type: str, options: WebhookOptions) -> Any:
    """The body for expressions; None where it is empty. Raises ContentError, and UnknownContent for a Content-Type
    that names no known format where the route names none either."""
    name = _known(content_type) if options.format == "auto" else options.format
    if not content.strip():
        return None
    if name == "form":
        return _form(content)
    if name == "json_lines":
        from airflow_integrations.formats.json_lines import JsonLinesReader

        lines = JsonLinesReader()
        return lines.feed(content) + lines.finish()
    if name == "csv":
        from airflow_integrations.formats.csv import CsvReader

        rows = CsvReader(options.csv, charset=charset(content_type))
        return rows.feed(content) + rows.finish()
    if name == "xml":
        from airflow_integrations.formats.xml import read

        return read(content, options.xml)
    return decode_json(content, content_type)


def _known(content_type: str) -> str:
    media = content_type.partition(";")[0].strip().lower()
    if media == _FORM:
        return "form"
    named = format_of(media)
    if named == "json" and media not in _JSON and not media.endswith("+json"):
        told = repr(media[:60]) if media else "none"
        raise UnknownContent(
            f"Content-Type {told} is not read here: application/json, application/x-ndjson, application/xml, text/csv "
            f"and {_FORM} are, or what the route names as its format"
        )
    return named


def _form(content: bytes) -> dict[str, Any]:
    """Text by name; a list where a name stands several times."""
    try:
        pairs = parse_qsl(content.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError:
        raise ContentError(f"the form is not UTF-8, or it has over {MAX_FIELDS} fields") from None
    form: dict[str, Any] = {}
    for name, value in pairs:
        if name not in form:
            form[name] = value
        elif isinstance(form[name], list):
            form[name].append(value)
        else:
            form[name] = [form[name], value]
    return form
