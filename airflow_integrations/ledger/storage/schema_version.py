"""The schema version of a ledger, how an empty one gets its tables, and how an older one is upgraded."""

from __future__ import annotations

from collections.abc import Callable
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
from airflow_integrations.ledger.storage.tables import PREFIX, compatibility, metadata

__all__ = [
    "COMPATIBLE_SINCE",
    "HEAD",
    "REVISIONS",
    "VERSION_TABLE",
    "SchemaBehind",
    "check",
    "compatible_since",
    "create_tables",
    "migrate",
]

REVISIONS: Final = (
    "0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012", "0013",
    "0014", "0015", "0016", "0017",
)  # fmt: skip
"""Those in migrations/versions, oldest first. Named here because importing Alembic takes longer than the rest."""
HEAD: Final = REVISIONS[-1]
COMPATIBLE_SINCE: Final = "0011"
"""The oldest revision whose code works with the tables of HEAD; see ``migrations/versions/v0011_compatibility.py``."""
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


class SchemaBehind(SetupError):
    """The ledger has an older schema than this code needs, and may not be migrated by whoever opens it."""

    def __init__(self, found: str | None, where: str) -> None:
        has = f"has schema {found}" if found else "has no tables"
        super().__init__(
            f"{where} {has}; this version of airflow-integrations needs {HEAD}, and [integrations] ledger_auto_migrate "
            "is off: run `airflow-integrations ledger migrate`"
        )


def check(found: str | None, where: str, since: Callable[[], str | None]) -> bool:
    """Whether this code can use a ledger of revision ``found`` (None: empty) as it is.

    It can where that is up to date, or where a newer version has migrated it and left all that this code needs:
    ``since`` is asked for the oldest revision whose code works with it. Raises :class:`SetupError` where a newer
    version has not.
    """
    if found is None or found in REVISIONS:
        return found == HEAD
    if since() not in REVISIONS:
        raise SetupError(
            f"{where} has schema {found}; this version of airflow-integrations knows {', '.join(REVISIONS)}: a newer "
            "version has migrated it; install that version on every machine that runs Airflow's components"
        )
    return True


def compatible_since(connection: Connection) -> str | None:
    """The oldest revision whose code works with the ledger's tables. None: its tables are older than that question."""
    if not inspect(connection).has_table(compatibility.name):
        return None
    found: str | None = connection.scalar(select(compatibility.c.since))
    return found


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
    if check(found, where, lambda: compatible_since(connection)):
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
    connection.execute(insert(compatibility).values(since=COMPATIBLE_SINCE))
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
