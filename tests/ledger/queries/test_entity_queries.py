"""Where is it? On both databases."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_rows import NOW, Rows
from sqlalchemy import event, text

from airflow_integrations.errors import RunError
from airflow_integrations.ledger.actions.entity_actions import retry, skip
from airflow_integrations.ledger.actions.payload_edits import edit
from airflow_integrations.ledger.actions.selection import Selection
from airflow_integrations.ledger.queries.entities import find, where
from airflow_integrations.ledger.queries.overview import error_groups, queue, runs
from airflow_integrations.ledger.records import PayloadRef
from airflow_integrations.ledger.status import STATUSES
from airflow_integrations.ledger.storage.database import Database


@pytest.fixture
def rows(database: Database) -> Rows:
    return Rows(database)


def one(key: str) -> Selection:
    return Selection("orders", keys=frozenset({key}))


def test_an_entity_with_all_that_is_known_of_it(rows):
    later = rows.run("scheduled__2", staging="/staging/orders/2")
    rows.open(
        "1042",
        "failed",
        run=later,
        delivered_hash="cd" * 16,
        delivered_at=NOW - 9000,
        deliveries=2,
        target_id="T-9",
        payload_run=later,
        history=f'[{NOW},"failed",{later},3,422,"no ‘price’"]\n[{NOW - 9000},"delivered",{rows.run_id}]\n',
    )
    edit(rows.database, "orders", "1042", '{"price": 9.950}', "cli:ana", NOW + 1)
    found = where(rows.database, "orders", "1042", NOW + 2)
    assert found is not None
    assert (found.status, found.decided, found.lease) == ("failed", "failed", None)
    assert found.run is not None
    assert found.run.run_id == "scheduled__2"
    assert found.run.window == ("2026-09-01T00:00:00Z", "2026-09-01T01:00:00Z")
    assert found.payload == PayloadRef("/staging/orders/2", "push", 4)
    assert found.overlay is not None
    assert (found.overlay.by, found.overlay.at, found.overlay.payload) == ("cli:ana", NOW + 1, '{"price":9.950}')
    assert [(line.status, line.run_id, line.attempts, line.http_status, line.reason) for line in found.history] == [
        ("failed", None, None, None, "payload edited by cli:ana"),
        ("failed", "scheduled__2", 3, 422, "no ‘price’"),
        ("delivered", "scheduled__1", None, None, None),
    ]
    assert (found.deliveries, found.target_id, found.attempts, found.fingerprint) == (2, "T-9", 3, "f" * 16)


def test_what_nobody_has_seen_is_not_there(rows):
    assert where(rows.database, "orders", "1", NOW) is None
    assert where(rows.database, "stock", "1", NOW) is None


def test_a_lease_that_holds_says_in_flight_also_for_what_is_new(rows):
    other = rows.run("backfill__1")
    rows.entity("old", "delivered")
    rows.claim(["old", "new"], run=other, until=NOW + 5)
    for key, decided in (("old", "delivered"), ("new", None)):
        found = where(rows.database, "orders", key, NOW)
        assert found is not None
        assert (found.status, found.decided) == ("in_flight", decided)
        assert found.lease is not None
        assert (found.lease.run_id, found.lease.until) == ("backfill__1", NOW + 5)
    after = where(rows.database, "orders", "old", NOW + 6)
    assert after is not None
    assert after.status == "delivered"
    assert where(rows.database, "orders", "new", NOW + 6) is None
    assert where(rows.database, "orders", "ne", NOW) is None


def test_what_a_run_has_taken_over_is_pending_with_its_lease(rows):
    rows.open("1", "pending", lease_until=NOW + 50)
    found = where(rows.database, "orders", "1", NOW)
    assert found is not None
    assert (found.status, found.lease.until if found.lease else None) == ("pending", NOW + 50)


def test_a_history_that_was_cut_keeps_its_whole_lines(rows):
    rows.open("1", "failed", history=f'[{NOW},"failed",{rows.run_id},1,500,"x"]\n[{NOW - 5},"retry')
    found = where(rows.database, "orders", "1", NOW)
    assert found is not None
    assert [line.status for line in found.history] == ["failed"]


def test_a_payload_whose_folder_was_removed_is_gone(rows):
    rows.open("1", "failed", payload_run=rows.run("scheduled__0", staging=""))
    found = where(rows.database, "orders", "1", NOW)
    assert found is not None
    assert found.payload is None


def test_pages_hold_every_entity_once(rows):
    keys = [f"{number:04}" for number in range(57)]
    rows.entities(keys[::2], "delivered")
    rows.opened(keys[1::2], "failed")
    seen: list[str] = []
    after = None
    while True:
        page = find(rows.database, route="orders", limit=10, after=after)
        seen += [line.key for line in page.entities]
        if page.after is None:
            break
        assert len(page.entities) == 10
        after = page.after
    assert seen == keys


def test_descriptions_have_to_fit_all_together(rows):
    rows.open("a-1", "failed", message="Price of 100% is WRONG", target_id="T1", changed=NOW - 10)
    rows.open("a-2", "retrying", message="price", changed=NOW - 20, fingerprint="0" * 16)
    rows.open("b_1", "rejected", message="price", changed=NOW - 30)
    rows.entity("a-3", "delivered", target_id="T3", changed=NOW - 40)

    def keys(**description):
        return [line.key for line in find(rows.database, route="orders", **description).entities]

    assert keys(statuses=["failed", "delivered"]) == ["a-1", "a-3"]
    assert keys(text="PRICE of 100%") == ["a-1"]
    assert keys(text="%") == ["a-1"]
    assert keys(fingerprint="0" * 16) == ["a-2"]
    assert keys(prefix="a-") == ["a-1", "a-2", "a-3"]
    assert keys(prefix="b_") == ["b_1"]
    assert keys(prefix="a_") == []
    assert keys(target_id="T3") == ["a-3"]
    assert keys(since=NOW - 30, until=NOW - 10) == ["a-2", "b_1"]
    assert keys(statuses=["failed"], prefix="b") == []


def test_an_unknown_route_is_said_with_the_nearest(rows):
    with pytest.raises(RunError, match="did you mean orders"):
        find(rows.database, route="order")


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sets(st.text("aB1-_|é中😀 ", min_size=1, max_size=4).filter(str.strip), min_size=1, max_size=12),
    st.integers(1, 5),
)
def test_pages_of_any_keys_hold_each_once(database, keys, limit):
    with database.write() as connection:
        for table in ("entity", "claim", "run", "route"):
            connection.execute(text(f"DELETE FROM integrations_{table}"))
    rows = Rows(database)
    rows.entities(keys, "delivered")
    seen = []
    page = find(database, route="orders", limit=limit)
    while True:
        seen += [line.key for line in page.entities]
        if page.after is None:
            break
        page = find(database, route="orders", limit=limit, after=page.after)
    assert len(seen) == len(keys)
    assert set(seen) == keys
    for key in keys:
        assert {line.key for line in find(database, route="orders", prefix=key[0]).entities} == {
            other for other in keys if other.startswith(key[0])
        }


def test_errors_are_grouped_by_kind_the_largest_first(rows):
    rows.opened([f"f{n}" for n in range(3)], "failed", since=NOW - 5, changed=NOW - 5)
    rows.open("r1", "retrying", fingerprint="1" * 16, http_status=None, error_class="outage", message="away")
    rows.entity("ok", "delivered")
    rows.open("p", "pending")
    groups = error_groups(rows.database)
    assert [(group.status, group.count, group.http_status, group.example_key) for group in groups] == [
        ("failed", 3, 422, "f0"),
        ("retrying", 1, None, "r1"),
    ]
    assert groups[0].example_message == "price is missing"
    assert (groups[0].first, groups[0].last) == (NOW - 5, NOW - 5)
    assert groups[1].first == NOW - 600
    assert error_groups(rows.database, "orders") == groups
    other = Rows(rows.database, "stock")
    other.open("s", "waiting")
    assert {group.route for group in error_groups(rows.database)} == {"orders", "stock"}
    assert [group.route for group in error_groups(rows.database, "stock")] == ["stock"]


def test_the_queue_says_what_waits_and_since_when(rows):
    rows.opened(["1", "2"], "retrying", next_attempt=NOW + 30, since=NOW - 500)
    rows.open("3", "in_doubt", next_attempt=None, since=NOW - 700)
    rows.claim(["7", "8", "9"])
    rows.claim(["6"], until=NOW - 1)
    Rows(rows.database, "idle")
    with rows.database.write() as connection:
        connection.execute(
            text("UPDATE integrations_route SET circuit_until = :at WHERE name = 'orders'"), {"at": NOW + 9}
        )
    idle, orders = queue(rows.database, NOW)
    assert (orders.counts, orders.leased) == ({"retrying": 2, "in_doubt": 1}, 3)
    assert (orders.oldest, orders.next_attempt, orders.circuit_until) == (NOW - 700, NOW + 30, NOW + 9)
    assert (orders.mark, orders.cursor) == ("2026-09-01T00:00:00Z", "c1")
    assert (idle.counts, idle.leased, idle.oldest, idle.next_attempt, idle.circuit_until) == ({}, 0, None, None, None)


def test_runs_newest_first_in_pages(rows):
    for number in range(2, 6):
        rows.run(f"scheduled__{number}", finished=NOW)
    Rows(rows.database, "stock")
    first = runs(rows.database, "orders", limit=3)
    assert [books.run_id for books in first.runs] == ["scheduled__5", "scheduled__4", "scheduled__3"]
    rest = runs(rows.database, "orders", limit=3, before=first.before)
    assert [books.run_id for books in rest.runs] == ["scheduled__2", "scheduled__1"]
    assert rest.before is None
    assert (rest.runs[1].counts, rest.runs[1].seconds) == ({"fetched": 3, "delivered": 3}, {"fetch": 1.5})


def test_open_entities_are_found_by_their_index(rows):
    if rows.database.dialect != "sqlite":
        pytest.skip("PostgreSQL plans by statistics; its index is the same")
    rows.entities([f"{number:05}" for number in range(2000)], "delivered")
    rows.opened(["00001x", "00002x"], "failed")
    plans: list[str] = []

    def explained(connection, cursor, statement, parameters, context, executemany):
        if "integrations_entity" in statement and statement.startswith(("SELECT", "UPDATE", "WITH")):
            raw = connection.connection.cursor()
            plans.append(" / ".join(row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)))

    engine = rows.database._engine
    event.listen(engine, "before_cursor_execute", explained)
    try:
        error_groups(rows.database)
        error_groups(rows.database, "orders")
        queue(rows.database, NOW)
        find(rows.database, route="orders", statuses=["failed"])
        find(rows.database, route="orders", text="price")
        find(rows.database, route="orders", fingerprint="f" * 16)
        selection = Selection("orders", statuses=frozenset({"failed"}))
        retry(rows.database, selection, "cli:ana", NOW)
        skip(rows.database, Selection("orders", fingerprint="f" * 16), "no", "cli:ana", NOW)
    finally:
        event.remove(engine, "before_cursor_execute", explained)
    for plan in plans:
        assert "integrations_entity_open" in plan or "key=?" in plan, plan
    assert len(plans) >= 8


def test_every_status_can_be_asked_for(rows):
    for status in STATUSES:
        find(rows.database, route="orders", statuses=[status])
