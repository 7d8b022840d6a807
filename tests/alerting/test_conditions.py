from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_integrations.airflow.dag.timetable import interval_end
from airflow_integrations.alerting.conditions import Finding, Outlook, find
from airflow_integrations.ledger.queries.health import Books, Depth, EndedRun, RunHealth
from airflow_integrations.listen.backlog import Backlog
from airflow_integrations.route.alerts import ALERTS, Alerts
from airflow_integrations.route.contracts.learned import Drift
from airflow_integrations.route.definition import Schedule

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOW = NOON.timestamp()
HOUR = 3600.0


def look(
    kind: Any,
    setting: Any,
    *,
    depth: Depth | None = None,
    schedule: Any = None,
    watched: float = NOW - 48 * HOUR,
    now: float = NOW,
    backlog: Backlog | None = None,
    **health: Any,
) -> Finding | None:
    alerts = Alerts.model_validate({"notify": [{"email": "ops@example.com"}], "failure": False, kind: setting})
    planned = Schedule.model_validate(schedule) if schedule else None
    outlook = Outlook(RunHealth(**health), depth, planned, interval_end, watched, now, backlog, asked="erp or crm")
    assert [find(other, alerts, outlook) for other in ALERTS if other != kind] == [None] * 6
    return find(kind, alerts, outlook)


def test_a_run_that_failed_since_the_last_look_is_told_also_if_a_later_one_went_well() -> None:
    bad, good = EndedRun("r1", NOW - 60, "1 failed of 3 entities"), EndedRun("r2", NOW - 10, None)
    assert look("failure", True, newest=good, failed=1, last_failed=bad) == Finding("1 failed of 3 entities", "r1")
    assert look("failure", True, newest=good) is None
    assert look("failure", True) is None


def test_a_failure_goes_on_until_a_run_goes_well() -> None:
    bad = EndedRun("r1", NOW - HOUR, "the target is away")
    assert look("failure", True, newest=bad) == Finding("the target is away", "r1")


def test_what_failed_before_anyone_looked_is_no_news() -> None:
    assert look("failure", True, newest=EndedRun("r1", NOW - HOUR, "bad"), watched=NOW - 60) is None


def test_several_failures_are_counted() -> None:
    bad = EndedRun("r3", NOW - 60, "bad")
    found = look("failure", True, newest=bad, failed=3, last_failed=bad)
    assert found == Finding("bad (and 2 before it)", "r3")


@pytest.mark.parametrize(
    ("counts", "fires"),
    [
        ({"delivered": 95, "failed": 5}, False),
        ({"delivered": 94, "failed": 6}, True),
        ({"delivered": 4, "failed": 5}, False),  # fewer than at_least
        ({"unchanged": 80, "rejected": 3, "in_doubt": 17}, True),
        ({"failed": 6, "retrying": 1000}, False),  # what waits is not decided
        ({}, False),
    ],
)
def test_the_error_rate(counts: dict[str, int], fires: bool) -> None:
    assert (look("error_rate", {"above": "5%", "at_least": 10}, books=Books(counts=counts)) is not None) is fires


def test_the_error_rate_says_what_went_wrong() -> None:
    found = look("error_rate", "5%", books=Books(counts={"delivered": 90, "failed": 6, "in_doubt": 4}))
    assert found == Finding("6 failed, 4 in doubt of 100 entities within 1d: 10.0%, more than 5%")


@pytest.mark.parametrize(
    ("received", "watched", "fires"),
    [
        (NOW - 5 * HOUR, NOW - 48 * HOUR, False),
        (NOW - 7 * HOUR, NOW - 48 * HOUR, True),
        (None, NOW - 48 * HOUR, True),
        (None, NOW - HOUR, False),  # a new route has the time that any has
        (NOW - 7 * HOUR, NOW - HOUR, False),
    ],
)
def test_nothing_received(received: float | None, watched: float, fires: bool) -> None:
    found = look("nothing_received", "6h", received=received, watched=watched)
    assert (found is not None) is fires
    assert found is None or not found.while_paused


def depth(oldest: float | None, **counts: int) -> Depth:
    return Depth(route="orders", counts=counts, oldest=oldest, circuit_until=NOW + 60)  # type: ignore[arg-type]


