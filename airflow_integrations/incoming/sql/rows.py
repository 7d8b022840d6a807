"""The SELECT of a fetch: rows in a total order where there is one, from a place on, in one snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_integrations.errors import SetupError
from airflow_integrations.sql.binds import Binds
from airflow_integrations.sql.tables import Table, quoted

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.sql import TextClause

__all__ = ["Rows", "require", "table_source"]


@dataclass(slots=True)
class Rows:
    """What is selected. ``order`` are the columns rows are ordered by; ``total``: no two rows are equal in them."""

    source: str
    """Rendered: the table's name, or the query in brackets."""
    columns: str
    where: list[str]
    binds: Binds
    order: tuple[str, ...]
    total: bool
    nullable: frozenset[str] = field(default_factory=frozenset)

    def select(
        self, connection: Connection, after: Sequence[Any] | None = None, limit: int | None = None
    ) -> TextClause:
        """The statement, from behind a place on."""
        quote = connection.dialect.identifier_preparer.quote
        where, binds = list(self.where), self.binds.copy()
        if after is not None:
            where.append(self._behind(binds, [quote(name) for name in self.order], after))
        sql = f"SELECT {self.columns} FROM {self.source}"
        if where:
            sql += " WHERE " + " AND ".join(f"({part}\n)" for part in where)
        if self.order:
            sql += " ORDER BY " + ", ".join(quote(name) for name in self.order)
        if limit is not None:
            sql += f" LIMIT {int(limit)}"
        return binds.text(sql)

    def _behind(self, binds: Binds, names: list[str], values: Sequence[Any]) -> str:
        """``a > :a OR (a = :a AND b > :b)``, which every database knows; the first part again in front, for its index.

        Where rows may be equal in them, equal ones are taken again.
        """
        bound = [":" + binds.add(value) for value in values]
        last = ">" if self.total else ">="
        parts = []
        for place, (name, value) in enumerate(zip(names, bound, strict=True)):
            equal = [f"{names[i]} = {bound[i]}" for i in range(place)]
            sign = last if place == len(names) - 1 else ">"
            parts.append(" AND ".join([*equal, f"{name} {sign} {value}"]))
        if len(names) == 1:
            return parts[0]
        return f"{names[0]} >= {bound[0]} AND (" + " OR ".join(f"({part})" for part in parts) + ")"


def table_source(connection: Connection, table: Table, columns: Sequence[str] | None) -> tuple[str, str]:
    """The rendered name of a table, and its columns. Raises SetupError for a column that it does not have."""
    quote = connection.dialect.identifier_preparer.quote
    for name in columns or ():
        require(table, name)
    chosen = ", ".join(quote(name) for name in columns) if columns else "*"
    return quoted(connection, table.name), chosen


def require(table: Table, name: str) -> None:
    from airflow_integrations.config.suggestions import continued

    if name not in table.columns:
        raise SetupError(f"table {table.name} has no column {name}{continued(name, table.columns)}")
