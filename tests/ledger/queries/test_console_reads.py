"""What the console asks of runs and leases, on both databases."""

from __future__ import annotations

import pytest
from ledger_rows import NOW, Rows

from airflow_integrations.errors import RunError
from airflow_integrations.ledger.queries.overview import error_groups, latest, queue
from airflow_integrations.ledger.queries.payload_locations import Place, places
from airflow_integrations.ledger.queries.statistics import series
from airflow_integrations.ledger.records import PayloadRef, RunRef
from airflow_integrations.ledger.runs.carry_over import lapsed_runs
from airflow_integrations.ledger.runs.definitions import definition, newest_hashes, remember_definition, versions
from airflow_integrations.ledger.runs.leases import leases, release
from airflow_integrations.ledger.storage.database import Database


@pytest.fixture
def rows(database: Database) -> Rows:
    found = Rows(database)
    found.run("old", started=NOW - 7200, finished=NOW - 7100, route_hash="h1", verdict="2 failed")
    return found


def test_sums_of_the_books_in_stretches(rows: Rows) -> None:
    rows.run("a", started=NOW - 100, finished=NOW - 90, counts='{"fetched": 5, "delivered": 4, "failed": 1}')
    rows.run("b", started=NOW - 99, finished=NOW - 69, counts='{"fetched": 2, "delivered": 2}', verdict="x")
    rows.run("c", started=NOW - 1, finished=None, counts="{}")
    other = Rows(rows.database, "stock")
    period = series(rows.database, ["orders", "nobody"], since=NOW - 120, until=NOW, stretches=3)
    assert [each.at for each in period["orders"].stretches] == [NOW - 120, NOW - 80, NOW - 40]
    first, second, last = period["orders"].stretches
    assert (first.runs, first.failed, first.unfinished) == (2, 1, 0)
    assert first.counts == {"fetched": 7, "delivered": 6, "failed": 1}
    assert first.seconds == {"fetch": 3.0}
    assert (first.longest, first.total) == (30.0, 40.0)
    assert second.runs == 0
    assert (last.runs, last.unfinished, last.counts) == (1, 1, {})
    together = period["orders"].all()
    assert (together.runs, together.counts, together.longest) == (3, first.counts, 30.0)
    assert [each.runs for each in period["nobody"].stretches] == [0, 0, 0]
    assert other.route_id != rows.route_id
    assert series(rows.database, ["stock"], since=NOW - 7200, until=NOW)["stock"].all().runs == 1


def test_what_began_at_the_end_of_a_period_is_in_the_next_one(rows: Rows) -> None:
    rows.run("edge", started=NOW, finished=NOW + 1)
    assert series(rows.database, ["orders"], since=NOW - 60, until=NOW)["orders"].all().runs == 0
    assert series(rows.database, ["orders"], since=NOW, until=NOW + 60)["orders"].all().runs == 1


def test_the_newest_runs(rows: Rows) -> None:
    rows.run("good", started=NOW - 60, finished=NOW - 50)
    rows.run("bad", started=NOW - 40, finished=NOW - 30, verdict="1 failed")
    rows.run("going", started=NOW - 10, finished=None)
    Rows(rows.database, "stock")
    found = latest(rows.database, ["orders", "stock", "nobody"])
    assert set(found) == {"orders", "stock"}
    assert found["orders"].run is not None
    assert found["orders"].finished is not None
    assert (found["orders"].run.run_id, found["orders"].finished.run_id) == ("going", "bad")
    assert found["orders"].success == NOW - 50
    assert found["stock"].success is None


def test_versions_and_their_texts(rows: Rows) -> None:
    rows.run("new", started=NOW, route_hash="h2")
    run = RunRef(rows.run_id, rows.route_id, "orders", "scheduled__1")
    for _ in range(2):
        remember_definition(rows.database, run, "h2", lambda: "route: orders\n", NOW)
    assert definition(rows.database, "orders", "h2") == "route: orders\n"
    assert definition(rows.database, "orders", "h1") is None
    assert definition(rows.database, "stock", "h2") is None
    assert newest_hashes(rows.database, ["orders", "stock"]) == {"orders": "h2"}
    found = versions(rows.database, "orders")
    assert [(each.hash, each.runs, each.kept) for each in found] == [("h2", 1, True), ("h", 1, False), ("h1", 1, False)]
    assert versions(rows.database, "stock") == []


def test_only_asked_for_routes_are_told_of(rows: Rows) -> None:
    rows.open("1", "failed")
    stock = Rows(rows.database, "stock")
    stock.open("2", "failed")
    assert [group.route for group in error_groups(rows.database, among=["stock"])] == ["stock"]
    assert error_groups(rows.database, among=[]) == []
    assert [line.route for line in queue(rows.database, NOW, among=["stock", "nobody"])] == ["stock"]


def test_who_has_what_under_way_and_what_is_stuck(rows: Rows) -> None:
    dead, alive = rows.run("dead"), rows.run("alive")
    rows.claim(["1", "2"], run=dead, until=NOW - 1)
    rows.claim(["3"], run=alive, until=NOW + 60)
    rows.open("4", "pending", run=alive, lease_until=NOW + 90)
    found = leases(rows.database, ["orders"], NOW)
    assert [(line.run_id, line.entities, line.until, line.stuck) for line in found] == [
        ("dead", 2, NOW - 1, True),
        ("alive", 2, NOW + 90, False),
    ]
    assert leases(rows.database, ["stock"], NOW) == []


def test_what_is_released_is_recovered_as_after_a_death(rows: Rows) -> None:
    """The leases end; they are not forgotten, for only the run's journal knows what was sent."""
    alive = rows.run("alive")
    rows.claim(["3"], run=alive, until=NOW + 60)
    rows.open("4", "pending", run=alive, lease_until=NOW + 90)
    assert release(rows.database, "orders", "alive", "ana", NOW) == 2
    assert [lapsed.run.run_id for lapsed in lapsed_runs(rows.database, "orders", NOW)] == ["alive"]
    assert rows.of("4").lease_until == NOW - 1
    (action,) = rows.actions()
    assert (action.what, action.by, action.entities, action.selection) == ("release", "ana", 2, '{"run":"alive"}')
    with pytest.raises(RunError, match="holds no lease"):
        release(rows.database, "orders", "alive", "ana", NOW)
    with pytest.raises(RunError, match="does not know a run"):
        release(rows.database, "orders", "nothing", "ana", NOW)


def test_where_many_payloads_are(rows: Rows) -> None:
    rows.open("1", "failed")
    rows.open("2", "failed", payload_run=rows.run("removed", staging=""))
    rows.entity("3", "delivered")
    assert places(rows.database, "orders", ["1", "2", "3", "4", "a\nb"]) == {
        "1": Place(PayloadRef("/staging/orders/scheduled__1", "push", 4), None),
        "2": Place(None, None),
        "3": Place(None, None),
    }
    assert places(rows.database, "stock", ["1"]) == {}
