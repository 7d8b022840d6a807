"""``entities show``: where is it? One entity, with its history."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from airflow_integrations.cli.command import OK
from airflow_integrations.cli.entity_payload import masked_record, payload_lines
from airflow_integrations.cli.legible import ago, json_text, moment, visible
from airflow_integrations.cli.masks import mask_of
from airflow_integrations.cli.surroundings import open_ledger
from airflow_integrations.cli.terminal import out
from airflow_integrations.errors import RunError
from airflow_integrations.ledger.answers import EntityRecord, Transition
from airflow_integrations.ledger.database import Database
from airflow_integrations.ledger.queries import find, where
from airflow_integrations.ledger.status import Status

__all__ = ["found", "run"]


def run(args: argparse.Namespace) -> int:
    now = time.time()
    with open_ledger() as ledger:
        record = found(ledger.database, args.route, args.key, now)
        mask = mask_of(ledger.database, args.route)
    if args.format == "json":
        out(json_text(masked_record(record, mask), indent=2))
    else:
        for line in _story(record, now):
            out(line)
        if args.payload:
            for line in payload_lines(record, mask):
                out(visible(line))
    return OK


def found(database: Database, route: str, key: str, now: float) -> EntityRecord:
    """The entity. Raises RunError with similar keys where the ledger does not know it."""
    record = where(database, route, key, now)
    if record is not None:
        return record
    near = [line.key for line in find(database, route=route, prefix=key, limit=5).entities]
    remedy = f"keys that begin so: {', '.join(near)}" if near else "no run of the route has fetched it"
    raise RunError(visible(f"the ledger does not know {key} of the route {route}; {remedy}"))


def _story(record: EntityRecord, now: float) -> Iterator[str]:
    held = f" in the run {record.lease.run_id} until {moment(record.lease.until)}" if record.lease else ""
    since = f" since {moment(record.changed)} ({ago(record.changed, now)})" if record.changed and not held else ""
    yield visible(f"{record.route} {record.key}: {record.status.replace('_', ' ')}{held}{since}")
    for name, text in _facts(record, now):
        if text:
            yield f"  {name:<14}{visible(text)}"
    if record.history:
        yield "history, newest first"
        for line in record.history:
            yield f"  {moment(line.at)}  {visible(_told(line))}"
    if hint := _HINTS.get(record.status):
        yield visible(hint.format(route=record.route, key=record.key))


def _facts(record: EntityRecord, now: float) -> Iterator[tuple[str, str]]:
    if record.decided not in (None, record.status):
        yield "last fate", f"{str(record.decided).replace('_', ' ')}, {moment(record.changed)}"
    status = f" HTTP {record.http_status}" if record.http_status else ""
    if record.message or record.error_class:
        yield "error", f"{record.error_class or ''}{status}: {record.message or ''} [{record.fingerprint}]"
    if record.attempts:
        begun = f", the first {moment(record.since)}" if record.since else ""
        yield "attempts", f"{record.attempts}{begun}"
    if record.next_attempt is not None:
        yield "next attempt", f"{moment(record.next_attempt)} ({ago(record.next_attempt, now)})"
    yield "deadline", moment(record.deadline)
    if record.run is not None:
        yield "decided by", f"{record.run.run_id}, window {' → '.join(record.run.window)}"
    yield "version", record.version or ""
    if record.delivered_at is not None:
        times = "once" if record.deliveries == 1 else f"{record.deliveries} times"
        what = ", then deleted there" if record.deleted and record.delivered_hash is None else ""
        version = f", version {record.delivered_version}" if record.delivered_version else ""
        yield "delivered", f"{times}, last {moment(record.delivered_at)}{version}{what}"
    yield "target id", record.target_id or ""
    yield "first seen", moment(record.first_seen)
    if record.last_seen is not None:
        yield "last seen", moment(record.last_seen) + (f" in {record.seen_run}" if record.seen_run else "")
    if record.payload is not None:
        yield "payload", f"{record.payload.folder}, {record.payload.stage}, line {record.payload.at}"
    elif record.status in _HINTS:
        yield "payload", "gone; only a new fetch brings it again"
    if record.overlay is not None:
        yield "edited", f"by {record.overlay.by}, {moment(record.overlay.at)}"


def _told(line: Transition) -> str:
    attempt = f"attempt {line.attempts}" if line.attempts else ""
    status = f"HTTP {line.http_status}" if line.http_status else ""
    parts = (line.status.replace("_", " "), line.run_id, attempt, status, line.reason)
    return "  ".join(part for part in parts if part)


_SEND = "airflow-integrations entities retry {route} --key {key}"
_LOOK = (
    "look in the target first, then: airflow-integrations entities confirm {route} --key {key} [--failed --reason …]"
)
_HINTS: dict[Status, str] = {
    "failed": f"to send it again: {_SEND}",
    "rejected": f"to try it again, once the route or its payload is mended: {_SEND}",
    "retrying": f"it goes by itself; to send it with the next run: {_SEND}",
    "in_doubt": _LOOK,
    "waiting": f"the target has yet to confirm it; {_LOOK}",
}
