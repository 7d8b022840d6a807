"""Entities and errors as files: written as they are read, so that a million of them take no memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from airflow_integrations.airflow.web.audit import audit
from airflow_integrations.airflow.web.csv_cells import csv_lines, moment
from airflow_integrations.airflow.web.definitions import mask_of
from airflow_integrations.airflow.web.entities import Description, lines_with_payloads
from airflow_integrations.airflow.web.queue_view import errors
from airflow_integrations.ledger.answers import EntityLine, ErrorGroup
from airflow_integrations.ledger.searching import search

if TYPE_CHECKING:
    from airflow_integrations.airflow.web.access import Who
    from airflow_integrations.airflow.web.console import Console

__all__ = ["Format", "export_entities", "export_errors"]

Format = Literal["csv", "jsonl"]
PAGE = 500
TIMES = frozenset({"changed", "delivered_at", "next_attempt", "first", "last"})


def export_entities(
    console: Console, who: Who, route: str, wanted: Description, form: Format, *, payloads: bool = False
) -> Iterator[bytes]:
    """All that fit, in the order of their keys. ``payloads``: with what is staged of open ones, masked; it needs the
    right to see them."""
    who.to_read(route)
    if payloads:
        who.to_see_payloads(route)
    audit(who.name, "export", route, format=form, payloads=payloads or None, **_given(wanted))
    lines = (
        _with_payloads(console, route, wanted) if payloads else ((line, None) for line in _all(console, route, wanted))
    )
    fields = EntityLine.__struct_fields__
    if form == "csv":
        header = (*fields, "payload") if payloads else fields
        rows = ((*_row(line), *([_text(payload)] if payloads else ())) for line, payload in lines)
        return (text.encode() for text in csv_lines(header, rows))
    return (_json_line(line, payload, payloads) for line, payload in lines)


def export_errors(console: Console, who: Who, form: Format, route: str | None = None) -> Iterator[bytes]:
    """The groups of errors, the largest first."""
    groups = errors(console, who, route).groups
    if form == "csv":
        return (text.encode() for text in csv_lines(ErrorGroup.__struct_fields__, map(_row, groups)))
    return (msgspec.json.encode(group) + b"\n" for group in groups)


def _all(console: Console, route: str, wanted: Description) -> Iterator[EntityLine]:
    after: str | None = None
    while True:
        found = search(console.database, route=route, limit=PAGE, after=after, **msgspec.structs.asdict(wanted))
        yield from found.entities
        if found.after is None:
            return
        after = found.after


def _with_payloads(console: Console, route: str, wanted: Description) -> Iterator[tuple[EntityLine, bytes | None]]:
    mask, page = mask_of(console, route), list[EntityLine]()
    for line in _all(console, route, wanted):
        page.append(line)
        if len(page) == PAGE:
            yield from lines_with_payloads(console, route, page, mask)
            page = []
    yield from lines_with_payloads(console, route, page, mask)


def _row(line: EntityLine | ErrorGroup) -> tuple[Any, ...]:
    return tuple(
        moment(value) if name in TIMES else value
        for name, value in zip(line.__struct_fields__, msgspec.structs.astuple(line), strict=True)
    )


def _json_line(line: EntityLine, payload: bytes | None, payloads: bool) -> bytes:
    encoded = msgspec.json.encode(line)
    if payloads:
        encoded = encoded[:-1] + b',"payload":' + (payload or b"null") + b"}"
    return encoded + b"\n"


def _text(payload: bytes | None) -> str | None:
    return None if payload is None else payload.decode("utf-8", "replace")


def _given(wanted: Description) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(wanted).items() if value}
