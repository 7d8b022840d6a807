"""Names of tables, and what a database says about one."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field

from airflow_integrations.errors import SetupError

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Column", "ColumnName", "Table", "TableName", "declared", "quoted", "split_name", "table_of", "written_name"]

_OURS = "airflow_integrations_written"
"""The table of markers, :data:`airflow_integrations.sql.markers.TABLE`: nobody means it."""
_NAME = re.compile(
    r'(?:"[^"\x00-\x1f]{1,128}"|[^\W\d][\w$#]{0,127})(?:\.(?:"[^"\x00-\x1f]{1,128}"|[^\W\d][\w$#]{0,127})){0,2}'
)
_PLAIN = re.compile(r"[^\W\d][\w$#]{0,127}")

_CHECKED_JSON = re.compile(r"json_valid\(`(.+)`\)", re.I)


def _table_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(
            f'{text[:80]!r} is not the name of a table; write orders or sales.orders, and "odd name" in double quotes'
        )
    return text


TableName = Annotated[str, AfterValidator(_table_name), Field(min_length=1, max_length=400)]
"""``orders``, ``sales.orders``, ``sales."Order Lines"``."""
ColumnName = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f\"`\[\]:%()]+$", min_length=1, max_length=128)]
"""A column as the database calls it."""


def split_name(name: str) -> tuple[str | None, str]:
    """The schema, where one is given, and the table."""
    parts = [part.strip('"') for part in re.findall(r'"[^"]*"|[^."]+', name)]
    return (".".join(parts[:-1]) or None), parts[-1]


def written_name(table: str, schema: str | None) -> str:
    """The name as a route writes it, with double quotes where it needs them; :func:`split_name` takes it apart."""
    parts = [schema, table] if schema else [table]
    return ".".join(part if _PLAIN.fullmatch(part) else f'"{part}"' for part in parts)


def quoted(connection: Connection, name: str) -> str:
    """The table's name as the database's SQL writes it."""
    preparer = connection.dialect.identifier_preparer
    schema, table = split_name(name)
    text = preparer.quote(table)
    return f"{preparer.quote_schema(schema)}.{text}" if schema else text


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: Any
    """SQLAlchemy's."""
    nullable: bool
    filled: bool
    """Whether the database has a value where none is given: a default, an identity, a computed column."""
    computed: bool


@dataclass(frozen=True, slots=True)
class Table:
    """What the database says about a table or view."""

    name: str
    columns: dict[str, Column]
    primary_key: tuple[str, ...]
    unique: tuple[frozenset[str], ...]
    """Sets of columns of which no two rows have the same values; the primary key is the first."""

    def is_unique(self, columns: tuple[str, ...]) -> bool:
        """Whether these columns tell every two rows apart."""
        return any(known <= set(columns) for known in self.unique)


def table_of(connection: Connection, name: str) -> Table:
    """Raises SetupError where there is no such table or view."""
    from sqlalchemy import inspect, types
    from sqlalchemy.exc import NoSuchTableError, SAWarning

    inspector = inspect(connection)
    schema, table = split_name(name)
    with warnings.catch_warnings():  # a type that SQLAlchemy does not know is for the database to judge
        warnings.filterwarnings("ignore", "Did not recognize type", SAWarning)
        try:
            columns = inspector.get_columns(table, schema)
        except NoSuchTableError:
            columns = []
    if not columns:
        raise SetupError(f"{_where(connection)}there is no table {name}{_near(inspector, schema, table)}")
    known, json = {}, _columns_of_json(connection, table, schema)
    for each in columns:
        computed = bool(each.get("computed"))
        autoincrement = each.get("autoincrement") is True
        filled = each.get("default") is not None or bool(each.get("identity")) or computed or autoincrement
        kind = types.JSON() if each["name"] in json else each["type"]
        known[each["name"]] = Column(each["name"], kind, bool(each.get("nullable", True)), filled, computed)
    primary = tuple(inspector.get_pk_constraint(table, schema).get("constrained_columns") or ())
    unique = [frozenset(primary)] if primary else []
    # of an index only those that hold for every row, and whose columns hold no NULL: two NULLs are no duplicate
    found = [constraint["column_names"] for constraint in inspector.get_unique_constraints(table, schema)]
    for index in inspector.get_indexes(table, schema):
        partial = any(
            value is not None for name, value in index.get("dialect_options", {}).items() if name.endswith("_where")
        )
        if index.get("unique") and not partial and None not in index["column_names"]:
            found.append([str(column) for column in index["column_names"]])
    unique += [frozenset(map(str, names)) for names in found]
    return Table(name, known, primary, tuple(dict.fromkeys(unique)))


def _columns_of_json(connection: Connection, table: str, schema: str | None) -> frozenset[str]:
    """MariaDB's JSON is text with a check."""
    from sqlalchemy import text

    if not getattr(connection.dialect, "is_mariadb", False):
        return frozenset()
    query = text(
        "SELECT check_clause FROM information_schema.check_constraints "
        "WHERE constraint_schema = coalesce(:schema, database()) AND table_name = :table"
    )
    clauses = connection.execute(query, {"schema": schema, "table": table}).scalars()
    return frozenset(found[1] for clause in clauses if (found := _CHECKED_JSON.fullmatch(clause)))


def declared(dialect: str, table: Table | None, kind: str) -> frozenset[str]:
    """The columns that are declared with a type that results do not tell: SQLite's BOOLEAN and JSON, MariaDB's JSON."""
    if dialect not in ("sqlite", "mysql", "mariadb") or table is None:
        return frozenset()
    return frozenset(name for name, column in table.columns.items() if type(column.type).__name__ == kind)


def _where(connection: Connection) -> str:
    """The Airflow Connection, where a session has opened this one."""
    name = connection.info.get("airflow_connection")
    return f"Connection {name!r}: " if name else ""


def _near(inspector: Any, schema: str | None, table: str) -> str:
    from airflow_integrations.config.suggestions import continued

    try:
        names = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
        names = [each for each in names if each != _OURS]
    except Exception:
        return ""
    where = f" in {schema}" if schema else ""
    return f"{where}{continued(table, names)}" if names else f"{where}; there are no tables{where}"
