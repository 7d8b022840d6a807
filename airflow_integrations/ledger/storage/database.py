"""The database of a ledger: SQLite or PostgreSQL, its transactions, and its errors in this package's words."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url, text
from sqlalchemy.pool import StaticPool

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.ledger.storage import schema_version
from airflow_integrations.ledger.storage.database_errors import CommitLost, ConnectionLost, TableMissing, understood
from airflow_integrations.ledger.storage.identity import Marker, add, identities, new_id

__all__ = ["Database", "Dialect"]

Dialect = Literal["sqlite", "postgresql"]
T = TypeVar("T")

LOCK_SECONDS = 30
"""How long a writer waits for another one of the same SQLite file."""
PATIENCE = 20.0
"""Seconds for which :meth:`Database.transact` tries to get a lost connection back: PostgreSQL restarts in a few."""
_BEGIN = "ledger_begin"
_CREATING = threading.Lock()
_FORMS = "sqlite:////path/to/ledger.db or postgresql://user:password@host:5432/database"
_POSTGRES_OPTIONS: dict[str, Any] = {
    "application_name": "airflow-integrations",
    "connect_timeout": 10,
    # A connection whose other end vanished is given up after a minute instead of Linux's two hours.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    # Behind PgBouncer the next transaction may have another server, which does not know what was prepared.
    "prepare_threshold": None,
}


class Database:
    """Thread-safe. Also a context manager that closes it."""

    def __init__(self, engine: Engine, where: str, *, one_connection: bool = False) -> None:
        """For :meth:`open` and :meth:`temporary`. ``where`` names it to people, without secrets."""
        self.where = where
        self.dialect: Dialect = cast(Dialect, engine.dialect.name)
        self.schema = schema_version.HEAD
        """Of the ledger; a newer version may have migrated it further than this one would."""
        self._engine = engine
        self._writer = engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        self._turn: AbstractContextManager[Any] = threading.RLock() if one_connection else nullcontext()
        # A writer that waits for SQLite sleeps for tens of milliseconds; those of one process wait for each other.
        self._writers_turn: AbstractContextManager[Any] = (
            threading.RLock() if self.dialect == "sqlite" else nullcontext()
        )
        if self.dialect == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        synced: bool = False,
        marker: Path | None = None,
        begin_again: bool = False,
        migrates: bool = True,
    ) -> Self:
        """Opens the ledger at ``url``; creates it, with its folder, or migrates it where necessary.

        ``synced``: what was committed survives the machine's death. PostgreSQL does so anyway; SQLite waits for the
        disk then, which the engine, whose journal is on disk before, has no need of.
        ``marker``: the file that remembers which ledger was here. Where it names another one, :class:`LedgerReplaced`
        is raised and nothing is created, unless ``begin_again``: then this one stands in for it from now on.
        ``migrates``: where it is False, :class:`SchemaBehind` is raised instead of creating or migrating tables.
        Raises :class:`SetupError` for a URL, driver, permission or schema version that does not fit, and
        :class:`OutageError` where the database is away.
        """
        parsed = _parse(url)
        postgres = parsed.get_backend_name() == "postgresql"
        options = {name: value for name, value in _POSTGRES_OPTIONS.items() if name not in parsed.query}
        if postgres:
            where = f"the ledger {parsed.host or 'localhost'}:{parsed.port or 5432}/{parsed.database or ''}"
        else:
            where = f"the ledger {parsed.database}"
            # A cached statement would keep its parameters, which are megabytes here.
            options = {"isolation_level": None, "timeout": LOCK_SECONDS, "cached_statements": 0}
        mark = Marker(marker, parsed, where) if marker else None
        if not postgres:
            file = Path(parsed.database or "")
            if mark and mark.known and not begin_again and not file.exists():
                raise mark.replaced(empty=True)
            _create_file(file, where)
        try:
            engine = create_engine(parsed, pool_pre_ping=postgres, hide_parameters=True, connect_args=options)
        except ImportError as error:
            raise SetupError(
                f"{where}: the PostgreSQL driver cannot be loaded ({error}): pip install "
                "'airflow-integrations[postgres]' on every machine that runs Airflow's components"
            ) from error
        database = cls(engine, where)
        if synced and not postgres:
            event.listen(engine, "connect", _sync_sqlite)
        try:
            database._prepare(mark, begin_again, migrates)
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def temporary(cls) -> Self:
        """An empty ledger in memory, gone when it is closed. Its transactions take turns."""
        engine = create_engine(
            "sqlite://",
            poolclass=StaticPool,
            hide_parameters=True,
            connect_args={"isolation_level": None, "check_same_thread": False, "cached_statements": 0},
        )
        database = cls(engine, "the ledger in memory", one_connection=True)
        with database.write() as connection:
            schema_version.create_tables(connection)
        return database

    @property
    def url(self) -> URL:
        """Its address, which may hold a password: for connections of one's own, and for no log."""
        return self._engine.url

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write: committed at the end, rolled back where an exception leaves it.

        On SQLite it holds the write lock from its beginning. Database errors that are not a mistake of the program
        become :class:`OutageError` and :class:`SetupError`. After an :class:`OutageError` the transaction is undone,
        unless it was already committing: then its outcome is unknown.
        """
        with self._writers_turn, self._transaction(self._writer) as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction for reading; on SQLite it sees one moment. Errors as for :meth:`write`."""
        with self._transaction(self._engine) as connection:
            yield connection

    def transact(self, work: Callable[[Connection], T], *, patience: float = PATIENCE) -> T:
        """What ``work`` returns, run in a :meth:`write` transaction.

        It is run again, for ``patience`` seconds, where the connection was lost before the commit was sent, so it does
        nothing but use the connection it is given. A connection lost while committing is :class:`CommitLost`.
        """
        until = time.monotonic() + patience
        while True:
            committing = False
            try:
                with self.write() as connection:
                    result = work(connection)
                    committing = True
                return result
            except ConnectionLost as error:
                if committing:
                    raise CommitLost(str(error)) from error
                if time.monotonic() >= until:
                    raise
            time.sleep(0.2)

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        try:
            with self._turn, engine.begin() as connection:
                yield connection
        except Exception as error:
            told = understood(error, self.where, self._engine.url.password)
            if told is None:
                raise
            raise told from error

    def _prepare(self, mark: Marker | None, begin_again: bool, migrates: bool) -> None:
        """Migrate it where necessary, and look whether it is the one that ``mark`` knows."""
        known = mark.known if mark else None  # before the revision: another process may make both meanwhile
        found = self._revision()
        usable = schema_version.check(found, self.where, self._compatible_since)
        self.schema = found if found and usable else schema_version.HEAD
        if mark and known and not found and not begin_again:
            raise mark.replaced(empty=True)
        if not usable:
            if not migrates:
                raise schema_version.SchemaBehind(found, self.where)
            with self.write() as connection:
                # one that is older than identities is known by its place
                schema_version.migrate(connection, self.where, identity=known if found else None)
        if mark is None:
            return
        with self.read() as connection:
            names = identities(connection)
        if known and known not in names:
            if not begin_again:
                raise mark.replaced(empty=not names)
            with self.write() as connection:
                add(connection, known)
        elif not names:
            names = [new_id()]
            with self.write() as connection:
                add(connection, names[0])
        mark.remember(known or names[0])

    def _revision(self) -> str | None:
        try:
            with self.read() as connection:
                found: str | None = connection.scalar(text(f"SELECT version_num FROM {schema_version.VERSION_TABLE}"))  # noqa: S608
                return found
        except TableMissing:
            return None

    def _compatible_since(self) -> str | None:
        with self.read() as connection:
            return schema_version.compatible_since(connection)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url)
    except (exc.ArgumentError, ValueError):
        raise SetupError(f"the ledger's URL cannot be read; write it as {_FORMS}") from None
    backend = parsed.drivername.partition("+")[0]
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise SetupError(f"a ledger in {backend} is not supported; write its URL as {_FORMS}")
    if parsed.database is None or not Path(parsed.database).is_absolute():
        raise SetupError(
            f"the ledger's SQLite file {parsed.database or '(none)'} has to be an absolute path, because every process "
            "has a working directory of its own: sqlite:////path/to/ledger.db, with four slashes"
        )
    return parsed.set(drivername="sqlite+pysqlite")


