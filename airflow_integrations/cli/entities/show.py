"""``entities show``: where is it? One entity, with its history."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from airflow_integrations.cli.airflow_access import open_ledger, staging_base
from airflow_integrations.cli.command import OK
from airflow_integrations.cli.entities.mask import entity_options, mask_of
from airflow_integrations.cli.entities.payload import entity_content, masked_record, payload_lines
from airflow_integrations.cli.terminal import out
from airflow_integrations.display.printable import ago, json_text, moment, visible, visible_key, with_status
from airflow_integrations.engine.fetch.entity_contents import NOTHING
from airflow_integrations.engine.fetch.staged_payloads import filtered_of
from airflow_integrations.errors import RunError
from airflow_integrations.formats.json import encode_anyhow, read
from airflow_integrations.ledger.actions.entity_actions import RETRIABLE
from airflow_integrations.ledger.queries.entities import find, where
from airflow_integrations.ledger.queries.views import EntityRecord, Transition
from airflow_integrations.ledger.status import Status
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.masking.mask import Mask
from airflow_integrations.masking.payloads import masked
from airflow_integrations.plurals import times
from airflow_integrations.staging.folder import Staging

__all__ = ["found", "run"]

INBOX_SECONDS = 5.0
"""How long events in the inbox are searched for a key that the ledger does not know."""


def run(args: argparse.Namespace) -> int:
    now = time.time()
    with open_ledger() as ledger:
        try:
            record = found(ledger, args.route, args.key, now)
        except RunError:
            if (received := _waits(ledger, args.route, args.key)) is None:
                raise
            out(visible(f"{args.route} {args.key}: in the inbox since {moment(received)} ({ago(received, now)})"))
            out("No run has taken its event yet; the next one does. Is the route's DAG switched on in Airflow?")
            return OK
        mask, entity = mask_of(ledger, args.route), entity_options(ledger, args.route)[0]
        content = entity_content(record) if mask or args.payload else NOTHING
        shown = masked_record(ledger, record, mask, content)
    if args.format == "json":
        out(json_text(shown, indent=2))
    else:
        for line in _story(shown, now, mask, entity):
            out(line)
        if args.payload:
            for line in payload_lines(record, mask, content):
                out(visible(line))
    return OK


def _waits(database: Database, route: str, key: str) -> float | None:
    from airflow_integrations.ledger.queries.inbox_keys import event_with_key  # with all of expressions

    name, expression = entity_options(database, route)
    return event_with_key(database, route, key, name, expression, seconds=INBOX_SECONDS)


def found(database: Database, route: str, key: str, now: float) -> EntityRecord:
    """The entity. Raises RunError with similar keys where the ledger does not know it."""
    record = where(database, route, key, now)
    if record is not None:
        return record
    near = [line.key for line in find(database, route=route, prefix=key, limit=5).entities]
    remedy = f"keys that begin so: {', '.join(near)}" if near else "no run of the route has fetched it"
    raise RunError(visible(f"the ledger does not know {key} of the route {route}; {remedy}"))


def _story(record: EntityRecord, now: float, mask: Mask, entity: str) -> Iterator[str]:
    held = f" in the run {record.lease.run_id} until {moment(record.lease.until)}" if record.lease else ""
    since = f" since {moment(record.changed)} ({ago(record.changed, now)})" if record.changed and not held else ""
    yield visible(f"{record.route} {visible_key(record.key)}: {record.status.replace('_', ' ')}{held}{since}")
    for name, text in _facts(record, now, mask, entity):
        if text:
            yield f"  {name:<14}{visible(text)}"
    if record.steps:
        yield "steps that the target has confirmed"
        for step in record.steps:
            answer = f" → HTTP {step.status}" if step.status is not None else ""
            yield f"  {moment(step.at)}  {visible(f'{step.step}: {step.request}{answer}')}"
            if step.answer:
                yield f"    {'answer':<12}{visible(step.answer)}"
            if step.result not in (None, "null"):
                yield f"    {'result':<12}{visible(str(step.result))}"
    if record.history:
        yield "history, newest first"
        for line in record.history:
            yield f"  {moment(line.at)}  {visible(_told(line))}"
    if hint := _HINTS.get(record.status):
        yield visible(hint.format(route=record.route, key=record.key))
    if record.steps and record.status in RETRIABLE:
        hint = f"{_SEND} --from-step {record.steps[-1].name}"
        yield visible(f"to send confirmed steps once more: {hint.format(route=record.route, key=record.key)}")


def _facts(record: EntityRecord, now: float, mask: Mask, entity: str) -> Iterator[tuple[str, str]]:
    if record.decided not in (None, record.status):
        yield "last fate", f"{str(record.decided).replace('_', ' ')}, {moment(record.changed)}"
    if record.message or record.error_class:
        message = with_status(record.http_status, record.message or "")
        yield "error", f"{record.error_class or ''}: {message} [{record.fingerprint}]"
    if record.attempts:
        begun = f", the first {moment(record.since)}" if record.since else ""
        yield "attempts", f"{record.attempts}{begun}"
    if record.next_attempt is not None:
        yield "next attempt", f"{moment(record.next_attempt)} ({ago(record.next_attempt, now)})"
    for other in record.waits_for:
        at = f", {moment(other.changed)}" if other.changed else ""
        yield "waits for", f"{other.route} {visible_key(other.key)}: {other.words}{at}"
    yield "deadline", moment(record.deadline)
    if record.run is not None:
        yield "decided by", f"{record.run.run_id}, window {' → '.join(record.run.window)}"
    yield "version", record.version or ""
    if record.delivered_at is not None:
        what = ", then deleted there" if record.deleted and record.delivered_hash is None else ""
        version = f", version {record.delivered_version}" if record.delivered_version else ""
        yield "delivered", f"{times(record.deliveries)}, last {moment(record.delivered_at)}{version}{what}"
    yield "target id", record.target_id or ""
    yield "first seen", moment(record.first_seen)
    if record.last_seen is not None:
        yield "last seen", moment(record.last_seen) + (f" in {record.seen_run}" if record.seen_run else "")
    if record.payload is not None and record.payload.stage == "filtered":
        line = filtered_of(Staging(staging_base(), record.route, ""), record.key, record.payload)
        if line is not None:
            from airflow_integrations.engine.transform.filter_reason import filter_reason  # with all of expressions

            (value, source), _ = masked(mask, encode_anyhow(line.value), encode_anyhow(line.source or line.value))
            reason = filter_reason(line, entity, read(value or b"null"), read(source or b"null"))
            yield "filtered by", f"step {reason.step} of transform, {reason.kind}: {reason.text}".removesuffix(": ")
            for path, read_value in reason.values.items():
                yield "  it read", f"{path} = {'(missing)' if read_value is None else bytes(read_value).decode()}"
    if record.payload is not None:
        kept = " of those kept when the run was cleared" if record.payload.held else ""
        yield "payload", f"{record.payload.folder}, {record.payload.stage}, line {record.payload.line}{kept}"
    elif record.status in _HINTS:
        yield "payload", "gone; only a new fetch brings it again"
    if record.overlay is not None:
        yield "edited", f"by {record.overlay.by}, {moment(record.overlay.at)}"


def _told(line: Transition) -> str:
    attempt = f"attempt {line.attempts}" if line.attempts else ""
    reason = with_status(line.http_status, line.reason or "")
    parts = (line.status.replace("_", " "), line.run_id, attempt, reason)
    return "  ".join(part for part in parts if part)


_SEND = "airflow-integrations entities retry {route} --key {key}"
_LOOK = (
    "look in the target first, then: airflow-integrations entities confirm {route} --key {key} [--failed --reason …]"
)
_HINTS: dict[Status, str] = {
    "failed": f"to send it again: {_SEND}",
    "rejected": f"to try it again, once the route or its payload is fixed: {_SEND}",
    "retrying": f"it goes by itself; to send it with the next run: {_SEND}",
    "in_doubt": _LOOK,
    "filtered": "to fetch it again: airflow-integrations run {route} --key {key}",
    "waiting": f"the target has yet to confirm it; {_LOOK}",
}
