"""One entity: where it is, what happened to it, what came and what goes out, and what can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airflow_integrations.airflow import settings
from airflow_integrations.airflow.web.dags import run_states, run_url
from airflow_integrations.airflow.web.definitions import mask_of
from airflow_integrations.engine.exchanges import exchange_of
from airflow_integrations.engine.masked import masked
from airflow_integrations.engine.payloads import incoming_of, payload_of
from airflow_integrations.exchange import Exchange
from airflow_integrations.ledger.answers import EntityRecord
from airflow_integrations.ledger.desk import CONFIRMABLE, RETRIABLE, SKIPPABLE
from airflow_integrations.ledger.editing import EDITABLE
from airflow_integrations.ledger.queries import where
from airflow_integrations.masking import hide
from airflow_integrations.staging import Staging

if TYPE_CHECKING:
    from airflow_integrations.airflow.web.access import Who
    from airflow_integrations.airflow.web.console import Console

__all__ = ["EntityView", "Payloads", "entity_view"]

SECONDS = 2.0
"""How long what the source gave is looked for: it lies among all that its run fetched."""


class Payloads(msgspec.Struct, frozen=True, kw_only=True):
    """JSON, numbers with all their digits, fields of the route's mask hidden."""

    source: msgspec.Raw | str | None
    """What the source gave; a text where that is no JSON. None: it is gone, or part of another entity, or was not found
    in time."""
    target: msgspec.Raw | None
    """What goes to the target. None: the entity did not come so far, or the payload is gone."""
    edited: msgspec.Raw | None
    """What a person made of the one of them where the entity stopped: it goes instead."""
    edited_by: str | None
    edited_at: float | None
    masked: bool
    """Something is hidden. Who edits it leaves ``***`` where it is: the hidden value comes back in its place."""


class EntityView(msgspec.Struct, frozen=True, kw_only=True):
    record: EntityRecord
    """Without the payload's content. ``message``, ``http_status`` and ``error_class`` are the target's last answer."""
    payloads: Payloads | None
    """None: the user may not see payloads."""
    exchange: Exchange | None
    """What the target was asked last and what it answered, where that was kept and the user may see payloads: it is of
    what did not simply arrive."""
    runs: dict[str, str | None]
    """Airflow's page of each run that the entity was in; None: Airflow does not have the run (any more)."""
    can: tuple[str, ...]
    """What the user may do with the entity as it is: retry, edit, skip, confirm."""


def entity_view(console: Console, who: Who, route: str, key: str) -> EntityView | None:
    """None: the ledger does not know it."""
    who.to_read(route)
    record = where(console.database, route, key, console.now())
    if record is None:
        return None
    payloads, exchange, secrets = (
        _content(console, record) if who.may_see_payloads(route) else (None, None, frozenset[str]())
    )
    decided = record.run.run_id if record.run else None
    run_ids = (record.seen_run, decided, *(line.run_id for line in record.history))
    named = {run_id for run_id in run_ids if run_id is not None}
    known = run_states(route, named)
    return EntityView(
        record=_told(record, secrets),
        payloads=payloads,
        exchange=exchange,
        runs={run_id: run_url(route, run_id) if run_id in known or "/" in run_id else None for run_id in sorted(named)},
        can=_can(record, who, payloads),
    )


def _content(console: Console, record: EntityRecord) -> tuple[Payloads, Exchange | None, frozenset[str]]:
    """And what the mask hides of it."""
    near, ref, overlay = Staging(settings.staging_base(), record.route, ""), record.payload, record.overlay
    staged = payload_of(near, record.key, ref) if ref is not None else None
    if ref is not None and ref.stage != "push":
        source, target = staged, None
    else:
        target = staged
        source = incoming_of(near, record.key, ref, patience=SECONDS) if ref is not None else None
    mask = mask_of(console, record.route)
    edited = overlay.payload.encode() if overlay is not None else None
    shown, secrets = masked(mask, source, target, edited)
    hidden = [None if each is None else msgspec.Raw(each) for each in shown]
    payloads = Payloads(
        source=hidden[0],
        target=hidden[1],
        edited=hidden[2],
        edited_by=overlay.by if overlay else None,
        edited_at=overlay.at if overlay else None,
        masked=shown != (source, target, edited),
    )
    return payloads, exchange_of(near, ref, mask, secrets) if ref is not None else None, secrets


def _told(record: EntityRecord, secrets: frozenset[str]) -> EntityRecord:
    """Without payloads, and without what is hidden in them."""
    overlay = record.overlay
    return msgspec.structs.replace(
        record,
        overlay=None if overlay is None else msgspec.structs.replace(overlay, payload=""),
        message=hide(record.message, secrets),
        history=tuple(msgspec.structs.replace(line, reason=hide(line.reason, secrets)) for line in record.history),
    )


def _can(record: EntityRecord, who: Who, payloads: Payloads | None) -> tuple[str, ...]:
    if record.lease is not None or not who.may_act(record.route):
        return ()
    there = record.payload is not None or record.overlay is not None
    possible = {
        "retry": record.status in RETRIABLE and there,
        "edit": record.status in EDITABLE and there and payloads is not None,
        "skip": record.status in SKIPPABLE,
        "confirm": record.status in CONFIRMABLE,
    }
    return tuple(name for name, is_possible in possible.items() if is_possible)
