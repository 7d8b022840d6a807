"""Entities and errors as files: written as they are read, so that a million of them take no memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from airflow_integrations.airflow.web.actions.audit import audit
from airflow_integrations.airflow.web.views.csv_cells import csv_lines, moment
from airflow_integrations.airflow.web.views.definitions import mask_of
from airflow_integrations.airflow.web.views.entity_search import (
    Description,
    described,
    lines_with_payloads,
    reasons_of,
    shown_page,
)
from airflow_integrations.airflow.web.views.queue import errors
from airflow_integrations.ledger.queries.search import search
from airflow_integrations.ledger.queries.views import EntityLine, ErrorGroup

if TYPE_CHECKING:
    from airflow_integrations.airflow.web.console import Console
    from airflow_integrations.airflow.web.security.access import Who

__all__ = ["Format", "export_entities", "export_errors"]

Format = Literal["csv", "jsonl"]
PAGE = 5_000
"""Lines that are read at a time: a page that is shorter than a stretch of the search is read for itself alone."""
PAYLOADS = 500
"""Entities whose payloads are read together."""
CHUNK = 64 * 1024
"""Bytes that are handed over at a time: each is a turn of the server's threads."""
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
    plain = ((line, None) for line in _all(console, route, wanted))
    lines = _with_payloads(console, route, wanted) if payloads else plain
    fields = EntityLine.__struct_fields__
    if form == "csv":
        header = (*fields, "payload") if payloads else fields
        rows = ((*_row(line), *([_text(payload)] if payloads else ())) for line, payload in lines)
        return _chunks(text.encode() for text in csv_lines(header, rows))
    return _chunks(_json_line(line, payload, payloads) for line, payload in lines)


def export_errors(console: Console, who: Who, form: Format, route: str | None = None) -> Iterator[bytes]:
    """The groups of errors, the largest first."""
    groups = errors(console, who, route).groups
    if form == "csv":
        return (text.encode() for text in csv_lines(ErrorGroup.__struct_fields__, map(_row, groups)))
    return (msgspec.json.encode(group) + b"\n" for group in groups)


def _chunks(lines: Iterable[bytes]) -> Iterator[bytes]:
    found, size = list[bytes](), 0
    for line in lines:
        found.append(line)
        size += len(line)
        if size >= CHUNK:
            yield b"".join(found)
            found, size = [], 0
    yield b"".join(found)


def _all(console: Console, route: str, wanted: Description) -> Iterator[EntityLine]:
    reasons = reasons_of(console, route)
    after: str | None = None
    while True:
        found = shown_page(console, route, wanted, reasons, limit=PAGE, after=after)
        yield from found.entities
        if found.after is None:
            return
        after = found.after


def _with_payloads(console: Console, route: str, wanted: Description) -> Iterator[tuple[EntityLine, bytes | None]]:
    mask = mask_of(console, route)
    reasons, after = reasons_of(console, route, mask), None
    given = described(wanted, reasons)
    while True:
        found = search(console.database, route=route, limit=PAGE, after=after, **given)
        for at in range(0, len(found.entities), PAYLOADS):
            some = found.entities[at : at + PAYLOADS]
            for line, payload in lines_with_payloads(console, route, some, mask, reasons):
                if reasons.fits(line, wanted.text):
                    yield line, payload
        if found.after is None:
            return
        after = found.after


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
