"""Every migration, with data, on both databases; and ledgers that another version of this code has made."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from ledger_databases import postgres_url, sqlite_url
from sqlalchemy import Connection, create_engine, inspect, make_url, text

from airflow_integrations.errors import SetupError
from airflow_integrations.ledger.storage import schema_version
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.ledger.storage.tables import metadata

A_RUN = """
INSERT INTO integrations_run (route_id, run_id, kind, window_start, window_end, route_hash, staging, started)
VALUES (1, 'manual__1', 'manual', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', 'h', '/staging/1', 1.5)
"""
AN_ENTITY = """
INSERT INTO integrations_entity (route_id, key, status, run, changed, first_seen, last_seen, seen_run)
VALUES (1, '1042', 'delivered', 1, 1.5, 1.5, 1.5, 1)
"""


@dataclass(frozen=True)
class Step:
    """A migration. ``before`` fills a ledger of the revision before it; ``after`` looks at the same data behind it."""

    revision: str
    before: Callable[[Connection], None]
    after: Callable[[Connection], None]


def nothing_there(connection: Connection) -> None:
    assert [name for name in inspect(connection).get_table_names() if name != schema_version.VERSION_TABLE] == []


def takes_rows(connection: Connection) -> None:
    """Written as text: a test of 0001 stays as it is when the schema grows."""
    connection.execute(text("INSERT INTO integrations_route (name) VALUES ('orders')"))
    connection.execute(text(A_RUN))
    connection.execute(text(AN_ENTITY))
    connection.execute(text("INSERT INTO integrations_claim VALUES (1, 1, 1, 0, 1, 9.5, '')"))
    connection.execute(text("INSERT INTO integrations_overlay VALUES (1, '1042', 'push', '{}', 'jane', 1.5)"))
    connection.execute(text("INSERT INTO integrations_action VALUES (1, 1, 1.5, 'jane', 'retry', '{}', 1, NULL)"))
    found = connection.execute(text("SELECT deliveries, deleted, attempts, history FROM integrations_entity")).one()
    assert tuple(found) == (0, False, 0, "")
    assert tuple(connection.execute(text("SELECT counts, applied, bytes FROM integrations_run")).one()) == ("{}", 0, 0)


def a_route(connection: Connection) -> None:
    connection.execute(text("INSERT INTO integrations_route (name) VALUES ('orders')"))


def takes_alerts(connection: Connection) -> None:
    insert = "INSERT INTO integrations_alert (route, kind, watched, seen, detail, targets) "
    connection.execute(text(insert + "VALUES ('orders', 'failure', 1.5, 1.5, '', '{}')"))
    assert connection.scalar(text("SELECT since FROM integrations_alert")) is None
    assert connection.scalar(text("SELECT name FROM integrations_route")) == "orders"


def a_run_and_an_entity(connection: Connection) -> None:
    connection.execute(text("INSERT INTO integrations_route (name) VALUES ('orders')"))
    connection.execute(text(A_RUN))
    connection.execute(text(AN_ENTITY))


def takes_events(connection: Connection) -> None:
    assert tuple(connection.execute(text("SELECT run_id, fetched FROM integrations_run")).one()) == ("manual__1", None)
    assert connection.scalar(text("SELECT status FROM integrations_entity")) == "delivered"
    connection.execute(
        text(
            "INSERT INTO integrations_event (route_id, event_id, source, received, size, body) "
            "VALUES (1, 'e-1', 'webhook', 1.5, 2, '[]')"
        )
    )
    assert tuple(connection.execute(text("SELECT id, wanted, run, done FROM integrations_event")).one()) == (
        1,
        False,
        None,
        None,
    )
    connection.execute(text("INSERT INTO integrations_consumer VALUES (1, 'host:1', 9.5)"))
    connection.execute(text("INSERT INTO integrations_subscription VALUES (1, 2, 7)"))


def a_run_is_there(connection: Connection) -> None:
    connection.execute(text("INSERT INTO integrations_route (name) VALUES ('orders')"))
    connection.execute(text(A_RUN))


def takes_definitions_and_jobs(connection: Connection) -> None:
    connection.execute(text("INSERT INTO integrations_definition VALUES (1, 'h', 1.5, 'route: orders')"))
    connection.execute(
        text(
            "INSERT INTO integrations_job (route_id, by, asked, what, selection, total) "
            "VALUES (1, 'jane', 1.5, 'retry', '{}', 3)"
        )
    )
    found = connection.execute(text("SELECT done, looked_at, how, after FROM integrations_job")).one()
    assert tuple(found) == (0, 0, "{}", None)
    assert connection.execute(text("SELECT run_id FROM integrations_run")).scalar_one() == "manual__1"


def open_entities(connection: Connection) -> None:
    a_run_and_an_entity(connection)
    for key, content, delivered, error, attempts in OPEN_ENTITIES:
        copied = (
            "INSERT INTO integrations_entity (route_id, key, status, run, changed, first_seen, last_seen, seen_run, "
            "since, hash, delivered_hash, error_class, attempts) "
            "VALUES (1, :key, 'retrying', 1, 1.5, 1.5, 1.5, 1, 1.5, :hash, :delivered, :error, :attempts)"
        )
        values = {"key": key, "hash": content, "delivered": delivered, "error": error, "attempts": attempts}
        connection.execute(text(copied), values)


OPEN_ENTITIES = [
    ("doubt", "b", "a", "unknown", 1),
    ("server", "b", None, "server", 1),
    ("away", "b", "a", "outage", 0),
    ("again", "a", "a", "unknown", 1),
    ("refused", "b", "a", "refused", 1),
]


def note_unanswered(connection: Connection) -> None:
    rows = connection.execute(text("SELECT key, maybe, unheard FROM integrations_entity WHERE maybe IS NOT NULL"))
    assert sorted(tuple(row) for row in rows) == [("doubt", "b", None), ("server", "b", None)]


def has_an_id(connection: Connection) -> None:
    assert len(connection.scalars(text("SELECT id FROM integrations_identity WHERE since > 0")).one()) == 32
    assert connection.scalar(text("SELECT status FROM integrations_entity")) == "delivered"


def takes_tokens(connection: Connection) -> None:
    connection.execute(text("INSERT INTO integrations_token (connection, given, lease_until) VALUES ('erp', 1.5, 0)"))
    assert connection.scalar(text("SELECT secret FROM integrations_token")) is None
    assert connection.scalar(text("SELECT status FROM integrations_entity")) == "delivered"


def takes_progress(connection: Connection) -> None:
    connection.execute(
        text("INSERT INTO integrations_progress (route_id, key, hash, steps) VALUES (1, 'a', :hash, '{}')"),
        {"hash": "f" * 32},
    )
    assert connection.scalar(text("SELECT status FROM integrations_entity")) == "delivered"


def takes_what_lookups_need(connection: Connection) -> None:
    connection.execute(text("INSERT INTO integrations_wait (for_id, for_key, route_id, key) VALUES (1, 'c', 1, 'o')"))
    connection.execute(
        text("INSERT INTO integrations_store (name, key, value, changed, written) VALUES ('codes', 'a', '1', 1, 1)")
    )
    connection.execute(text("INSERT INTO integrations_creation (question, lease_until) VALUES ('q', 0)"))
    assert connection.scalar(text("SELECT woken FROM integrations_route")) == 0
    assert connection.scalar(text("SELECT history FROM integrations_store")) == ""
    assert connection.scalar(text("SELECT status FROM integrations_entity")) == "delivered"


def takes_source_pieces(connection: Connection) -> None:
    connection.execute(
        text("INSERT INTO integrations_source_piece (route_id, id, run, intact) VALUES (1, 'a', 1, true)")
    )
    assert connection.scalar(text("SELECT status FROM integrations_entity")) == "delivered"


def tells_compatibility(connection: Connection) -> None:
    assert connection.scalars(text("SELECT since FROM integrations_compatibility")).all() == ["0011"]


def takes_paces(connection: Connection) -> None:
    connection.execute(text("INSERT INTO integrations_pace (connection, free_at) VALUES ('shop', 1.5)"))


def takes_contracts(connection: Connection) -> None:
    connection.execute(text("INSERT INTO integrations_contract (route_id, learned, changed) VALUES (1, '{}', 1.5)"))
    assert connection.scalars(text("SELECT since FROM integrations_compatibility")).all() == ["0011"]


def a_claim(connection: Connection) -> None:
    a_run_and_an_entity(connection)
    connection.execute(text("INSERT INTO integrations_claim VALUES (1, 1, 1, 0, 1, 9.5, '')"))


def takes_parts(connection: Connection) -> None:
    connection.execute(text("INSERT INTO integrations_part (run, part, applied) VALUES (1, 1, 5)"))
    assert connection.scalars(text("SELECT part FROM integrations_claim")).all() == [0]


def takes_newest(connection: Connection) -> None:
    assert connection.scalars(text("SELECT newest FROM integrations_route")).all() == [None]
    connection.execute(text("UPDATE integrations_route SET newest = '5'"))


def a_reader(connection: Connection) -> None:
    a_route(connection)
    connection.execute(text("INSERT INTO integrations_subscription (route_id, source_id, position) VALUES (1, 2, 3)"))


def takes_acknowledgements(connection: Connection) -> None:
    assert connection.scalars(text("SELECT what FROM integrations_subscription")).all() == ["records"]
    connection.execute(
        text("INSERT INTO integrations_acknowledgement (route_id, number, at, content) VALUES (1, 1, 0, '{}')")
    )


def takes_what_was_missed(connection: Connection) -> None:
    known = connection.execute(text("SELECT mark, covers_from, missed_from FROM integrations_route"))
    assert [tuple(row) for row in known] == [(None, None, None)]
    connection.execute(text("UPDATE integrations_route SET covers_from = mark, missed_from = mark"))
    connection.execute(text("UPDATE integrations_overlay SET version = '1'"))


STEPS = [
    Step("0001", nothing_there, takes_rows),
    Step("0002", a_run_and_an_entity, takes_events),
    Step("0003", a_run_is_there, takes_definitions_and_jobs),
    Step("0004", a_route, takes_alerts),
    Step("0005", open_entities, note_unanswered),
    Step("0006", a_run_and_an_entity, has_an_id),
    Step("0007", a_run_and_an_entity, takes_tokens),
    Step("0008", a_run_and_an_entity, takes_what_lookups_need),
    Step("0009", a_run_and_an_entity, takes_progress),
    Step("0010", a_run_and_an_entity, takes_source_pieces),
    Step("0011", a_run_and_an_entity, tells_compatibility),
    Step("0012", a_run_and_an_entity, takes_paces),
    Step("0013", a_run_and_an_entity, takes_contracts),
    Step("0014", a_claim, takes_parts),
    Step("0015", a_route, takes_newest),
    Step("0016", a_route, takes_what_was_missed),
    Step("0017", a_reader, takes_acknowledgements),
]


@pytest.fixture
def bare(database_url: str):
    """The database at ``database_url`` as a :class:`Database` that nobody has migrated."""
    backend = make_url(database_url)
    engine = create_engine(
        backend.set(drivername="postgresql+psycopg") if backend.get_backend_name() == "postgresql" else backend,
        connect_args={"isolation_level": None} if backend.get_backend_name() == "sqlite" else {},
    )
    with Database(engine, "the ledger") as database:
        yield database


@pytest.fixture
def migrated(bare: Database) -> Database:
    """The same, brought to the newest revision by migrations alone."""
    for revision in schema_version.REVISIONS[-2:]:
        with bare.write() as connection:
            schema_version.migrate(connection, bare.where, revision)
    return bare


def scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(schema_version.__file__).parents[1] / "migrations"))


def test_the_code_knows_all_migrations():
    assert [script.revision for script in reversed(list(scripts().walk_revisions()))] == list(schema_version.REVISIONS)
    assert scripts().get_heads() == [schema_version.HEAD]


def test_each_migration_has_its_test():
    assert [step.revision for step in STEPS] == list(schema_version.REVISIONS)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.revision)
def test_a_migration_keeps_the_data(bare, step):
    earlier = schema_version.REVISIONS[: schema_version.REVISIONS.index(step.revision)]
    with bare.write() as connection:
        for revision in earlier[-1:]:
            schema_version.migrate(connection, bare.where, revision)
        step.before(connection)
    with bare.write() as connection:
        schema_version.migrate(connection, bare.where, step.revision)
        step.after(connection)


def test_a_migrated_ledger_is_what_the_code_describes(migrated):
    with migrated.read() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": schema_version.VERSION_TABLE,
                "compare_type": True,
                # Alembic takes SQLite's '' for no default; the test below compares SQLite's statements as a whole.
                "compare_server_default": migrated.dialect == "postgresql",
            },
        )
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == schema_version.HEAD


LISTINGS = {
    "sqlite": ["SELECT type, name, sql FROM sqlite_master"],
    "postgresql": [
        """
        SELECT table_name, column_name, data_type, character_maximum_length, collation_name, is_nullable,
            replace(column_default, current_schema() || '.', ''),
            col_description(('"' || table_name || '"')::regclass, ordinal_position::int)
        FROM information_schema.columns WHERE table_schema = current_schema()
        """,
        """
        SELECT indexname, replace(indexdef, current_schema() || '.', '')
        FROM pg_indexes WHERE schemaname = current_schema()
        """,
        """
        SELECT conname, conrelid::regclass::text, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
        """,
        "SELECT sequencename, start_value, max_value FROM pg_sequences WHERE schemaname = current_schema()",
    ],
}


def described(database: Database) -> list[list[str]]:
    """Everything, in the database's own words; the order of columns is that of the migrations, and means nothing."""
    with database.read() as connection:
        listings = [connection.execute(text(listing)) for listing in LISTINGS[database.dialect]]
        return [sorted(" | ".join(" ".join(str(cell).split()) for cell in row) for row in rows) for rows in listings]


def test_both_ways_to_a_ledger_give_the_same(migrated, tmp_path):
    """What alembic does not compare, too: WITHOUT ROWID, partial indexes, primary keys."""
    where = postgres_url() if migrated.dialect == "postgresql" else nullcontext(sqlite_url(tmp_path / "new"))
    with where as url, Database.open(url) as created:
        assert all(described(created))
        assert described(created) == described(migrated)
        with created.read() as connection:
            assert connection.scalar(text("SELECT version_num FROM integrations_version")) == schema_version.HEAD
            tells_compatibility(connection)
            assert len(connection.scalars(text("SELECT id FROM integrations_identity WHERE since > 0")).one()) == 32


def test_a_ledger_in_memory_is_like_one_in_a_file(tmp_path):
    with Database.open(sqlite_url(tmp_path)) as created, Database.temporary() as direct:
        tables = [[line for line in listing if "integrations_version" not in line] for listing in described(created)]
        assert described(direct) == tables


def test_partial_indexes_of_postgresql(migrated):
    if migrated.dialect != "postgresql":
        pytest.skip("SQLite's are compared as a whole")
    with migrated.read() as connection:
        found = connection.scalars(
            text(
                "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() "
                "AND indexname IN ('integrations_entity_open', 'integrations_entity_payload')"
            )
        ).all()
    assert len(found) == 2
    assert all(index.endswith("WHERE (since IS NOT NULL)") for index in found)


def test_a_ledger_of_a_newer_version_is_refused(database_url):
    with Database.open(database_url) as database, database.write() as connection:
        connection.execute(text("UPDATE integrations_version SET version_num = '0999'"))
        connection.execute(text("UPDATE integrations_compatibility SET since = '0999'"))
    with pytest.raises(SetupError) as caught:
        Database.open(database_url)
    assert "has schema 0999; this version of airflow-integrations knows 0001" in str(caught.value)
    assert "install that version on every machine" in str(caught.value)


def test_a_ledger_that_was_migrated_meanwhile_by_a_newer_version_is_refused(bare):
    with bare.write() as connection:
        connection.execute(text("CREATE TABLE integrations_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO integrations_version VALUES ('0999')"))
    with pytest.raises(SetupError, match="has schema 0999"), bare.write() as connection:
        schema_version.migrate(connection, bare.where)


def test_a_migration_that_fails_leaves_nothing(database_url, bare):
    """SQLite and PostgreSQL both undo tables. The last of 0001's is in the way here."""
    with bare.write() as connection:
        connection.execute(text("CREATE TABLE integrations_action (id INTEGER)"))
    with pytest.raises(Exception, match="integrations_action"):
        Database.open(database_url)
    with bare.write() as connection:
        assert set(inspect(connection).get_table_names()) == {"integrations_action"}
        connection.execute(text("DROP TABLE integrations_action"))
    Database.open(database_url).close()
