"""The part of OData's query options that the demo's SAP understands: equalities and comparisons, joined by ``and``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from airflow_integrations.demo.shopify_sap.sap_books import Refusal

__all__ = ["filtered", "key_of"]

_TERM = re.compile(
    r"\(?\s*(?P<name>\w+)\s+(?P<op>eq|ge|gt|le|lt)\s+"
    r"(?:(?P<moment>datetimeoffset|datetime)?'(?P<text>(?:[^']|'')*)'|(?P<number>-?\d+(?:\.\d+)?)M?)\s*\)?"
)
_KEY = re.compile(r"(?P<set>\w+)\('(?P<key>(?:[^']|'')*)'\)")


def key_of(segment: str) -> tuple[str, str | None]:
    """The entity set of ``A_SalesOrder('1')`` and its key; None for all of the set."""
    found = _KEY.fullmatch(segment)
    return (found["set"], found["key"].replace("''", "'")) if found else (segment, None)


def filtered(documents: Iterable[dict[str, Any]], text: str | None) -> list[dict[str, Any]]:
    """Raises Refusal for a filter that is not understood."""
    found = list(documents)
    rest = (text or "").strip()
    while rest:
        term = _TERM.match(rest)
        if term is None:
            raise Refusal(400, "005056A509B11EE1B9A8FEC11C20D78E", f"Invalid token detected at: {rest[:40]}")
        found = [each for each in found if _holds(each, term)]
        rest = rest[term.end() :].strip()
        if rest and not rest.startswith("and "):
            raise Refusal(400, "005056A509B11EE1B9A8FEC11C20D78E", f"Invalid token detected at: {rest[:40]}")
        rest = rest.removeprefix("and ").strip()
    return found


def _holds(document: dict[str, Any], term: re.Match[str]) -> bool:
    value: Any = document.get(term["name"])
    if value is None:
        return False
    if term["moment"]:
        wanted: Any = datetime.fromisoformat(term["text"])
        wanted = wanted if wanted.tzinfo else wanted.replace(tzinfo=UTC)
        value = datetime.fromtimestamp(int(value[6:].partition("+")[0]) / 1000, UTC)
    else:
        wanted = term["number"] if term["text"] is None else term["text"].replace("''", "'")
    compared: dict[str, bool] = {
        "eq": value == wanted,
        "ge": value >= wanted,
        "gt": value > wanted,
        "le": value <= wanted,
        "lt": value < wanted,
    }
    return compared[term["op"]]
