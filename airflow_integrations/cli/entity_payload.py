"""An entity's payloads for people: what the source gave, what was to be sent, what somebody changed in it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import msgspec

from airflow_integrations.cli.exchange_text import answered, asked
from airflow_integrations.cli.legible import moment, pretty
from airflow_integrations.cli.surroundings import staging_base
from airflow_integrations.engine.exchanges import exchange_of
from airflow_integrations.engine.masked import masked
from airflow_integrations.engine.payloads import incoming_of, payload_of
from airflow_integrations.ledger.answers import EntityRecord
from airflow_integrations.masking import Mask
from airflow_integrations.staging import Staging

__all__ = ["differences", "masked_record", "payload_lines", "staged_payload"]


def staged_payload(record: EntityRecord) -> str | None:
    """What was to be sent (of a rejected entity: what the source gave), as it was staged. None where it is gone."""
    if record.payload is None:
        return None
    payload = payload_of(Staging(staging_base(), record.route, ""), record.key, record.payload)
    return None if payload is None else pretty(payload.decode())


def payload_lines(record: EntityRecord, mask: Mask) -> Iterator[str]:
    """Both payloads, the edit, and what was said about it last, line by line, masked; hostile characters are still in
    them."""
    source, staged, kept, secrets = _masked(record, mask)
    overlay = record.overlay
    yield "what the source gave"
    if record.payload is not None and record.payload.stage == "push":
        yield from _indented(source)
        yield "what goes to the target"
    yield from _indented(staged)
    if overlay is not None and kept is not None:
        yield f"as it was edited by {overlay.by}, {moment(overlay.at)}"
        for line in differences("" if staged is None else pretty(staged.decode()), pretty(kept.decode())):
            yield f"  {line}"
    near = Staging(staging_base(), record.route, "")
    if record.payload is not None and (exchange := exchange_of(near, record.payload, mask, secrets)) is not None:
        yield f"what the target was asked last, {moment(exchange.at)}"
        yield from (f"  {line}" for line in asked(exchange).split("\n"))
        yield "what it answered"
        yield from (f"  {line}" for line in answered(exchange).split("\n"))


def masked_record(record: EntityRecord, mask: Mask) -> EntityRecord:
    """The same with the payload that a person has edited as it may be shown."""
    if record.overlay is None or not mask:
        return record
    _, _, kept, _ = _masked(record, mask)
    overlay = msgspec.structs.replace(record.overlay, payload=(kept or b"").decode())
    return msgspec.structs.replace(record, overlay=overlay)


def _masked(record: EntityRecord, mask: Mask) -> tuple[bytes | None, bytes | None, bytes | None, frozenset[str]]:
    """What the source gave, what is staged to go out (or, of a rejected entity, the source's once more), the edit; and
    what was hidden."""
    near, ref, overlay = Staging(staging_base(), record.route, ""), record.payload, record.overlay
    given = incoming_of(near, record.key, ref) if ref is not None and ref.stage == "push" else None
    payload = payload_of(near, record.key, ref) if ref is not None else None
    edited = overlay.payload.encode() if overlay is not None else None
    (source, staged, kept), secrets = masked(mask, given, payload, edited)
    return source, staged, kept, secrets


def differences(before: str, after: str) -> list[str]:
    """Empty where there are none."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "as it was", "as it is kept", lineterm="")
    return list(lines)


def _indented(payload: bytes | None) -> Iterator[str]:
    for line in pretty(payload.decode()).splitlines() if payload is not None else ["gone, or part of another entity"]:
        yield f"  {line}"
