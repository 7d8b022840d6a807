"""Read a webhook's body: unpacked within bounds, and parsed in its format."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from airflow_integrations.formats import ContentError
from airflow_integrations.formats.answer import decode_json, format_of
from airflow_integrations.formats.record_bound import read_bounded, refuse_crowded_json
from airflow_integrations.formats.text import charset
from airflow_integrations.formats.text_formats import edi_type
from airflow_integrations.http.content.content_encoding import CodingError, Decoding, is_coding
from airflow_integrations.ledger.inbox.event_reader import MAX_RECORDS
from airflow_integrations.route.webhooks.trigger import WebhookOptions
from airflow_integrations.webhooks.request import TooLarge

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
    if not is_coding(coding):
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


def read_content(content: bytes, content_type: str, options: WebhookOptions, most: int = MAX_RECORDS) -> Any:
    """The body for expressions; None where it is empty. Raises ContentError, also where it has far more than ``most``
    records, and UnknownContent for a Content-Type that names no known format where the route names none either."""
    name = _known(content_type) if options.format == "auto" else options.format
    if not content.strip():
        return None
    if name == "form":
        return _form(content)
    named = options.encoding or charset(content_type)
    if name == "json_lines":
        from airflow_integrations.formats.json_lines import JsonLinesReader

        refuse_crowded_json(content, most)
        return read_bounded(JsonLinesReader(encoding=named), content, most)
    if name == "csv":
        from airflow_integrations.formats.csv import CsvReader

        return read_bounded(CsvReader(options.csv, charset=named), content, most)
    if (reader := options.text_reader(name, named=options.encoding, said=charset(content_type))) is not None:
        return read_bounded(reader, content, most)
    if name == "xml":
        from airflow_integrations.formats.xml import read

        return read(content, options.xml, encoding=options.encoding, charset=charset(content_type))
    refuse_crowded_json(content, most)
    return decode_json(content, content_type, options.encoding)


def _known(content_type: str) -> str:
    media = content_type.partition(";")[0].strip().lower()
    if media == _FORM:
        return "form"
    named = edi_type(media) or format_of(media)
    if named == "json" and media not in _JSON and not media.endswith("+json"):
        told = repr(media[:60]) if media else "none"
        raise UnknownContent(
            f"Content-Type {told} is not read here: application/json, application/x-ndjson, application/xml, text/csv, "
            f"application/EDIFACT, application/EDI-X12 and {_FORM} are, or what the route names as its format"
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
