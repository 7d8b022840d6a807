"""What is forgotten, what is not, and how much there is."""

from __future__ import annotations

import random
from typing import Any

import pytest
from ledger_rows import number_of
from ledger_runs import begin
from sqlalchemy import insert, select, update

from airflow_integrations.ledger.maintenance.retention import Pruned, StagedRun, forget_staging, prune, usage
from airflow_integrations.ledger.status import CLOSED, KEPT
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.route.retention import Retention

DAY = 86_400.0
NOW = 1_000 * DAY


def retention(**given: Any) -> Retention:
    """Of everything, unless it is ``given``."""
    return Retention.model_validate({"payloads": "7d", "runs": 1, "history": "90d"} | given)


class Books:
    """Writes rows as runs would have left them; ages are in days before :data:`NOW`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.write() as connection:
            self.routes = {
                name: number_of(connection.execute(insert(tables.route).values(name=name)))
                for name in ("orders", "invoices")
            }

    def run(self, age: float, *, finished: bool = True, staging: str | None = None, route: str = "orders") -> int:
        with self.database.write() as connection:
            made = connection.execute(
                insert(tables.run).values(
                    route_id=self.routes[route],
                    run_id=f"run-{random.getrandbits(64)}",
                    kind="scheduled",
                    window_start="2026-01-01T00:00:00Z",
                    window_end="2026-01-02T00:00:00Z",
                    route_hash="h",
                    staging="",
                    started=NOW - age * DAY - 60,
                    finished=NOW - age * DAY if finished else None,
                    bytes=100,
                )
            )
            number = number_of(made)
            folder = f"/staging/{number}" if staging is None else staging
            connection.execute(update(tables.run).where(tables.run.c.id == number).values(staging=folder))
        return number

    def entity(self, key: str, status: str, run: int, *, age: float = 0, payload: int | None = None) -> None:
        seen = NOW - age * DAY
        with self.database.write() as connection:
            connection.execute(
                insert(tables.entity).values(
                    route_id=self.routes["orders"],
                    key=key,
                    status=status,
                    run=run,
                    changed=seen,
                    first_seen=seen,
                    last_seen=seen,
                    seen_run=run,
                    delivered_hash="d" * 32,
                    since=seen if status in KEPT else None,
                    payload_run=payload,
                    payload_stage=None if payload is None else "push",
                    payload_at=None if payload is None else 0,
                    history=f'[{seen},"{status}",{run}]',
                )
            )

    def claim(self, run: int) -> None:
        with self.database.write() as connection:
            connection.execute(
                insert(tables.claim).values(
                    route_id=self.routes["orders"], run=run, first=0, count=1, lease_until=NOW, keys=b""
                )
            )

    def prune(self, kept: Retention, **given: Any) -> Pruned:
        return prune(self.database, routes={"orders": kept}, now=NOW, **given)

    def runs(self) -> list[int]:
        with self.database.read() as connection:
            return list(connection.scalars(select(tables.run.c.id).order_by(tables.run.c.id)))

    def entities(self, *columns: str) -> dict[str, Any]:
        with self.database.read() as connection:
            found = connection.execute(select(tables.entity).order_by(tables.entity.c.key)).mappings()
            return {row["key"]: tuple(row[name] for name in columns) for row in found}


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database)


def removable(pruned: Pruned) -> list[int]:
    return [staged.id for staged in pruned.staging]


def test_payloads_go_by_age(books):
    old, _young = books.run(8), books.run(6)
    assert books.prune(retention(runs=1000)) == Pruned(staging=(StagedRun(old, f"/staging/{old}"),))


def test_payloads_go_by_number(books):
    runs = [books.run(1) for _ in range(5)]
    assert removable(books.prune(retention(runs=2))) == runs[:3]


def test_a_run_that_goes_on_keeps_its_payloads(books):
    books.run(13, finished=False)
    books.run(0)
    assert books.prune(retention()) == Pruned()


def test_payloads_go_of_a_run_that_never_came_to_its_end(books):
    """It died in its fetch or its transform, or its DAG is gone: nobody settles it."""
    dead, alive = books.run(15, finished=False), books.run(13, finished=False)
    assert removable(books.prune(retention(runs=1000))) == [dead]
    forget_staging(books.database, [dead])
    assert books.prune(retention(runs=1000)) == Pruned()
    with books.database.read() as connection:
        found = connection.execute(select(tables.run).order_by(tables.run.c.id)).all()
    assert [(row.id, row.staging, row.verdict) for row in found] == [
        (dead, "", "it never finished"),
        (alive, f"/staging/{alive}", None),
    ]
    assert found[0].finished == found[0].started


def test_books_go_of_a_run_that_never_came_to_its_end(books):
    books.run(200, finished=False, staging="")
    newest = books.run(0)
    assert books.prune(retention()).runs == 1
    assert books.runs() == [newest]


@pytest.mark.parametrize("status", sorted(KEPT))
@pytest.mark.parametrize("decided_by_it", [True, False])
def test_not_while_something_open_refers_to_it(books, status, decided_by_it):
    dead, other = books.run(30, finished=False), books.run(0)
    of = (dead, other) if decided_by_it else (other, dead)
    books.entity("1", status, of[0], payload=of[1])
    assert books.prune(retention(runs=1000)) == Pruned()
    with books.database.read() as connection:
        assert connection.scalar(select(tables.run.c.finished).where(tables.run.c.id == dead)) is None


def test_not_while_it_holds_a_claim(books):
    books.claim(books.run(30, finished=False))
    assert books.prune(retention(runs=1000)) == Pruned()


def test_not_when_it_has_begun_again_since(books):
    """Its task was cleared: it works in its folder."""
    run = books.run(30, finished=False)
    with books.database.write() as connection:
        connection.execute(update(tables.run).values(again=NOW - DAY))
    assert books.prune(retention(runs=1000)) == Pruned()
    with books.database.write() as connection:
        connection.execute(update(tables.run).values(again=NOW - 15 * DAY))
    assert removable(books.prune(retention(runs=1000))) == [run]


def test_an_old_run_that_begins_again_says_when(ledger):
    first = begin(ledger, now=1.0)
    assert begin(ledger, now=2.0) == first
    with ledger.read() as connection:
        assert connection.execute(select(tables.run.c.started, tables.run.c.again)).one() == (1.0, 2.0)


@pytest.mark.parametrize("status", sorted(KEPT))
def test_payloads_of_open_entities_stay(books, status):
    needed, other = books.run(30), books.run(20)
    books.entity("1", status, other, payload=needed)
    assert removable(books.prune(retention())) == [other]


@pytest.mark.parametrize("status", sorted(CLOSED))
def test_payloads_of_closed_entities_go(books, status):
    run = books.run(30)
    books.entity("1", status, run, payload=run)
    assert removable(books.prune(retention())) == [run]


def test_payloads_of_claimed_entities_stay(books):
    claimed, other = books.run(30), books.run(30)
    books.claim(claimed)
    assert removable(books.prune(retention())) == [other]


def test_removed_payloads_are_forgotten(books):
    run, other = books.run(30), books.run(30)
    books.entity("a", "delivered", run, payload=run)
    books.entity("b", "delivered", run, payload=other)
    forget_staging(books.database, [run], batch=1)
    assert books.entities("payload_run", "payload_stage", "payload_at") == {
        "a": (None, None, None),
        "b": (other, "push", 0),
    }
    assert removable(books.prune(retention())) == [other]


def test_a_run_that_began_again_meanwhile_keeps_its_folder(books):
    run = books.run(30)
    assert removable(books.prune(retention())) == [run]
    with books.database.write() as connection:
        connection.execute(update(tables.run).values(finished=None, staging="/staging/new"))
    forget_staging(books.database, [run])
    with books.database.read() as connection:
        assert connection.scalar(select(tables.run.c.staging)) == "/staging/new"


def test_books_go_by_age_but_never_of_the_newest_runs(books):
    runs = [books.run(age, staging="") for age in (200, 100, 95, 94, 10)]
    assert books.prune(retention(runs=3)) == Pruned(runs=2)
    assert books.runs() == runs[2:]


def test_the_parts_of_a_run_go_with_its_books(books):
    """SQLite gives a number again: another run would go on with its counts."""
    gone, stays = books.run(200, staging=""), books.run(0)
    with books.database.write() as connection:
        for run in (gone, stays):
            connection.execute(insert(tables.part).values(run=run, part=1, applied=9))
    books.prune(retention())
    with books.database.read() as connection:
        assert connection.scalars(select(tables.part.c.run)).all() == [stays]


def test_the_newest_run_keeps_its_number(books):
    """SQLite would give it to the next run, and what the old one decided would look like the new one's."""
    run = books.run(500, staging="")
    books.prune(retention(runs=1))
    assert books.runs() == [run]


