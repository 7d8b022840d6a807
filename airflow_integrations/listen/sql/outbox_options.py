"""The options of ``listen: {sql_outbox: …}``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import ConnectionId
from airflow_integrations.listen.options import ListenOptions, Pause
from airflow_integrations.sql.statement import SqlText
from airflow_integrations.sql.tables import ColumnName, TableName

__all__ = ["MarkStatus", "MarkTime", "OutboxOptions"]


class MarkTime(Model):
    """A column that holds when the row was taken; NULL until then.

    Example:
        time: processed_at
    """

    time: ColumnName
    """The column. It gets the database's time, in UTC.

    Example: ``time: processed_at``

    Since: 0.3
    """


class MarkStatus(Model):
    """A column that says whether the row was taken.

    Example:
        column: status
        waiting: new
        taken: sent
    """

    column: ColumnName
    """The column.

    Example: ``column: status``

    Since: 0.3
    """
    waiting: Annotated[str, Field(max_length=200)] | Annotated[int, Field(strict=True)]
    """Its value in rows that are to be taken.

    Example: ``waiting: new``

    Since: 0.3
    """
    taken: Annotated[str, Field(max_length=200)] | Annotated[int, Field(strict=True)]
    """Its value in rows that were taken.

    Example: ``taken: sent``

    Since: 0.3
    """

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.waiting == self.taken:
            raise ValueError("waiting and taken are the same: every row would be taken again and again")
        return self


class OutboxOptions(ListenOptions):
    """Rows of a table that an application fills in its own transactions: each is taken once, and marked.

    Example:
        connection: shop_db
        table: outbox
        payload: payload
        taken: delete
        notify: outbox
    """

    connection: ConnectionId
    """The Airflow Connection of the database. Its user reads the table and updates it, or deletes from it.

    Example: ``connection: shop_db``

    Since: 0.3
    """
    table: TableName
    """The table.

    Example: ``table: shop.outbox``

    Since: 0.3
    """
    id: ColumnName | None = None
    """The column that tells every two rows apart: the inbox knows by it what came before. Left out: the primary key.

    Example: ``id: event_id``

    Since: 0.3
    """
    order: ColumnName | None = None
    """The column by which rows are taken. Left out: ``id``, where that is a number.

    Example: ``order: created_at``

    Since: 0.3
    """
    payload: ColumnName | None = None
    """The column with the body, JSON or what ``format`` says; the other columns are ``headers``. Left out: the row
    itself is the body, an object with a field for each column.

    Example: ``payload: payload``

    Since: 0.3
    """
    where: SqlText | None = None
    """Only rows for which this holds, in SQL. It may bind ``:params.name``.

    Example: ``where: topic = 'orders'``

    Since: 0.3
    """
    taken: Literal["delete"] | MarkTime | MarkStatus
    """What marks a row that is safe in the inbox: ``delete`` removes it, ``{time: processed_at}`` notes when it was
    taken, ``{column: status, waiting: new, taken: sent}`` changes a value.

    Example: ``taken: {time: processed_at}``

    Since: 0.3
    """
    every: Pause = Field(default="2s", validate_default=True)
    """How often the listener looks for new rows.

    Example: ``every: 10s``

    Since: 0.3
    """
    notify: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")] | None = None
    """PostgreSQL: the channel of NOTIFY that wakes the listener at once.

    Example: ``notify: outbox``

    Since: 0.3
    """
    max_size: Annotated[int, Field(strict=True, ge=1, le=16 * 1024 * 1024)] = 1024 * 1024
    """The largest row, in bytes of its texts and JSON. A larger one cannot be used, and is not read.

    Example: ``max_size: 65536``

    Since: 0.3
    """
    prefetch: Annotated[int, Field(strict=True, ge=1, le=2000)] = 200
    """The most rows under way. They are written to the inbox together, and marked together.

    Example: ``prefetch: 50``

    Since: 0.3
    """

    @field_validator("where")
    @classmethod
    def _binds_params(cls, where: SqlText | None) -> SqlText | None:
        for name in sorted(where.names) if where is not None else ():
            if not name.startswith("params."):
                raise ValueError(f":{name} is not known; a listener's SQL binds :params.name")
        return where

    @property
    def mark(self) -> str | None:
        """The column that is written when a row was taken; None where it is deleted."""
        taken = self.taken
        return taken.time if isinstance(taken, MarkTime) else taken.column if isinstance(taken, MarkStatus) else None
