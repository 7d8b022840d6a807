"""Whole documents in a text: JSON and XML, read and written."""

from __future__ import annotations

from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.evaluation.guards import kind_of, plain
from airflow_integrations.expressions.evaluation.limits import bounded_text, measure
from airflow_integrations.expressions.evaluation.meter import Meter, build
from airflow_integrations.expressions.functions.catalogue import function

__all__ = ["json_", "parse_json", "parse_xml"]

_VALUE = 110
"""Bytes of one decoded value in a list or object: a number with a fraction takes as much."""
_ELEMENT = 700
"""Bytes of one XML element while it is read: its place in the parser's tree, and the object it becomes."""


@function("Documents", name="json", also="to_json", returns="text", reads="deep")
def json_(value: Any) -> str:
    """Any value as JSON text, with exact numbers."""
    from airflow_integrations.formats.json import encode

    measure(value)
    try:
        return bounded_text(encode(plain(value)).decode())
    except UnicodeEncodeError:
        raise EntityError("a text in it has half of a surrogate pair (a character cut in two)") from None


def _document(name: str, text: Any) -> str:
    if isinstance(text, str):
        return bounded_text(text)
    raise EntityError(f"{name}() takes a text, and this is {kind_of(text)}")


@function("Documents", metered=True, builds="nothing")
def parse_json(meter: Meter, text: str) -> Any:
    """What a text says that is JSON, with exact numbers: `parse_json(body.payload)`. Other text is an error."""
    from airflow_integrations.formats import ContentError
    from airflow_integrations.formats.json import read

    document = _document("parse_json", text)
    build(2 * len(document) + _VALUE * sum(map(document.count, ",[{")), meter)
    try:
        return read(document.encode("utf-8", "surrogatepass"))
    except ContentError as error:
        raise EntityError(f"parse_json(): {error}") from None


@function("Documents", metered=True, builds="nothing")
def parse_xml(meter: Meter, text: str) -> Any:
    """What a text says that is XML, as `format: xml` gives it: an object with the root element as its field, attributes
    as `@name`, text beside them as `#text`, children of one name as a list where there are several."""
    from airflow_integrations.formats import ContentError
    from airflow_integrations.formats.xml import read

    document = _document("parse_xml", text)
    build(4 * len(document) + _ELEMENT * document.count("<") + _VALUE * document.count("="), meter)
    try:
        content = document.encode()
    except UnicodeEncodeError:
        raise EntityError("parse_xml(): the text has half of a surrogate pair (a character cut in two)") from None
    try:
        return read(content, encoding="utf-8")
    except ContentError as error:
        raise EntityError(f"parse_xml(): {error}") from None