def test_young_books_stay_however_many(books):
    runs = [books.run(10, staging="") for _ in range(5)]
    assert books.prune(retention(runs=1)).runs == 0
    assert books.runs() == runs


def test_books_that_something_refers_to_stay(books):
    staged, deciding, staging_open, claimed, unfinished, free = (
        books.run(200),
        books.run(200, staging=""),
        books.run(200, staging=""),
        books.run(200, staging=""),
        books.run(13, staging="", finished=False),
        books.run(200, staging=""),
    )
    newest = books.run(0)
    books.entity("a", "failed", deciding, payload=staging_open)
    books.entity("b", "delivered", free)
    books.claim(claimed)
    assert books.prune(retention()).runs == 1
    assert books.runs() == [staged, deciding, staging_open, claimed, unfinished, newest]


def test_books_follow_their_payloads(books):
    run, newest = books.run(200), books.run(0)
    first = books.prune(retention())
    assert (first.runs, removable(first)) == (0, [run])
    forget_staging(books.database, removable(first))
    assert books.prune(retention()) == Pruned(runs=1)
    assert books.runs() == [newest]


def test_histories_of_what_was_not_seen_for_long_go_and_the_rest_stays(books):
    run = books.run(0)
    books.entity("gone", "delivered", run, age=91)
    books.entity("seen", "delivered", run, age=89)
    books.entity("wrong", "failed", run, age=91)
    assert books.prune(retention()).histories == 1
    after = books.entities("history", "status", "delivered_hash")
    assert after["gone"] == ("", "delivered", "d" * 32)
    assert after["seen"][0]
    assert after["wrong"][0]
    assert books.prune(retention()).histories == 0


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 8, 9])
def test_every_batch_size_reaches_every_entity_once(books, batch):
    run = books.run(0)
    for key in ("", "a", "A", "ä", "z", "10", "9", "\U0001f600"):
        books.entity(key, "delivered", run, age=100)
    assert books.prune(retention(), batch=batch).histories == 8
    assert set(books.entities("history").values()) == {("",)}


