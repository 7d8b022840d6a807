"""Opening, transactions, lost connections and the words for errors."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from ledger_databases import POSTGRES, postgres_url, sqlite_url
from sqlalchemy import Connection, exc, func, insert, make_url, select, text

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.ledger.storage import database as database_module
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.ledger.storage.schema_version import VERSION_TABLE
from airflow_integrations.ledger.storage.tables import route

SECRET = "s3cr3t-pass"


def add(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.execute(insert(route).values(name=name))


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(select(route.c.name).order_by(route.c.name)))


OPENING = """
import sys
import alembic.command
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.ledger.storage.tables import route
print("ready", flush=True)
sys.stdin.readline()
with Database.open(sys.argv[1]) as database, database.write() as connection:
    connection.execute(route.insert().values(name=sys.argv[2]))
"""


def undone(database: Database, work: Callable[[Connection], object]) -> None:
    def failing(connection: Connection) -> None:
        work(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.transact(failing)


@pytest.fixture
def postgres() -> Iterator[Database]:
    with postgres_url() as url, Database.open(url) as database:
        yield database


def test_many_processes_open_a_fresh_ledger_at_once(database_url):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPENING, database_url, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in "abcd"
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[1] for process in processes] == [""] * 4
    with Database.open(database_url) as database:
        assert names(database) == list("abcd")


def test_tables_without_their_version_are_told_with_what_helps(database_url):
    """Half a restored backup, say; processes that create a ledger at once never come to this."""
    with Database.open(database_url) as database, database.write() as connection:
        connection.execute(text(f"DROP TABLE {VERSION_TABLE}"))
    with pytest.raises(SetupError, match=r"already exists: tables of a ledger are there, but not integrations_version"):
        Database.open(database_url)


def test_what_leaves_with_an_exception_is_undone(database):
    undone(database, lambda connection: connection.execute(insert(route).values(name="a")))
    assert names(database) == []


def test_tables_are_undone_too(database):
    """The driver commits before some statements unless its transaction control is off."""
    undone(database, lambda connection: connection.execute(text("CREATE TABLE extra (id INTEGER)")))
    with pytest.raises(exc.DBAPIError), database.read() as connection:
        connection.execute(text("SELECT id FROM extra"))


def test_threads_write_at_once(database):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: add(database, f"{number:02}"), range(40)))
    assert names(database) == [f"{number:02}" for number in range(40)]


def test_a_temporary_ledger_is_empty_private_and_shared_by_threads():
    with Database.temporary() as one, Database.temporary() as other:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda number: add(one, f"{number:02}"), range(40)))
        assert len(names(one)) == 40
        assert names(other) == []
        assert one.dialect == "sqlite"


def test_transactions_of_a_temporary_ledger_take_turns():
    entered, leave = threading.Event(), threading.Event()
    with Database.temporary() as database, ThreadPoolExecutor(2) as threads:

        def slow() -> None:
            with database.write() as connection:
                connection.execute(insert(route).values(name="a"))
                entered.set()
                leave.wait(10)
                connection.execute(insert(route).values(name="b"))

        writing = threads.submit(slow)
        assert entered.wait(10)
        reading = threads.submit(names, database)
        leave.set()
        writing.result(10)
        assert reading.result(10) == ["a", "b"]


def test_a_writer_reads_what_nobody_changes_meanwhile(database):
    """Two transactions that read a number and then write it: neither update is lost."""
    add(database, "a")

    def count(_: int) -> None:
        with database.write() as connection:
            before = connection.scalar(select(route.c.outages).with_for_update())
            connection.execute(route.update().values(outages=before + 1))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(count, range(20)))
    with database.read() as connection:
        assert connection.scalar(select(route.c.outages)) == 20


def test_a_mistake_in_the_program_stays_what_it_is(database):
    with pytest.raises(exc.IntegrityError), database.write() as connection:
        connection.execute(insert(route), [{"name": "a"}, {"name": "a"}])
    with pytest.raises(exc.DBAPIError), database.read() as connection:
        connection.execute(text("SELECT nothing FROM nowhere"))


def test_the_parameters_of_a_statement_are_in_no_error(database):
    with pytest.raises(exc.DBAPIError) as caught, database.read() as connection:
        connection.execute(text("SELECT nothing FROM nowhere WHERE name = :name"), {"name": "jane@example.com"})
    assert "jane@example.com" not in str(caught.value)


# SQLite


def test_a_sqlite_ledger_is_made_with_its_folder_for_its_owner_only(tmp_path):
    with Database.open(sqlite_url(tmp_path / "deep" / "er")) as database:
        add(database, "a")
        files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "deep" / "er").iterdir()}
        assert files == dict.fromkeys(("ledger.db", "ledger.db-wal", "ledger.db-shm"), 0o600)
        with database.read() as connection:
            settings = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            ]
        assert settings == ["wal", 1, 1, 30000]


def test_readers_of_sqlite_do_not_wait_for_a_writer(tmp_path):
    with Database.open(sqlite_url(tmp_path)) as database, database.write() as connection:
        connection.execute(insert(route).values(name="a"))
        with database.read() as reading:
            assert reading.scalar(select(func.count()).select_from(route)) == 0


def test_a_locked_sqlite_ledger_is_an_outage(tmp_path, monkeypatch):
    monkeypatch.setattr(database_module, "LOCK_SECONDS", 0.05)
    with Database.open(sqlite_url(tmp_path)) as database:
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutageError, match=r"ledger\.db: database is locked: another process has had it"):
            add(database, "a")
        other.execute("ROLLBACK")
        other.close()
        add(database, "b")
        assert names(database) == ["b"]


def test_a_fresh_sqlite_ledger_is_waited_for_while_another_process_opens_it(tmp_path):
    """SQLite says "locked" at once where two change a new file to write-ahead logging: 55 of 600 such openings."""
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE something (id INTEGER)")
    other.execute("BEGIN IMMEDIATE")
    leaving = threading.Timer(0.3, other.execute, ["COMMIT"])
    leaving.start()
    Database.open(sqlite_url(tmp_path)).close()
    leaving.join()
    other.close()


def test_a_full_disk_is_an_outage_and_nothing_is_half_written(tmp_path):
    with Database.open(sqlite_url(tmp_path)) as database:
        with database.read() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        many = insert(route).values([{"name": f"{number:0200}"} for number in range(1000)])
        with pytest.raises(OutageError, match="the disk is full; make room"), database.write() as connection:
            connection.execute(many)
        assert names(database) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_a_matter_of_the_deployment(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(SetupError, match="allowed to write to"):
        Database.open(sqlite_url(tmp_path / "ledger"))
    tmp_path.chmod(0o700)


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "ledger.db").write_text("not a database, but long enough to be looked at " * 50)
    with pytest.raises(SetupError, match="the file is not a SQLite database; name another one"):
        Database.open(sqlite_url(tmp_path))


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutageError, match="cannot be created"):
        Database.open(sqlite_url(tmp_path / "file"))


# URLs


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "cannot be read; write it as sqlite:////path"),
        (f"postgresql://me:{SECRET}@db:port/ledger", "cannot be read"),
        (f"mysql://me:{SECRET}@db/ledger", "a ledger in mysql is not supported"),
        ("sqlite://", "has to be an absolute path"),
        ("sqlite:///ledger.db", "has to be an absolute path"),
        ("sqlite:///:memory:", "has to be an absolute path"),
    ],
)
def test_urls_that_do_not_fit(url, told):
    with pytest.raises(SetupError, match=told) as caught:
        Database.open(url)
    assert SECRET not in str(caught.value)


def test_an_unreachable_postgresql_is_an_outage():
    with pytest.raises(OutageError, match=r"the ledger 127\.0\.0\.1:1/ledger is away: .*start it again") as caught:
        Database.open(f"postgres://me:{SECRET}@127.0.0.1:1/ledger")
    assert SECRET not in str(caught.value)


def test_a_postgresql_without_the_database_is_a_matter_of_the_deployment(postgres):
    url = make_url(POSTGRES).set(database="no_such_database", password=SECRET)
    with pytest.raises(SetupError, match="ledger_connection names needs a database that exists") as caught:
        Database.open(url.render_as_string(hide_password=False))
    assert SECRET not in str(caught.value)


def test_an_unknown_option_is_a_matter_of_the_deployment(postgres):
    url = make_url(POSTGRES).update_query_dict({"colour": "blue"})
    with pytest.raises(SetupError, match="colour"):
        Database.open(url.render_as_string(hide_password=False))


def test_a_user_who_may_not_create_tables(postgres):
    schema = postgres._engine.url.query["options"].partition("=")[2]
    role = f"{schema}_guest"
    with psycopg.connect(POSTGRES, autocommit=True) as admin:
        admin.execute(f"CREATE SCHEMA {schema}_empty")
        admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{SECRET}'")
        admin.execute(f"GRANT USAGE ON SCHEMA {schema}_empty TO {role}")
        try:
            url = make_url(POSTGRES).set(username=role, password=SECRET)
            url = url.update_query_dict({"options": f"-csearch_path={schema}_empty"})
            with pytest.raises(SetupError, match="may create and change tables") as caught:
                Database.open(url.render_as_string(hide_password=False))
        finally:
            admin.execute(f"DROP SCHEMA {schema}_empty")
            admin.execute(f"DROP ROLE {role}")
    assert SECRET not in str(caught.value)


def test_without_the_driver_the_remedy_is_named():
    program = """
import sys; sys.modules["psycopg"] = None
from airflow_integrations.ledger.storage.database import Database
Database.open(sys.argv[1])
"""
    command = [sys.executable, "-c", program, f"postgresql://me:{SECRET}@db/ledger"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert "SetupError: the ledger db:5432/ledger: the PostgreSQL driver cannot be loaded" in told
    assert "pip install 'airflow-integrations[postgres]'" in told
    assert SECRET not in told


def test_an_up_to_date_ledger_is_opened_without_alembic(database_url):
    Database.open(database_url).close()
    program = """
import sys
from airflow_integrations.ledger.storage.database import Database
Database.open(sys.argv[1]).close()
assert "alembic" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program, database_url], check=True)


def test_where_a_database_is_shows_no_password(postgres):
    assert Path(postgres.where.partition("the ledger ")[2]).name == make_url(POSTGRES).database
