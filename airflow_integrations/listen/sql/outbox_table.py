"""The statements of an outbox: what waits, in order and locked where that can be; and the mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_integrations.config.suggestions import continued
from airflow_integrations.errors import SetupError
from airflow_integrations.listen.sql.outbox_options import MarkStatus, MarkTime, OutboxOptions
from airflow_integrations.sql.binds import Binds
from airflow_integrations.sql.database import Database
from airflow_integrations.sql.tables import Column, Table, quoted, split_name, table_of

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select
    from sqlalchemy.sql import TextClause

__all__ = ["SIZE", "OutboxTable"]

SIZE = "airflow_integrations_size"
"""The column of a result that holds the bytes of a row's texts."""
SHORT = 4000
"""A text column for no more characters needs no look at how long its values are."""


class OutboxTable:
    """Built on the session's thread, with what the database says of the table. Raises SetupError where it does not fit
    the options."""

    def __init__(
        self, options: OutboxOptions, database: Database, connection: Connection, params: Mapping[str, Any]
    ) -> None:
        self._options, self._database = options, database
        self._params = {f"params.{name}": value for name, value in params.items()}
        self.table = table = table_of(connection, options.table)
        self.id = self._id_of(table)
        self._order = options.order or self.id
        for name in (self.id, self._order, options.payload, options.mark):
            if name is not None and name not in table.columns:
                raise SetupError(f"table {table.name} has no column {name}{continued(name, table.columns)}")
        if options.order is None and not _is_number(table.columns[self.id]):
            raise SetupError(
                f"nothing says in which order the rows of {table.name} are taken: {self.id} is not a number; write "
                f"order, such as order: created_at"
            )
        if options.taken == "delete":
            self._ids_are_not_used_again(connection)
        self._quoted = quoted(connection, table.name)
        self._quote = connection.dialect.identifier_preparer.quote
        self._skips = self._skips_locked(connection)
        self._measures = database.dialect in ("postgresql", "sqlite") or database.is_mysql

    def _id_of(self, table: Table) -> str:
        name = self._options.id
        if name is None:
            if len(table.primary_key) != 1:
                raise SetupError(
                    f"table {table.name} has no primary key of one column; write id: the column that is one"
                )
            return table.primary_key[0]
        if name in table.columns and not table.is_unique((name,)):
            raise SetupError(
                f"table {table.name}: nothing says that {name} tells every two rows apart; make a unique index on it: "
                f"CREATE UNIQUE INDEX ON {table.name} ({name})"
            )
        return name

    def _ids_are_not_used_again(self, connection: Connection) -> None:
        """SQLite gives the number of the last row again where that was deleted: the inbox would take it for known."""
        if self._database.dialect != "sqlite" or not _is_number(self.table.columns[self.id]):
            return
        made = connection.exec_driver_sql(
            "SELECT sql FROM sqlite_master WHERE lower(name) = lower(?)", (split_name(self.table.name)[1],)
        ).scalar()
        if "AUTOINCREMENT" not in str(made).upper():
            raise SetupError(
                f"SQLite gives ids of deleted rows of {self.table.name} to new ones, which would then count as known; "
                "declare the id INTEGER PRIMARY KEY AUTOINCREMENT, or mark rows instead of deleting them"
            )

    def _skips_locked(self, connection: Connection) -> bool:
        """Whether rows can be locked so that nobody waits for them."""
        if self._database.dialect == "postgresql":
            return True
        version = connection.dialect.server_version_info or ()
        needed = (10, 6) if getattr(connection.dialect, "is_mariadb", False) else (8,)
        return self._database.is_mysql and tuple(version) >= needed

    def prepare(self, connection: Connection) -> None:
        """Settings of the session: no locks on gaps, into which applications insert; and a bound for a transaction
        whose process is stuck."""
        if self._database.dialect == "postgresql":
            connection.exec_driver_sql("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED")
            connection.exec_driver_sql("SET idle_in_transaction_session_timeout = '5min'")
            if self._options.notify is not None:
                connection.exec_driver_sql(f'LISTEN "{self._options.notify}"')
        elif self._database.is_mysql:
            connection.exec_driver_sql("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            if getattr(connection.dialect, "is_mariadb", False):
                connection.exec_driver_sql("SET SESSION idle_transaction_timeout = 300")
        elif self._database.dialect == "sqlite":
            # a text that is not UTF-8 is one row's matter, and the driver would refuse all of them
            raw: Any = connection.connection.dbapi_connection
            raw.text_factory = lambda content: content.decode("utf-8", "surrogateescape")
        connection.commit()

    def waiting(self) -> Select[Any]:
        """The rows that nobody has taken, all columns in their order, and SIZE. Too large texts are NULL."""
        from sqlalchemy import case, literal, select, text

        columns = {name: _column(name) for name in self.table.columns}
        sizes = {
            name: self._size(columns[name], column)
            for name, column in self.table.columns.items()
            if self._measures and _may_be_long(column)
        }
        shown: list[ColumnElement[Any]] = []
        for name, column in columns.items():
            size = sizes.get(name)
            shown.append(column if size is None else case((size <= self._options.max_size, column)).label(name))
        total: ColumnElement[Any] = literal(0)
        for size in sizes.values():
            total = total + size
        query = select(*shown, total.label(SIZE)).select_from(text(self._quoted)).where(*self._conditions())
        query = query.order_by(*dict.fromkeys([columns[self._order], columns[self.id]])).limit(self._options.prefetch)
        return query.with_for_update(skip_locked=True) if self._skips else query

    def counted(self, most: int) -> Select[Any]:
        """How many wait; it counts no further than ``most``."""
        from sqlalchemy import func, literal, select, text

        some = select(literal(1).label("one")).select_from(text(self._quoted)).where(*self._conditions()).limit(most)
        return select(func.count()).select_from(some.subquery())

    def marked(self, ids: Sequence[Any]) -> TextClause:
        """The statement that marks rows as taken."""
        binds, taken = Binds(), self._options.taken
        if taken == "delete":
            change = f"DELETE FROM {self._quoted}"
        elif isinstance(taken, MarkTime):
            change = f"UPDATE {self._quoted} SET {self._quote(taken.time)} = CURRENT_TIMESTAMP"
        else:
            change = f"UPDATE {self._quoted} SET {self._quote(taken.column)} = :{binds.add(taken.taken)}"
        return binds.text(f"{change} WHERE {self._quote(self.id)} IN :{binds.add(list(ids))}")

    def _conditions(self) -> list[ColumnElement[Any] | TextClause]:
        taken, binds = self._options.taken, Binds(self._params)
        found: list[ColumnElement[Any] | TextClause] = []
        if isinstance(taken, MarkTime):
            found.append(_column(taken.time).is_(None))
        elif isinstance(taken, MarkStatus):
            found.append(_column(taken.column) == _bound(taken.waiting))
        if self._options.where is not None:
            sql = binds.of(self._options.where)
            found.append(binds.text(f"({sql}\n)"))
        return found

    def _size(self, column: ColumnElement[Any], of: Column) -> ColumnElement[Any]:
        from sqlalchemy import Text, cast, func, types

        if self._database.dialect == "postgresql":
            text = isinstance(of.type, types.String | types.LargeBinary)
            return func.coalesce(func.octet_length(column if text else cast(column, Text)), 0)
        if self._database.dialect == "sqlite":
            return func.coalesce(func.length(cast(column, types.BLOB)), 0)
        return func.coalesce(func.octet_length(column), 0)


def _column(name: str) -> ColumnElement[Any]:
    """Without a type: values come as the driver gives them."""
    from sqlalchemy import column

    return column(name)


def _bound(value: Any) -> ColumnElement[Any]:
    from sqlalchemy import bindparam
    from sqlalchemy.types import NullType

    return bindparam(None, value, type_=NullType(), unique=True)


def _is_number(column: Column) -> bool:
    from sqlalchemy import types

    return isinstance(column.type, types.Integer | types.Numeric)


def _may_be_long(column: Column) -> bool:
    from sqlalchemy import types

    kind = column.type
    if isinstance(kind, types.Enum):
        return False
    if isinstance(kind, types.JSON | types.LargeBinary):
        return True
    length = getattr(kind, "length", None)
    return isinstance(kind, types.String) and (length is None or length > SHORT)