def test_other_routes_stay_as_they_are(books):
    for _ in range(3):
        books.run(500, route="invoices")
        books.run(500, route="invoices", staging="")
    assert books.prune(retention()) == Pruned()
    assert prune(books.database, routes={"never ran": retention()}, now=NOW) == Pruned()
    assert len(books.runs()) == 6


def test_usage_counts_what_is_there(books):
    before = usage(books.database)
    assert (before.entities, before.open, before.runs, before.staged_bytes) == (0, 0, 0, 0)
    run = books.run(0)
    books.run(0, staging="")
    books.entity("a", "delivered", run)
    books.entity("b", "waiting", run)
    with books.database.write() as connection:
        connection.execute(update(tables.route).values(cursor="x" * 200_000 + str(random.random())))
    after = usage(books.database)
    assert (after.entities, after.open, after.runs, after.staged_bytes) == (2, 1, 2, 100)
    assert after.database_bytes > before.database_bytes > 0


def test_usage_shrinks_when_something_is_forgotten(tmp_path):
    with Database.open(f"sqlite:///{tmp_path / 'ledger.db'}") as database:
        books = Books(database)
        run = books.run(0)
        with database.write() as connection:
            connection.execute(update(tables.run).values(verdict="v" * 500_000))
        full = usage(database).database_bytes
        with database.write() as connection:
            connection.execute(update(tables.run).where(tables.run.c.id == run).values(verdict=None))
        assert usage(database).database_bytes < full - 400_000
