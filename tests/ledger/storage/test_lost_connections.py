"""A database that goes away: what is tried again, what is an outage, and what is never done twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import pytest
from interrupted_network import door_to
from ledger_databases import POSTGRES, postgres_url
from sqlalchemy import Connection, insert, make_url, select, text

from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.ledger.storage.tables import route

SECRET = "s3cr3t-pass"


def add(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.execute(insert(route).values(name=name))


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(select(route.c.name).order_by(route.c.name)))


@pytest.fixture
def postgres() -> Iterator[Database]:
    with postgres_url() as url, Database.open(url) as database:
        yield database


def kill(connection_id: int) -> None:
    with psycopg.connect(POSTGRES, autocommit=True) as admin:
        assert admin.execute("SELECT pg_terminate_backend(%s, 30000)", [connection_id]).fetchone() == (True,)


def backend(connection: Connection) -> int:
    found = connection.scalar(text("SELECT pg_backend_pid()"))
    assert isinstance(found, int)
    return found


def test_a_connection_that_died_between_transactions_is_not_noticed(postgres):
    with postgres.read() as connection:
        idle = backend(connection)
    kill(idle)
    add(postgres, "a")
    with postgres.read() as connection:
        assert backend(connection) != idle
    assert names(postgres) == ["a"]


def test_a_connection_that_dies_in_a_transaction_is_an_outage(postgres):
    def work() -> None:
        with postgres.write() as connection:
            connection.execute(insert(route).values(name="a"))
            kill(backend(connection))
            connection.execute(insert(route).values(name="b"))

    with pytest.raises(OutageError, match="is away"):
        work()
    assert names(postgres) == []


def test_a_transaction_that_lost_its_connection_is_run_again(postgres):
    attempts: list[int] = []

    def work(connection: Connection) -> str:
        attempts.append(backend(connection))
        connection.execute(insert(route).values(name="a"))
        if len(attempts) == 1:
            kill(attempts[0])
        connection.execute(insert(route).values(name="b"))
        return "done"

    assert postgres.transact(work) == "done"
    assert len(attempts) == 2
    assert names(postgres) == ["a", "b"]


def test_a_transaction_that_may_have_been_committed_is_not_run_again(postgres):
    attempts: list[int] = []

    def work(connection: Connection) -> None:
        attempts.append(backend(connection))
        connection.execute(insert(route).values(name="a"))
        kill(attempts[0])

    with pytest.raises(OutageError, match="is away"):
        postgres.transact(work)
    assert len(attempts) == 1


def test_a_transaction_waits_for_postgresql_to_come_back():
    with postgres_url() as direct:
        real = make_url(direct)
        with door_to(real.host or "127.0.0.1", real.port or 5432) as door:
            url = real.set(host="127.0.0.1", port=door.port).render_as_string(hide_password=False)
            with Database.open(url) as database:
                door.shut()
                opening = threading.Timer(0.5, door.open)
                opening.start()
                database.transact(lambda connection: connection.execute(insert(route).values(name="a")))
                opening.join()
                assert names(database) == ["a"]
                door.shut()
                with pytest.raises(OutageError, match="is away"):
                    database.transact(lambda connection: connection.execute(insert(route)), patience=0.3)


def test_a_transaction_is_not_tried_for_ever(postgres):
    attempts: list[int] = []

    def work(connection: Connection) -> None:
        attempts.append(backend(connection))
        kill(attempts[-1])
        connection.execute(text("SELECT 1"))

    with pytest.raises(OutageError, match="is away"):
        postgres.transact(work, patience=0)
    assert len(attempts) == 1


def test_raw_driver_errors_are_understood_too(postgres):
    """Bulk writes go past SQLAlchemy, through the driver's own COPY."""

    def work() -> None:
        with postgres.write() as connection:
            kill(backend(connection))
            connection.connection.driver_connection.execute("SELECT 1")

    with pytest.raises(OutageError, match="is away"):
        work()
    add(postgres, "a")
