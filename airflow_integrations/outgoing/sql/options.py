"""The options of ``outgoing: {sql: …}``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import ConnectionId, Duration, check_timezone
from airflow_integrations.expressions import Expression, Sees
from airflow_integrations.sql.tables import ColumnName, TableName

__all__ = ["Call", "ChildTable", "Mode", "SqlOptions", "TableWrite"]

Mode = Literal["upsert", "insert", "update", "delete", "append"]


class ChildTable(Model):
    """Rows of another table that belong to an entity. All of them are replaced when the entity is written.

    Example:
        table: sales.order_lines
        on: {order_id: id}
        rows: order.lines
    """

    table: TableName
    """The table that holds them.

    Example: ``table: sales.order_lines``
    """
    on: Annotated[dict[ColumnName, ColumnName], Field(min_length=1, max_length=4)]
    """Columns of this table, each with the column of the entity's row whose value it gets.

    Example: ``on: {order_id: id}``
    """
    rows: Annotated[Expression, Sees("entity")] | None = None
    """The list of objects, one for each row. Left out: the entity's field of this name.

    Example: ``rows: order.lines``
    """
    columns: dict[ColumnName, Annotated[Expression, Sees("part")]] | None = None
    """Columns with their values; ``item`` is the object. Left out: the object's fields.

    Example: ``columns: {sku: item.sku, quantity: item.qty}``
    """


class RowOptions(Model):
    """How an entity becomes one row of a table, and the rows of other tables that belong to it."""

    key: ColumnName | tuple[ColumnName, ...] | None = None
    """The columns that identify a row; a unique index has to be on them. ``append`` and ``insert`` need none.

    Example: ``key: id``
    """
    mode: Mode = "upsert"
    """``upsert``: insert, or update the row with this key. ``insert``: a row that is there already is an error.
    ``update``: a row that is not there is an error. ``delete``: remove the row. ``append``: always a new row.

    Example: ``mode: insert``
    """
    columns: dict[ColumnName, Annotated[Expression, Sees("entity")]] | None = None
    """Columns with their values. Left out: the entity's fields, but for those that are children.

    Example: ``columns: {id: order.id, total: order.total}``
    """
    children: dict[Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$", max_length=128)], ChildTable] = Field(
        default_factory=dict
    )
    """Rows of other tables that belong to the entity's row, by the field of the entity that lists them. They are
    replaced in the transaction of their row.

    Example: ``children: {lines: {table: sales.order_lines, on: {order_id: id}}}``
    """

    @property
    def keys(self) -> tuple[str, ...]:
        return () if self.key is None else (self.key,) if isinstance(self.key, str) else self.key

    def check_keys(self) -> None:
        """Raises ValueError where mode, key and children do not go together."""
        if self.mode in ("upsert", "update", "delete") and not self.keys:
            raise ValueError(f"mode {self.mode} needs key: the columns that identify a row")
        if self.mode == "append" and self.keys:
            raise ValueError("append always makes a new row and has no key; take key out, or write mode: insert")
        if self.children and self.mode == "append":
            raise ValueError("children belong to a row that a key identifies; write key and mode: insert")
        if self.columns is not None:
            for name in (*self.keys, *(parent for child in self.children.values() for parent in child.on.values())):
                if name not in self.columns:
                    raise ValueError(f"columns has no {name}, which identifies the row; add it")


class TableWrite(RowOptions):
    """One row in a table for each entity.

    Example:
        table: sales.customers
        key: id
        columns: {id: order.customer.id, name: order.customer.name}
    """

    table: TableName
    """The table.

    Example: ``table: sales.customers``
    """
    when: Annotated[Expression, Sees("entity")] | None = None
    """Only for entities for which this is true.

    Example: ``when: order.customer``
    """

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self.check_keys()
        return self


class Call(Model):
    """A procedure that is called for each entity.

    Example:
        procedure: sales.import_order
        args: [order.id, order.total]
    """

    procedure: TableName
    """Its name.

    Example: ``procedure: sales.import_order``
    """
    args: Annotated[tuple[Annotated[Expression, Sees("entity")], ...], Field(max_length=100)] = ()
    """Its arguments in their order. Objects and lists are handed over as JSON text.

    Example: ``args: [order.id, order.total, order.lines]``
    """


class SqlOptions(RowOptions):
    """Entities become rows of a database. A batch (``delivery.batch``) is one transaction.

    Example:
        connection: erp
        table: sales.orders
        key: id
        children: {lines: {table: sales.order_lines, on: {order_id: id}}}
    """

    connection: ConnectionId
    """The Airflow Connection of the database.

    Example: ``connection: erp``
    """
    table: TableName | None = None
    """The table.

    Example: ``table: sales.orders``
    """
    delete_when: Annotated[Expression, Sees("entity")] | None = None
    """True for an entity whose row is to be deleted, such as one that the source has marked as deleted.

    Example: ``delete_when: order.deleted_at``
    """
    also: tuple[TableWrite, ...] = ()
    """Further rows of the same entity, in the same transaction: those that others refer to stand in ``before``.

    Example: ``also: [{table: sales.audit, mode: append, columns: {order_id: order.id}}]``
    """
    before: tuple[TableWrite, ...] = ()
    """The same, written before the entity's own row.

    Example: ``before: [{table: sales.customers, key: id, columns: {id: order.customer.id}}]``
    """
    call: Call | None = None
    """A procedure instead of a table.

    Example: ``call: {procedure: sales.import_order, args: [order.id, order.total]}``
    """
    exactly_once: bool = True
    """Write a marker for each entity in the same transaction, so that what an attempt wrote before it was killed is not
    written again. The table of markers is made where it is missing and we may.

    Example: ``exactly_once: false``
    """
    keep_markers: Duration = Field(default="90d", validate_default=True)
    """How long a marker stays. What is still unanswered after that may be written twice.

    Example: ``keep_markers: 365d``
    """
    time_zone: Annotated[str, AfterValidator(check_timezone)] | None = None
    """Whose clocks columns show that store times without a zone.

    Example: ``time_zone: Europe/Madrid``
    """

    @property
    def main(self) -> TableWrite | None:
        """The entity's own row."""
        if self.table is None:
            return None
        return TableWrite.model_construct(
            table=self.table, key=self.key, mode=self.mode, columns=self.columns, when=None, children=self.children
        )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.table is None) == (self.call is None):
            raise ValueError("write either table or call, and exactly one of them")
        if self.call is not None:
            given = self.model_fields_set & {"key", "mode", "columns", "children", "delete_when"}
            if given:
                raise ValueError(f"{', '.join(sorted(given))} goes with table, not with call")
            return self
        main = self.main
        assert main is not None
        main.check_keys()
        if self.delete_when is not None and not self.key:
            raise ValueError("delete_when needs key: the columns that identify a row")
        return self