def _create_file(path: Path, where: str) -> None:
    """Readable for its owner only: messages of errors can hold personal data.

    Under a lock, because closing the new file would take away the locks that another thread's SQLite has on it.
    """
    try:
        with _CREATING:
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except PermissionError as error:
        raise SetupError(
            f"{where} cannot be created ({error.strerror}): the user that runs Airflow's tasks has to be allowed to "
            f"write to {error.filename}"
        ) from error
    except OSError as error:
        raise OutageError(f"{where} cannot be created ({error.strerror}): look at the disk of {path.parent}") from error


def _prepare_sqlite(connection: Any, _: object) -> None:
    _write_ahead(connection)
    connection.create_function("lower", 1, _lower, deterministic=True)
    for pragma in (
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "cache_size=-16384",
        "wal_autocheckpoint=4000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _lower(value: Any) -> Any:
    """SQLite's own leaves every letter as it is that is not of the English alphabet: Ä, É, Я."""
    return value.lower() if isinstance(value, str) else value


def _sync_sqlite(connection: Any, _: object) -> None:
    connection.execute("PRAGMA synchronous=FULL")


def _write_ahead(connection: Any) -> None:
    """SQLite does not wait for others when it changes the mode of a file; so the first of several processes does it."""
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except connection.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != 5 or time.monotonic() >= until:
                raise
        time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    """The driver's own transaction control is off (isolation_level None): it begins too late, and never IMMEDIATE."""
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
