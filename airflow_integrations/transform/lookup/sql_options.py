"""What a route says under ``lookup: {sql: …}``."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import ConnectionId, check_timezone
from airflow_integrations.sql.statement import SqlText
from airflow_integrations.sql.tables import ColumnName, TableName

__all__ = ["SqlLookup"]


class SqlLookup(Model):
    """Rows of a table, a view or a query: one query for the entities of a batch.

    Example:
        connection: erp
        table: sales.customers
        columns: [id, credit_limit]
    """

    connection: ConnectionId
    """The Airflow Connection of the database. The lookup only reads.

    Example:
        connection: erp
        table: customers

    Since: 0.3
    """
    table: TableName | None = None
    """The table or view.

    Example: ``table: sales.customers``

    Since: 0.3
    """
    query: SqlText | None = None
    """A query instead of a table. It may bind ``:params.name``. The values of ``where`` are bound as they are: cast
    columns of another type in the query.

    Example: ``query: select number, id, name from customers c join regions r on r.id = c.region_id``

    Since: 0.3
    """
    columns: Annotated[tuple[ColumnName, ...], Field(min_length=1)] | None = None
    """Only these columns of the table. Left out: all.

    Example:
        table: sales.customers
        columns: [id, credit_limit]

    Since: 0.3
    """
    where: SqlText | None = None
    """Only rows for which this holds as well, in SQL. It may bind ``:params.name``.

    Example:
        table: sales.customers
        where: active

    Since: 0.3
    """
    batch: Annotated[int, Field(strict=True, ge=1, le=1000)] = 500
    """The most entities that one query asks for.

    Example:
        table: sales.customers
        batch: 100

    Since: 0.3
    """
    time_zone: Annotated[str, AfterValidator(check_timezone)] | None = None
    """The zone of times that are stored without one. They become UTC.

    Example:
        table: sales.prices
        time_zone: Europe/Madrid

    Since: 0.3
    """
    json_columns: tuple[ColumnName, ...] = ()
    """Columns of text that hold JSON.

    Example:
        table: sales.customers
        json_columns: [settings]

    Since: 0.3
    """

    @field_validator("query", "where")
    @classmethod
    def _binds_params(cls, sql: SqlText | None) -> SqlText | None:
        for name in sorted(sql.names) if sql is not None else ():
            if not name.startswith("params."):
                raise ValueError(f":{name} is not known; a lookup's SQL binds :params.name")
        return sql

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("write either table or query, and exactly one of them")
        if self.table is None and self.columns is not None:
            raise ValueError("columns goes with table; put it into the query")
        return self
