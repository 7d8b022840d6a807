"""Events are forgotten after a while, but for the marks of files that were read. On SQLite and PostgreSQL."""

from __future__ import annotations

from ledger_runs import begin, finish

from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.maintenance.event_retention import prune_events
from airflow_integrations.route.retention import Retention

DAY = 86_400.0


def event(event_id: str, source: str, body: bytes) -> NewEvent:
    return NewEvent(route="orders", event_id=event_id, body=body, source=source)


def test_the_mark_of_a_file_is_never_forgotten(ledger: Ledger) -> None:
    events = [
        event("a.csv#0", "files", b'[{"n":1}]'),
        event("a.csv#end", "files", b"[]"),
        event("empty", "redis", b"[]"),
        event("newest", "redis", b"[{}]"),
    ]
    ledger.inbox.put(events, 0.0)
    run = begin(ledger)
    ledger.inbox.take(run, limit=100, max_bytes=10**9, lease_until=100.0, now=1.0)
    finish(ledger, run, now=2.0)
    assert prune_events(ledger, routes={"orders": Retention()}, now=1000 * DAY) == 2
    known = ledger.inbox.known("orders", [each.event_id for each in events])
    assert known == {"a.csv#end", "newest"}
