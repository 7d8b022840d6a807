"""The options of ``incoming: {sql: …}``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from airflow_integrations.config.file_reference import FileReference
from airflow_integrations.config.model import Model
from airflow_integrations.config.types import ConnectionId, Duration, check_timezone
from airflow_integrations.route.incremental import ColumnRanges
from airflow_integrations.sql.statement import SqlText
from airflow_integrations.sql.tables import ColumnName, TableName

__all__ = ["Children", "SqlCursor", "SqlIncomingConfig"]

FieldName = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$", max_length=128)]


class SqlCursor(Model):
    """A column that grows with every change: each run asks for what is not older than the last value it saw."""

    column: FieldName
    """The column, such as ``updated_at`` or a sequence.

    Example: ``column: updated_at``
    """
    tie: FieldName | tuple[FieldName, ...] | None = None
    """Columns that tell rows with the same value apart. Left out: the table's primary key.

    Example: ``tie: id``
    """
    initial: str | int | datetime | None = None
    """Where the very first run begins. Left out: with the first row.

    Example: ``initial: 2026-01-01T00:00:00Z``
    """
    lag: Duration | Annotated[int, Field(strict=True, ge=0)] | None = None
    """Ask again for rows that are this much older than the newest one seen, because transactions commit in another
    order than their times: a duration for a time, a number for a number. What comes twice is not sent twice.

    Example: ``lag: 5m``
    """

    @property
    def field(self) -> str:
        """What the column is called in a record."""
        return self.column


class Children(Model):
    """Rows of another table that belong to a row: a list in its entity.

    Example:
        table: sales.order_lines
        on: {order_id: id}
    """

    table: TableName
    """The table that holds them.

    Example: ``table: sales.order_lines``
    """
    on: Annotated[dict[FieldName, FieldName], Field(min_length=1, max_length=4)]
    """Columns of this table, each with the parent's column that it equals.

    Example: ``on: {order_id: id}``
    """
    columns: Annotated[tuple[ColumnName, ...], Field(min_length=1)] | None = None
    """Only these columns. Left out: all.

    Example: ``columns: [sku, quantity]``
    """
    where: SqlText | None = None
    """Only rows for which this holds, in SQL.

    Example: ``where: quantity > 0``
    """
    order: FieldName | tuple[FieldName, ...] | None = None
    """Columns that give their order. Left out: the primary key.

    Example: ``order: line_no``
    """
    json_columns: tuple[ColumnName, ...] = ()
    """Columns of text that hold JSON.

    Example: ``json_columns: [options]``
    """


class SqlIncomingConfig(Model):
    """Entities from a table, a view or a query: one for each row.

    Example:
        connection: warehouse
        table: sales.orders
        where: status = 'paid'
        cursor: {column: updated_at, tie: id, lag: 5m}
        children: {lines: {table: sales.order_lines, on: {order_id: id}}}
    """

    connection: ConnectionId
    """The Airflow Connection of the database.

    Example: ``connection: warehouse``
    """
    table: TableName | None = None
    """The table or view.

    Example: ``table: sales.orders``
    """
    query: SqlText | None = None
    """A query instead of a table. It may bind ``:window_start``, ``:window_end``, ``:params.name`` and ``:var.name``.

    Example: ``query: select id, total from sales.orders where changed >= :window_start and changed < :window_end``
    """
    file: FileReference | None = None
    """A file with the query.

    Example: ``file: queries/orders.sql``
    """
    columns: Annotated[tuple[ColumnName, ...], Field(min_length=1)] | None = None
    """Only these columns of the table. Left out: all.

    Example: ``columns: [id, number, total, updated_at]``
    """
    where: SqlText | None = None
    """Only rows of the table for which this holds, in SQL, with the same parameters as ``query``.

    Example: ``where: status = 'paid' and updated_at >= :window_start``
    """
    cursor: SqlCursor | None = None
    """Only what changed since the last run.

    Example: ``cursor: {column: updated_at, tie: id, lag: 5m}``
    """
    key: FieldName | tuple[FieldName, ...] | None = None
    """Columns that tell every two rows apart: a fetch that breaks off goes on behind the last of them. Left out: the
    table's primary key; without either it starts over.

    Example:
        table: sales.orders
        key: id
    """
    children: dict[FieldName, Children] = Field(default_factory=dict)
    """Rows of other tables, as lists under these names. They are asked for a page of rows at a time.

    Example: ``children: {lines: {table: sales.order_lines, on: {order_id: id}}}``
    """
    partitions: ColumnRanges | None = None
    """Ranges of a column that are fetched one by one, each in a snapshot of its own, by ``tasks.fetch_spread`` tasks at
    the same time.

    Example:
        table: sales.orders
        partitions: {column: id, from: 0, to: 1000000, every: 250000}
    Since: 0.2
    """
    time_zone: Annotated[str, AfterValidator(check_timezone)] | None = None
    """The zone of times that are stored without one. They become UTC. Left out: they stay as they are, without a zone.

    Example: ``time_zone: Europe/Madrid``
    """
    json_columns: tuple[ColumnName, ...] = ()
    """Columns of text that hold JSON. Those of PostgreSQL's and MySQL's own types are decoded anyway.

    Example: ``json_columns: [payload]``
    """

    @property
    def cursor_reading(self) -> Literal["ordered"]:
        """Every statement orders by the cursor's column: see :class:`Incoming`."""
        return "ordered"

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        given = [name for name in ("table", "query", "file") if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) if given else "none of them"
            raise ValueError(f"write exactly one of table, query and file; found {found}")
        if self.table is None:
            for name in ("columns", "where"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name} goes with table; put it into the {given[0]}")
        if self.cursor is not None and self.key is not None:
            raise ValueError("key goes without cursor; write cursor.tie instead")
        return self