def test_a_queue_that_is_old() -> None:
    assert look("queue_older_than", "1h") is None
    assert look("queue_older_than", "1h", depth=depth(None, failed=3)) is None
    assert look("queue_older_than", "1h", depth=depth(NOW - HOUR + 1, retrying=3)) is None
    found = look("queue_older_than", "1h", depth=depth(NOW - 2 * HOUR, retrying=3, failed=9, in_doubt=1))
    assert found is not None
    assert found.detail == (
        "entities wait to be delivered since 2026-01-01 10:00 UTC, longer than 1h: 3 retrying, 1 in doubt; "
        "erp or crm was away, nothing is sent before 2026-01-01 12:01 UTC"
    )


def test_events_that_nobody_takes_are_a_queue() -> None:
    inbox = Depth(route="orders", counts={}, oldest=None, circuit_until=None, events=2, oldest_event=NOW - 2 * HOUR)
    found = look("queue_older_than", "1h", depth=inbox)
    assert found is not None
    assert found.detail.endswith("since 2026-01-01 10:00 UTC, longer than 1h: 2 events in the inbox")


@pytest.mark.parametrize(
    ("done", "minutes", "fires"),
    [
        ("2026-01-01T12:00:00Z", 0, False),
        ("2026-01-01T12:00:00Z", 74, False),  # due at 13:00
        ("2026-01-01T12:00:00Z", 76, True),
        ("2026-01-01T11:00:00Z", 14, False),
        ("2026-01-01T11:00:00Z", 16, True),
        ("2025-12-20T11:00:00Z", 16, True),
    ],
)
@pytest.mark.parametrize("schedule", [{"cron": "0 * * * *"}, {"every": "1h"}], ids=["cron", "every"])
def test_a_run_is_late(done: str, minutes: int, fires: bool, schedule: Any) -> None:
    now = NOW + minutes * 60
    found = look("late", "15m", schedule=schedule, scheduled_until=done, now=now)
    assert (found is not None) is fires
    if done == "2026-01-01T11:00:00Z" and found:
        assert found.detail == "the run due at 2026-01-01 12:00 UTC has not ended, more than 15m after its time"
        assert not found.while_paused


def test_nothing_is_late_before_it_begins_after_it_ends_or_without_a_schedule() -> None:
    begins, ended = {"cron": "@daily", "start": "2026-02-01"}, {"cron": "@daily", "end": "2025-12-01"}
    assert look("late", "15m", schedule=begins) is None
    assert look("late", "15m", schedule=ended, scheduled_until="2025-12-01T00:00:00Z") is None
    assert look("late", "15m") is None
    assert look("late", "15m", schedule={"cron": "@daily"}, watched=NOW - 60) is None


def test_over_a_weekend_nothing_is_late() -> None:
    friday = "2026-01-02T09:00:00Z"
    schedule = {"cron": "0 9 * * 1-5"}
    sunday = datetime(2026, 1, 4, 12, tzinfo=UTC)
    assert look("late", "15m", schedule=schedule, scheduled_until=friday, now=sunday.timestamp()) is None
    monday = sunday + timedelta(days=1)
    assert look("late", "15m", schedule=schedule, scheduled_until=friday, now=monday.timestamp()) is not None


def test_what_waits_at_the_source() -> None:
    assert look("source_behind", {"rows": 10}, backlog=Backlog(rows=10)) is None
    assert look("source_behind", {"rows": 10}) is None
    found = look("source_behind", {"rows": 10}, backlog=Backlog(rows=2000))
    assert found == Finding("2,000 rows wait at the source, more than 10")
    found = look("source_behind", {"size": "1GB"}, backlog=Backlog(size=1_500_000_000))
    assert found == Finding("1.5 GB of the log wait at the source, more than 1GB")
    assert look("source_behind", {"size": "1GB"}, backlog=Backlog(rows=2000)) is None


def test_fields_that_differ_are_told() -> None:
    alerts = Alerts.model_validate({"notify": [{"email": "ops@example.com"}]})
    drifts = tuple(Drift(f"field_{n}", "new", "", "text", NOW, "r1") for n in range(7))
    outlook = Outlook(RunHealth(), None, None, interval_end, NOW, NOW, drifts=drifts)
    told = "; ".join(f"field_{n} is new (text)" for n in range(5))
    assert find("contract", alerts, outlook) == Finding(f"{told}; and 2 more", "r1")
    assert find("contract", alerts, replace(outlook, drifts=())) is None
    assert find("contract", alerts.model_copy(update={"contract": False}), outlook) is None
