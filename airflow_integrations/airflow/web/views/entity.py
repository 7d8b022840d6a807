"""One entity: where it is, what happened to it, what came and what goes out, and what can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airflow_integrations.airflow.config import settings
from airflow_integrations.airflow.web.views.airflow_dags import run_states, run_url
from airflow_integrations.airflow.web.views.definitions import Outline, mask_of, outlines
from airflow_integrations.airflow.web.views.entity_search import reasons_of
from airflow_integrations.engine.fetch.entity_contents import Content, content_of
from airflow_integrations.engine.fetch.staged_payloads import filtered_of
from airflow_integrations.engine.push.journal.exchange_log import exchange_of
from airflow_integrations.engine.transform.filter_reason import FilterReason, filter_reason
from airflow_integrations.formats.json import encode_anyhow, read
from airflow_integrations.http.exchange import Exchange
from airflow_integrations.ledger.actions.entity_actions import CONFIRMABLE, RETRIABLE, SKIPPABLE
from airflow_integrations.ledger.actions.payload_edits import EDITABLE
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.ledger.queries.views import EntityRecord
from airflow_integrations.ledger.status import CLOSED
from airflow_integrations.masking.mask import Mask
from airflow_integrations.masking.payloads import masked
from airflow_integrations.staging.folder import Staging

if TYPE_CHECKING:
    from airflow_integrations.airflow.web.console import Console
    from airflow_integrations.airflow.web.security.access import Who

__all__ = ["EntityView", "Filtered", "Payloads", "entity_view"]


class Payloads(msgspec.Struct, frozen=True, kw_only=True):
    """JSON, numbers with all their digits, fields of the route's mask hidden."""

    source: msgspec.Raw | str | None
    """What the source gave; a text where that is not JSON. None: it is gone, or part of another entity, or was not
    found in time."""
    target: msgspec.Raw | None
    """What goes to the target. None: the entity did not come so far, or the payload is gone."""
    edited: msgspec.Raw | None
    """What a person made of the one of them where the entity stopped: it goes instead."""
    edited_by: str | None
    edited_at: float | None
    masked: bool
    """Something is hidden. Who edits it leaves ``***`` where it is: the hidden value comes back in its place."""


class Filtered(msgspec.Struct, frozen=True, kw_only=True):
    """Why the route left the entity out."""

    reason: FilterReason | None
    """None where it is not staged: it was removed, or never written, for a low-latency run stages only what goes on."""
    kept: str
    """For how long the record is kept behind its run: ``retention.payloads`` of the route."""


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
    """What the user may do with the entity as it is: retry, edit, skip, confirm, fetch."""
    filtered: Filtered | None = None
    """Of a filtered entity."""


def entity_view(console: Console, who: Who, route: str, key: str) -> EntityView | None:
    """None: the ledger does not know it."""
    who.to_read(route)
    record = where(console.database, route, key, console.now())
    if record is None:
        return None
    others = tuple(other for other in record.waits_for if who.may_read(other.route))
    record = msgspec.structs.replace(record, waits_for=others)
    mask, may_see = mask_of(console, route), who.may_see_payloads(route)
    payloads, exchange, told = None, None, record
    if may_see or mask:  # what is hidden counts for all who read its reasons
        content = content_of(settings.staging_base(), record)
        told = reasons_of(console, route, mask).record(record, content)
        payloads, exchange = _payloads(record, content, mask) if may_see else (None, None)
    decided = record.run.run_id if record.run else None
    run_ids = (record.seen_run, decided, *(line.run_id for line in record.history))
    named = {run_id for run_id in run_ids if run_id is not None}
    known = run_states(route, named)
    return EntityView(
        record=_without_edit(told if may_see else _without_payloads(told)),
        payloads=payloads,
        exchange=exchange,
        runs={run_id: run_url(route, run_id) if run_id in known or "/" in run_id else None for run_id in sorted(named)},
        can=_can(record, who, payloads),
        filtered=_filtered(console, record, payloads is not None) if record.status == "filtered" else None,
    )


def _filtered(console: Console, record: EntityRecord, may_see: bool) -> Filtered:
    told = outlines(console, [record.route]).get(record.route, Outline())
    near = Staging(settings.staging_base(), record.route, "")
    line = filtered_of(near, record.key, record.payload) if record.payload is not None and may_see else None
    reason = None
    if line is not None:
        source = line.value if line.source is None else line.source
        shown, _ = masked(mask_of(console, record.route), encode_anyhow(line.value), encode_anyhow(source))
        reason = filter_reason(line, told.entity, *(read(each) if each else None for each in shown))
    return Filtered(reason=reason, kept=told.payloads_kept)


def _payloads(record: EntityRecord, content: Content, mask: Mask) -> tuple[Payloads, Exchange | None]:
    ref, overlay = record.payload, record.overlay
    shown, secrets = masked(mask, *content.forms)
    source, target, edited = (None if each is None else msgspec.Raw(each) for each in shown)
    payloads = Payloads(
        source=source,
        target=target,
        edited=edited,
        edited_by=overlay.by if overlay is not None else None,
        edited_at=overlay.at if overlay is not None else None,
        masked=shown != content.forms,
    )
    near = Staging(settings.staging_base(), record.route, "")
    exchange = exchange_of(near, ref, mask, secrets, known=content.known) if ref is not None else None
    return payloads, exchange


def _without_payloads(record: EntityRecord) -> EntityRecord:
    steps = [msgspec.structs.replace(step, request=None, answer=None, result=None) for step in record.steps]
    return msgspec.structs.replace(record, steps=tuple(steps))


def _without_edit(record: EntityRecord) -> EntityRecord:
    overlay = record.overlay
    return msgspec.structs.replace(
        record, overlay=None if overlay is None else msgspec.structs.replace(overlay, payload="")
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
        "fetch": (record.status in CLOSED or not there) and who.may_trigger(record.route),
    }
    return tuple(name for name, is_possible in possible.items() if is_possible)
