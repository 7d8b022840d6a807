"""The checker has to find each thing that can be wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_integrations.demo.check import compare, covered_until, ledger_faults
from airflow_integrations.ledger.queries.views import EntityRecord, Lease, RunBooks
from airflow_integrations.window import Window

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def order(
    number: str, *, status: str = "paid", country: str = "ES", total: str = "10.00", at: str = "2026-03-01T11:00:00Z"
):
    return {
        "number": number,
        "status": status,
        "country": country,
        "eu": country == "ES",
        "total": total,
        "updated_at": at,
    }


def booked(number: str, *, receipts: int = 1, total: str = "10.00"):
    return {"number": number, "receipts": receipts, "total": total}


TRUTH = [
    order("A"),
    order("B", total="0.10"),
    order("C", country="GB"),
    order("D", status="pending"),
    order("E", at="2026-03-01T12:00:00Z"),  # at the end of the windows: not due
]
BOOKS = [booked("A"), booked("B", total="0.1")]


def test_all_is_well():
    verdict = compare(TRUTH, BOOKS, covered=NOON)
    assert verdict.faults == ()
    assert (verdict.expected, verdict.arrived, verdict.receipts, str(verdict.amount)) == (2, 2, 2, "10.10")
    assert "every total to the cent" in str(verdict)


def test_an_order_that_is_not_due_may_be_there_already():
    assert compare(TRUTH, [*BOOKS, booked("E")], covered=NOON).faults == ()


@pytest.mark.parametrize(
    ("books", "fault"),
    [
        (BOOKS[:1], "B (2026-03-01T11:00:00Z)"),
        ([booked("A", receipts=2), BOOKS[1]], "received more than once: A (2 times)"),
        ([booked("A", total="10.01"), BOOKS[1]], "A (10.01 for 10.00)"),
        ([*BOOKS, booked("C")], "not from the EU: C (paid, GB)"),
        ([*BOOKS, booked("D")], "though not paid or not from the EU: D (pending, ES)"),
        ([*BOOKS, booked("Z")], "Z (unknown)"),
    ],
)
def test_each_fault_is_found_and_named(books, fault):
    verdict = compare(TRUTH, books, covered=NOON)
    assert len(verdict.faults) == 1
    assert fault in verdict.faults[0]
    assert str(verdict).endswith("WRONG")


def test_many_faults_are_counted_and_a_few_named():
    (fault,) = compare([order(f"{n:03}") for n in range(100)], [], covered=NOON).faults
    assert fault.startswith("100 due")
    assert fault.endswith("…")


def test_windows_cover_as_far_as_they_join():
    def window(start: int, end: int) -> Window:
        return Window(NOON + timedelta(minutes=start), NOON + timedelta(minutes=end))

    assert covered_until([], NOON) == NOON
    assert covered_until([window(5, 10), window(0, 5), window(15, 20)], NOON) == NOON + timedelta(minutes=10)
    assert covered_until([window(1, 10)], NOON) == NOON
    assert covered_until([window(-9, 5), window(3, 10)], NOON) == NOON + timedelta(minutes=10)


ERP = [{"number": "A", "id": "D1"}, {"number": "B", "id": "D2"}]


def known(key: str, target_id: str, **more) -> EntityRecord:
    told = {"status": "delivered", "deliveries": 1, **more}
    return EntityRecord(route="orders", key=key, target_id=target_id, decided=None, **told)


def books_of(run_id: str, **counts: int) -> RunBooks:
    return RunBooks(
        id=1,
        run_id=run_id,
        kind="scheduled",
        window=("2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z"),
        started=0.0,
        finished=1.0,
        counts=counts,
        seconds={},
        verdict=None,
        bytes=0,
    )


A, B, RUN = known("A", "D1"), known("B", "D2", status="unchanged"), books_of("r1", fetched=2, delivered=1, unchanged=1)


def test_the_ledger_and_the_erp_agree():
    assert ledger_faults(ERP, [A, B], [RUN], ended=["r1"]) == []


def test_what_a_run_has_under_way_is_let_be():
    assert ledger_faults(ERP, [A, known("B", "", status="in_flight", lease=Lease("r2", 9.0))], [RUN], ended=[]) == []


@pytest.mark.parametrize(
    ("records", "runs", "fault"),
    [
        ([A], [RUN], "1 in the ERP and unknown to the ledger: B (D2)"),
        ([A, known("B", "D2", status="failed")], [RUN], "not delivered by the ledger: B (failed)"),
        ([A, known("B", "D2", deliveries=2)], [RUN], "delivered more than once by the ledger: B (2 times)"),
        ([A, known("B", "D9")], [RUN], "with another id in the ledger than in the ERP: B (D9 for D2)"),
        ([A, B], [], "without closed books in the ledger: r1"),
        ([A, B], [books_of("r1", fetched=2, delivered=1)], "whose books do not balance: r1"),
    ],
)
def test_each_disagreement_is_found_and_named(records, runs, fault):
    (found,) = ledger_faults(ERP, records, runs, ended=["r1"])
    assert fault in found
