"""Whether an answer has the token of the next page elsewhere than the route looks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_integrations.expressions import Expression
from airflow_integrations.expressions.language.field_paths import plain_path
from airflow_integrations.formats.json import decode
from airflow_integrations.incoming.http.requester import Response

__all__ = ["overlooked"]

_NAMES = re.compile(r"next|cursor|continuation|after|page_?token", re.IGNORECASE)
_OTHERS = re.compile(r"prev|before|size|total|count|limit|first|last|current|has", re.IGNORECASE)
DEPTH = 3
MOST = 4 * 1024 * 1024
"""Bytes of an answer that are decoded for this."""


def overlooked(paging: Any, said: Response) -> str | None:
    """What to say of a first answer that ends the pages without having the field that ``next`` reads, while another
    field seems to lead on; None where it has the field, be it null, or nothing else leads on."""
    if not isinstance(wanted := getattr(paging, "next", None), Expression):
        return None
    path = plain_path(wanted)
    if path is None or path[0] != "body":
        return None
    held: Any = said.names["body"]
    for step in path[1:]:
        if isinstance(held, Mapping) and step in held:
            held = held[step]
        else:
            break
    else:
        return None
    there = [found for found in _leading(_whole(said), "body", DEPTH) if found != wanted.text]
    if not there:
        return None
    return (
        f"pagination.next: the answer has no {wanted.text}, so its first page counted as the last; it has "
        f"{' and '.join(there[:3])}: if more pages follow, write next: {there[0]}"
    )


def _whole(said: Response) -> Any:
    """The body, also of an answer of which only the records and what the route reads were decoded."""
    if said.records is None:
        return said.names["body"]
    try:
        return decode(said.answer.content) if len(said.answer.content) <= MOST else None
    except (ValueError, RecursionError, ArithmeticError):
        return None


def _leading(value: Any, place: str, depth: int) -> Iterator[str]:
    """Fields that look like the next page's token or address, and hold one."""
    if not isinstance(value, Mapping):
        return
    for name, inner in value.items():
        at = f"{place}.{name}" if str(name).isidentifier() else f'{place}["{name}"]'
        if isinstance(inner, Mapping) and depth > 1:
            yield from _leading(inner, at, depth - 1)
        elif type(inner) in (str, int) and inner and _NAMES.search(str(name)) and not _OTHERS.search(str(name)):
            yield at
