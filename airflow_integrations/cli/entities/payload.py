"""An entity's payloads for people: what the source gave, what was to be sent, what somebody changed in it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import msgspec

from airflow_integrations.cli.airflow_access import staging_base
from airflow_integrations.display.printable import moment, pretty
from airflow_integrations.engine.fetch.entity_contents import Content, content_of
from airflow_integrations.engine.fetch.staged_payloads import payload_of
from airflow_integrations.engine.masked_reasons import Reasons
from airflow_integrations.ledger.queries.views import EntityRecord
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.masking.mask import Mask
from airflow_integrations.masking.payloads import masked
from airflow_integrations.staging.folder import Staging

__all__ = [
    "differences",
    "entity_content",
    "exchange_lines",
    "masked_record",
    "payload_lines",
    "payload_secrets",
    "staged_payload",
]


def staged_payload(record: EntityRecord) -> str | None:
    """What was to be sent (of a rejected entity: what the source gave), as it was staged. None where it is gone."""
    if record.payload is None:
        return None
    payload = payload_of(Staging(staging_base(), record.route, ""), record.key, record.payload)
    return None if payload is None else pretty(payload.decode())


def payload_lines(record: EntityRecord, mask: Mask, content: Content) -> Iterator[str]:
    """Both payloads, the edit, and what was said about it last, line by line, masked; hostile characters are still in
    them."""
    (source, target, kept), _ = masked(mask, *content.forms)
    overlay = record.overlay
    yield "what the source gave"
    yield from _indented(source)
    if content.at_target:
        yield "what goes to the target"
        yield from _indented(target)
    if overlay is not None and kept is not None:
        staged = target if content.at_target else source
        yield f"as it was edited by {overlay.by}, {moment(overlay.at)}"
        for line in differences("" if staged is None else pretty(staged.decode()), pretty(kept.decode())):
            yield f"  {line}"
    yield from exchange_lines(record, mask, content)


def exchange_lines(record: EntityRecord, mask: Mask, content: Content, *, most: int | None = None) -> Iterator[str]:
    """The last request and the answer to it, up to ``most`` characters of each, masked; empty where none was kept."""
    from airflow_integrations.display.exchange import answered, asked, own_part, whose
    from airflow_integrations.engine.push.journal.exchange_log import exchange_of  # with all that sends

    near, ref = Staging(staging_base(), record.route, ""), record.payload
    if ref is None:
        return
    _, secrets = masked(mask, *content.forms)
    if (exchange := exchange_of(near, ref, mask, secrets, known=content.known)) is not None:
        yield f"what the target was asked last, {moment(exchange.at)}"
        yield from _cut(asked(exchange), most)
        if (told := whose(exchange)) is not None:
            yield f"  ({told})"
        if (part := own_part(exchange)) is not None:
            yield "this entity's own part of the request"
            yield from _cut(part, most)
        yield "what it answered"
        yield from _cut(answered(exchange), most)


def _cut(text: str, most: int | None) -> Iterator[str]:
    shown = text if most is None or len(text) <= most else f"{text[:most]}…"
    yield from (f"  {line}" for line in shown.split("\n"))


def payload_secrets(record: EntityRecord, mask: Mask) -> frozenset[str]:
    """What the mask names in any payload of the entity."""
    return masked(mask, *entity_content(record).forms)[1] if mask else frozenset()


def masked_record(database: Database, record: EntityRecord, mask: Mask, content: Content) -> EntityRecord:
    """The same as it may be shown: the payload that a person has edited, the message and the history."""
    if not mask:
        return record
    overlay = record.overlay
    if overlay is not None:
        (_, _, kept), _ = masked(mask, *content.forms)
        overlay = msgspec.structs.replace(overlay, payload=(kept or b"").decode())
    told = Reasons(database, staging_base(), record.route, mask).record(record, content)
    return msgspec.structs.replace(told, overlay=overlay)


def entity_content(record: EntityRecord) -> Content:
    """What is there of its payloads, however long it takes to find."""
    return content_of(staging_base(), record, patience=None)


def differences(before: str, after: str) -> list[str]:
    """Empty where there are none."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "as it was", "as it is kept", lineterm="")
    return list(lines)


def _indented(payload: bytes | None) -> Iterator[str]:
    for line in pretty(payload.decode()).splitlines() if payload is not None else ["gone, or part of another entity"]:
        yield f"  {line}"
