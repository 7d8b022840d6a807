"""The schema version of a ledger, how an empty one gets its tables, and how an older one is upgraded."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    URL,
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    create_mock_engine,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.schema import CreateTable

from airflow_integrations.errors import SetupError
from airflow_integrations.ledger.storage.identity import add as add_identity
from airflow_integrations.ledger.storage.identity import new_id
from airflow_integrations.ledger.storage.tables import PREFIX, metadata

__all__ = ["HEAD", "REVISIONS", "VERSION_TABLE", "check", "create_tables", "migrate"]

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010")
"""Those in migrations/versions, oldest first. Named here because importing Alembic takes longer than the rest."""
HEAD: Final = REVISIONS[-1]
VERSION_TABLE: Final = f"{PREFIX}version"
_version = Table(
    VERSION_TABLE,
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)
"""As Alembic makes it."""
_LOCK: Final = 0x1ED6E2
"""PostgreSQL's advisory locks share one space of numbers per database: this one is the ledger's migration."""


def check(found: str | None, where: str) -> bool:
    """Whether a ledger of revision ``found`` (None: empty) is up to date.

    Raises :class:`SetupError` where it is of a revision that this code does not know.
    """
    if found is not None and found not in REVISIONS:
        raise SetupError(
            f"{where} has schema {found}; this version of airflow-integrations knows {', '.join(REVISIONS)}: a newer "
            "version has migrated it; install that version on every machine that runs Airflow's components"
        )
    return found == HEAD


def migrate(connection: Connection, where: str, to: str = HEAD, *, identity: str | None = None) -> None:
    """Brings the ledger to revision ``to`` in the connection's transaction, one process after the other.

    An empty one gets the newest tables at once, without Alembic: both ways give the same.
    ``identity`` is the id that it gets, where it has none yet and is to have a certain one.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found = None
    if inspect(connection).has_table(VERSION_TABLE):
        found = connection.scalar(select(_version.c.version_num))
    if check(found, where):
        return
    if found is None and to == HEAD:
        _create(connection, identity or new_id())
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["identity"] = identity
    command.upgrade(config, to)


def create_tables(connection: Connection) -> None:
    """The newest tables, all of them empty, and no version."""
    for statement in _statements(connection.dialect.name):
        connection.exec_driver_sql(statement)


def _create(connection: Connection, identity: str) -> None:
    create_tables(connection)
    connection.execute(CreateTable(_version))
    connection.execute(insert(_version).values(version_num=HEAD))
    add_identity(connection, identity)


@cache
def _statements(dialect: str) -> tuple[str, ...]:
    """Built once in a process. PostgreSQL takes all of them in one: each would be a way to the server and back."""
    made: list[str] = []

    def collect(statement: Any, *_: Any, **__: Any) -> None:
        made.append(str(statement.compile(dialect=engine.dialect)).strip())

    if dialect == "postgresql":
        _partial_on_postgresql()
    engine = create_mock_engine(URL.create("postgresql+psycopg" if dialect == "postgresql" else dialect), collect)
    metadata.create_all(engine, checkfirst=False)
    return (";\n".join(made),) if dialect == "postgresql" else tuple(made)


def _partial_on_postgresql() -> None:
    """Give the partial indexes their condition for PostgreSQL too.

    The tables name it for SQLite alone: an index that names it for PostgreSQL imports that dialect, with its three
    drivers' parts, in every process that reads the tables.
    """
    for table in metadata.tables.values():
        for index in table.indexes:
            if (condition := index.dialect_options["sqlite"]["where"]) is not None:
                index.dialect_options["postgresql"]["where"] = condition
