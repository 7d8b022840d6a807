"""Looking for entities: by what the ledger knows of them, and by text in the payloads of open ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

import msgspec

from airflow_integrations.airflow import settings
from airflow_integrations.airflow.web.definitions import mask_of
from airflow_integrations.engine.masked import masked
from airflow_integrations.engine.payloads import Wanted, incomings_of, payload_in, read_payloads, source_in
from airflow_integrations.ledger.answers import EntityLine
from airflow_integrations.ledger.payload_places import Place, places
from airflow_integrations.ledger.searching import Found, search
from airflow_integrations.ledger.status import KEPT, Status
from airflow_integrations.masking import Mask, hide
from airflow_integrations.staging import Staging

if TYPE_CHECKING:
    from airflow_integrations.airflow.web.access import Who
    from airflow_integrations.airflow.web.console import Console

__all__ = ["Description", "entities", "lines_with_payloads", "payload_search"]

PAYLOAD_SECONDS = 2.0
"""How long payloads are read for one page."""
SOURCE_SECONDS = 2.0
"""The same for what the source gave, which lies among all that its run fetched; asked for where a route has a mask."""
AT_ONCE = 500
"""Payloads that are read together: those of one segment in one pass."""


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """Which entities of a route; all that is given has to fit."""

    statuses: tuple[Status, ...] = ()
    fingerprint: str | None = None
    text: str | None = None
    """In the error's message, upper and lower case alike."""
    prefix: str | None = None
    """Of the key."""
    target_id: str | None = None
    since: float | None = None
    """The last fate was decided then or later."""
    until: float | None = None


def entities(
    console: Console, who: Who, route: str, wanted: Description, *, limit: int = 100, after: str | None = None
) -> Found:
    """One page; empty for a route that never ran."""
    who.to_read(route)
    return search(console.database, route=route, limit=limit, after=after, **msgspec.structs.asdict(wanted))


def payload_search(
    console: Console,
    who: Who,
    route: str,
    text: str,
    wanted: Description,
    *,
    limit: int = 100,
    after: str | None = None,
    seconds: float = PAYLOAD_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Found:
    """Open entities with this text in what is staged of them, upper and lower case alike; what is masked is not found.

    Reads payloads for ``seconds`` at most, and says by ``searched`` and ``after`` where it stopped.
    """
    who.to_see_payloads(route)
    begun, mask, sought = clock(), mask_of(console, route), text.lower()
    statuses = tuple(KEPT.intersection(wanted.statuses) or KEPT)
    wanted, found = msgspec.structs.replace(wanted, statuses=statuses), list[EntityLine]()
    while True:
        page = entities(console, who, route, wanted, limit=AT_ONCE, after=after)
        for line, payload in lines_with_payloads(console, route, page.entities, mask):
            if payload is not None and sought in payload.decode("utf-8", "replace").lower():
                found.append(line)
                if len(found) > limit:
                    return Found(tuple(found[:limit]), found[limit - 1].key, True)
        if page.after is None:
            return Found(tuple(found), None, True)
        after = page.after
        if clock() - begun >= seconds:
            return Found(tuple(found), after, False)


def lines_with_payloads(
    console: Console, route: str, lines: Collection[EntityLine], mask: Mask
) -> Iterator[tuple[EntityLine, bytes | None]]:
    """Each line with the payload that would be sent: the edited one, else the staged one. None: it is gone.

    Payloads and messages are masked. What the source gave is looked for in SOURCE_SECONDS; where it is not found, the
    paths count for the payload as it is.
    """
    near, there = Staging(settings.staging_base(), route, ""), places(console.database, route, [e.key for e in lines])
    wanted = [Wanted(key, place.ref) for key, place in there.items() if place.ref is not None]
    found = {wanted[index].key: payload for index, payload in read_payloads(near, wanted)}
    staged = {key: payload_in(payload) for key, payload in found.items()}
    # What the source gave says what is hidden, under whatever name it goes out. Runs from before the route had a mask
    # have not staged it beside.
    sources = {key: source for key, payload in found.items() if mask and (source := source_in(payload)) is not None}
    lacking = [one for one in wanted if mask and one.ref.stage == "push" and one.key not in sources]
    sources |= incomings_of(near, lacking, patience=SOURCE_SECONDS)
    for line in lines:
        place = there.get(line.key, Place(None, None))
        payload = staged.get(line.key) if place.edited is None else place.edited.encode()
        (shown, _, _), secrets = masked(mask, payload, staged.get(line.key), sources.get(line.key))
        yield msgspec.structs.replace(line, message=hide(line.message, secrets)), shown
