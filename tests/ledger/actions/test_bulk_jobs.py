"""Actions on many entities, a piece at a time, on both databases."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from ledger_rows import NOW, Rows

from airflow_integrations.errors import RunError
from airflow_integrations.ledger.actions import bulk_jobs
from airflow_integrations.ledger.actions.selection import Selection
from airflow_integrations.ledger.lease_times import JOB_SECONDS
from airflow_integrations.ledger.storage.database import Database

FAILED = Selection("orders", statuses=frozenset({"failed"}))


@pytest.fixture
def rows(database: Database, monkeypatch: pytest.MonkeyPatch) -> Rows:
    monkeypatch.setattr(bulk_jobs, "PIECE", 4)
    return Rows(database)


def keys(numbers: Iterable[int]) -> list[str]:
    return [f"{number:03}" for number in numbers]


def statuses(rows: Rows, which: Iterable[str]) -> set[str]:
    return {rows.of(key).status for key in which}


def test_a_job_does_all_of_them_in_pieces_and_leaves_one_record(rows: Rows) -> None:
    rows.opened(keys(range(10)), "failed")
    rows.opened(keys(range(10, 13)), "rejected")
    number = bulk_jobs.ask(rows.database, FAILED, "retry", {}, "console:ana", NOW)
    asked = bulk_jobs.find(rows.database, number, NOW)
    assert asked is not None
    assert (asked.state, asked.total, asked.done) == ("waiting", 10, 0)
    assert bulk_jobs.take(rows.database, NOW) == number
    assert bulk_jobs.take(rows.database, NOW) is None
    assert bulk_jobs.step(rows.database, number, NOW)
    assert statuses(rows, keys(range(4))) == {"retrying"}
    assert statuses(rows, keys(range(4, 10))) == {"failed"}
    assert rows.actions() == []
    half = bulk_jobs.find(rows.database, number, NOW)
    assert half is not None
    assert (half.state, half.looked_at, half.done) == ("running", 4, 4)
    assert bulk_jobs.step(rows.database, number, NOW)
    assert not bulk_jobs.step(rows.database, number, NOW + 5)
    done = bulk_jobs.find(rows.database, number, NOW)
    assert done is not None
    assert (done.state, done.looked_at, done.done, done.finished) == ("done", 10, 10, NOW + 5)
    assert statuses(rows, keys(range(10))) == {"retrying"}
    assert statuses(rows, keys(range(10, 13))) == {"rejected"}
    (action,) = rows.actions()
    assert (action.what, action.by, action.entities, action.selection) == (
        "retry",
        "console:ana",
        10,
        '{"statuses":["failed"]}',
    )
    assert not bulk_jobs.step(rows.database, number, NOW)
    assert len(rows.actions()) == 1


def test_an_interrupted_job_goes_on_where_it_stopped(rows: Rows) -> None:
    rows.opened(keys(range(10)), "failed")
    number = bulk_jobs.ask(rows.database, FAILED, "skip", {"reason": "tests"}, "console:ana", NOW)
    bulk_jobs.take(rows.database, NOW)
    bulk_jobs.step(rows.database, number, NOW)
    later = NOW + JOB_SECONDS + 1
    found = bulk_jobs.find(rows.database, number, later)
    assert found is not None
    assert (found.state, found.done) == ("interrupted", 4)
    assert bulk_jobs.take(rows.database, later) == number
    while bulk_jobs.step(rows.database, number, later):
        pass
    assert statuses(rows, keys(range(10))) == {"skipped"}
    assert [action.entities for action in rows.actions()] == [10]
    assert rows.of("000").history.count("tests (by console:ana)") == 1


def test_two_that_work_on_one_job_do_nothing_twice(rows: Rows) -> None:
    rows.opened(keys(range(10)), "failed")
    number = bulk_jobs.ask(rows.database, FAILED, "skip", {"reason": "tests"}, "ana", NOW)
    going = [True, True]
    while any(going):
        going = [bulk_jobs.step(rows.database, number, NOW) for _ in going]
    assert [rows.of(key).history.count("tests") for key in keys(range(10))] == [1] * 10
    assert [action.entities for action in rows.actions()] == [10]


def test_what_cannot_be_touched_is_left_and_told(rows: Rows) -> None:
    rows.opened(keys(range(3)), "failed", payload_run=None)
    rows.opened(keys(range(3, 6)), "failed")
    rows.claim(["004"])
    number = bulk_jobs.ask(rows.database, FAILED, "retry", {}, "ana", NOW)
    while bulk_jobs.step(rows.database, number, NOW):
        pass
    found = bulk_jobs.find(rows.database, number, NOW)
    assert found is not None
    assert (found.total, found.looked_at, found.done) == (6, 6, 2)
    assert any("in flight" in reason for reason in found.left)
    assert any("the payload is gone" in reason for reason in found.left)


def test_a_job_by_fingerprint_and_by_keys(rows: Rows) -> None:
    rows.opened(keys(range(6)), "failed", fingerprint="a" * 16)
    rows.opened(keys(range(6, 9)), "failed", fingerprint="b" * 16)
    number = bulk_jobs.ask(rows.database, Selection("orders", fingerprint="a" * 16), "retry", {}, "ana", NOW)
    while bulk_jobs.step(rows.database, number, NOW):
        pass
    assert statuses(rows, keys(range(6))) == {"retrying"}
    assert statuses(rows, keys(range(6, 9))) == {"failed"}
    chosen = Selection("orders", keys=frozenset(keys([7, 8])))
    number = bulk_jobs.ask(rows.database, chosen, "skip", {"reason": "x"}, "ana", NOW)
    while bulk_jobs.step(rows.database, number, NOW):
        pass
    assert [rows.of(key).status for key in keys([6, 7, 8])] == ["failed", "skipped", "skipped"]


def test_confirming_many(rows: Rows) -> None:
    rows.opened(keys(range(5)), "in_doubt")
    chosen = Selection("orders", statuses=frozenset({"in_doubt"}))
    number = bulk_jobs.ask(rows.database, chosen, "confirm", {"became": "delivered", "reason": None}, "ana", NOW)
    while bulk_jobs.step(rows.database, number, NOW):
        pass
    assert statuses(rows, keys(range(5))) == {"delivered"}
    assert {rows.of(key).deliveries for key in keys(range(5))} == {1}


def test_a_job_that_cannot_be_done_says_why(rows: Rows) -> None:
    rows.opened(keys(range(6)), "failed")
    number = bulk_jobs.ask(rows.database, FAILED, "retry", {}, "ana", NOW)
    bulk_jobs.step(rows.database, number, NOW)
    bulk_jobs.give_up(rows.database, number, "ValueError: broken", NOW + 1)
    found = bulk_jobs.find(rows.database, number, NOW)
    assert found is not None
    assert (found.state, found.error, found.done) == ("failed", "ValueError: broken", 4)
    assert [(action.entities, action.detail) for action in rows.actions()] == [(4, "ValueError: broken")]
    assert bulk_jobs.take(rows.database, NOW + 100) is None


@pytest.mark.parametrize(
    ("what", "how", "told"),
    [("skip", {}, "say why"), ("confirm", {"became": "failed"}, "say why"), ("delete", {}, "not an action for many")],
)
def test_a_job_that_makes_no_sense_is_not_begun(rows: Rows, what: str, how: dict[str, str], told: str) -> None:
    rows.opened(keys(range(3)), "in_doubt")
    chosen = Selection("orders", statuses=frozenset({"in_doubt"}))
    with pytest.raises(RunError, match=told):
        bulk_jobs.ask(rows.database, chosen, what, how, "ana", NOW)
    assert bulk_jobs.listed(rows.database, ["orders"], NOW) == []


def test_a_job_about_nothing_is_not_begun(rows: Rows) -> None:
    with pytest.raises(RunError, match="no entity fits"):
        bulk_jobs.ask(rows.database, FAILED, "retry", {}, "ana", NOW)
    with pytest.raises(RunError, match="does not know the route"):
        bulk_jobs.ask(rows.database, Selection("stock", fingerprint="a" * 16), "retry", {}, "ana", NOW)
