"""Looking for entities: by what the ledger knows of them, and by text in the payloads of open ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import asdict

from airflow_integrations.airflow.config import settings
from airflow_integrations.airflow.web.views.definitions import mask_of
from airflow_integrations.engine.fetch.entity_contents import contents
from airflow_integrations.engine.masked_reasons import Reasons
from airflow_integrations.ledger.queries.search import SECONDS, Found, search
from airflow_integrations.ledger.queries.views import EntityLine
from airflow_integrations.ledger.status import KEPT, Status
from airflow_integrations.masking.mask import Mask
from airflow_integrations.masking.payloads import masked

if TYPE_CHECKING:
    from airflow_integrations.airflow.web.console import Console
    from airflow_integrations.airflow.web.security.access import Who

__all__ = [
    "Description",
    "described",
    "entities",
    "lines_with_payloads",
    "payload_search",
    "reasons_of",
    "shown_page",
]

PAYLOAD_SECONDS = 2.0
"""How long payloads are read for one page."""
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
    inside: str | None = None
    """Any part of the key, upper and lower case alike."""
    target_id: str | None = None
    since: float | None = None
    """The last fate was decided then or later."""
    until: float | None = None


def entities(
    console: Console,
    who: Who,
    route: str,
    wanted: Description,
    *,
    limit: int = 100,
    after: str | None = None,
    seconds: float = SECONDS,
) -> Found:
    """One page; empty for a route that never ran. Messages are masked as the route masks now, and ``wanted.text`` is
    looked for in what is shown of them."""
    who.to_read(route)
    return shown_page(console, route, wanted, limit=limit, after=after, seconds=seconds)


def shown_page(
    console: Console,
    route: str,
    wanted: Description,
    reasons: Reasons | None = None,
    *,
    limit: int,
    after: str | None = None,
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Found:
    """The same, for those who may read the route. ``reasons``: of a whole export; looked up where they are needed."""
    begun = clock()
    if reasons is None and not wanted.text:  # so that hundreds of routes can be asked for a key
        found = search(console.database, route=route, limit=limit, after=after, seconds=seconds, **asdict(wanted))
        if not any(line.message for line in found.entities):
            return found
        lines = reasons_of(console, route).lines(found.entities)
        return msgspec.structs.replace(found, entities=lines)
    reasons = reasons or reasons_of(console, route)
    given = described(wanted, reasons)
    if "unsure_before" not in given:
        found = search(console.database, route=route, limit=limit, after=after, seconds=seconds, **given)
        return msgspec.structs.replace(found, entities=reasons.lines(found.entities))
    fitting = list[EntityLine]()
    while True:
        found = search(console.database, route=route, limit=max(limit, AT_ONCE), after=after, **given)
        fitting += (line for line in reasons.lines(found.entities) if reasons.fits(line, wanted.text))
        if len(fitting) > limit:
            return Found(tuple(fitting[:limit]), fitting[limit - 1].key, True)
        if found.after is None:
            return Found(tuple(fitting), None, True)
        after = found.after
        if clock() - begun >= seconds:
            return Found(tuple(fitting), after, len(fitting) == limit)


def reasons_of(console: Console, route: str, mask: Mask | None = None) -> Reasons:
    """``mask``: the route's, where it is known already."""
    mask = mask_of(console, route) if mask is None else mask
    return Reasons(console.database, settings.staging_base(), route, mask)


def described(wanted: Description, reasons: Reasons) -> dict[str, Any]:
    """For the ledger: a text is looked for in messages as they are stored only where they are shown so. Among the
    others, what the ledger finds, and where it ends a page, tells nothing of what they say."""
    given = asdict(wanted)
    return given | {"unsure_before": reasons.hidden_since} if wanted.text and reasons.hides else given


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
    reasons = reasons_of(console, route, mask)
    given = described(wanted, reasons)
    while True:
        page = search(console.database, route=route, limit=AT_ONCE, after=after, **given)  # masked with the payloads
        for line, payload in lines_with_payloads(console, route, page.entities, mask, reasons):
            if payload is None or not reasons.fits(line, wanted.text):
                continue
            if sought in payload.decode("utf-8", "replace").lower():
                found.append(line)
                if len(found) > limit:
                    return Found(tuple(found[:limit]), found[limit - 1].key, True)
        if page.after is None:
            return Found(tuple(found), None, True)
        after = page.after
        if clock() - begun >= seconds:
            return Found(tuple(found), after, False)


def lines_with_payloads(
    console: Console, route: str, lines: Sequence[EntityLine], mask: Mask, reasons: Reasons
) -> Iterator[tuple[EntityLine, bytes | None]]:
    """Each line with the payload that would be sent: the edited one, else the staged one. None: it is gone.

    Payloads and messages are masked. What the source gave is looked for in SOURCE_SECONDS; where it is not found, the
    paths count for the payload as it is.
    """
    there = contents(console.database, settings.staging_base(), route, [line.key for line in lines], mask)
    told = {line.key: line.message for line in lines if line.message}
    messages = reasons.messages(told, lambda keys: {key: there[key] for key in keys})
    for line in lines:
        content = there[line.key]
        payload = content.staged if content.edited is None else content.edited
        (shown, *_), _ = masked(mask, payload, content.source, content.target)
        yield msgspec.structs.replace(line, message=messages.get(line.key)), shown
