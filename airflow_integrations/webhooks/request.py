"""One request, read whole and within bounds."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import msgspec

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from airflow_integrations.webhooks.memory_budget import Reservation

__all__ = ["LONGEST", "Gone", "Request", "TooLarge", "TooSlow", "hung_up", "read_body", "request_of", "wanted_wait"]

BODY_SECONDS = 20.0
"""Within which the whole body has to be here."""

MAX_PARAMETERS = 100


class TooLarge(Exception):
    """The body is larger than it may be."""


class TooSlow(Exception):
    """The body did not come in time."""


class Gone(Exception):
    """The sender hung up before it could be answered."""


class Request(msgspec.Struct, frozen=True):
    method: str
    path: str
    """Behind ``/hooks/``."""
    headers: dict[str, str]
    """By lower-case name; several of one name are joined by commas."""
    query: dict[str, str]
    """The last value of each name."""
    body: bytes = b""
    """As it was sent."""


def request_of(scope: Scope, path: str) -> Request:
    """Without the body."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Request(scope["method"], path, headers, _query(scope["query_string"]))


def _query(raw: bytes) -> dict[str, str]:
    if not raw:
        return {}
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:  # more of them than anybody means
        return {}
    return dict(pairs)


async def read_body(
    receive: Receive, headers: dict[str, str], most: int, held: Reservation, seconds: float = BODY_SECONDS
) -> bytes:
    """All of it. What it says of its length is believed only where that is too much.

    Raises TooLarge, TooSlow, Gone, and Overloaded where ``held`` does.
    """
    announced = headers.get("content-length", "")
    if announced.isdigit() and int(announced[:20]) > most:
        raise TooLarge
    try:
        async with asyncio.timeout(seconds):
            return await _received(receive, most, held)
    except TimeoutError:
        raise TooSlow from None


async def _received(receive: Receive, most: int, held: Reservation) -> bytes:
    pieces, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size > most:
            raise TooLarge
        held.add(len(piece))
        pieces.append(piece)
        if not message.get("more_body"):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def hung_up(receive: Receive) -> None:
    """Returns when the sender has gone, whose body is here."""
    while (await receive())["type"] != "http.disconnect":
        pass


LONGEST = 60.0
"""Seconds."""

_PREFER = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})", re.IGNORECASE)


def wanted_wait(request: Request) -> float:
    """Seconds, from ``?wait=20`` or ``Prefer: wait=20`` (RFC 7240 §4.3), at most 60; 0: the sender does not wait."""
    asked = request.query.get("wait")
    if asked is None:
        found = _PREFER.search(request.headers.get("prefer", ""))
        asked = found[1] if found else "0"
    return min(float(asked), LONGEST) if re.fullmatch(r"\d{1,6}(\.\d{1,3})?", asked, re.ASCII) else 0.0
