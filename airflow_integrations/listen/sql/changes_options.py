"""The options of ``listen: {postgres_changes: …}``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from airflow_integrations.config.types import ConnectionId
from airflow_integrations.listen.options import ListenOptions, Pause
from airflow_integrations.sql.tables import TableName, split_name

__all__ = ["ChangesOptions"]


class ChangesOptions(ListenOptions):
    """Every insert, update and delete that PostgreSQL's tables get, in the order of the commits.

    Example:
        connection: shop_db
        publication: erp
        slot: erp_orders
        tables: [sales.orders]
    """

    connection: ConnectionId
    """The Airflow Connection of the database. Its user has the attribute REPLICATION.

    Example: ``connection: shop_db``

    Since: 0.3
    """
    publication: Annotated[str, Field(pattern=r"^[^\x00-\x1f\"]{1,63}$")]
    """The publication, which says which tables' changes are told.

    Example: ``publication: erp``

    Since: 0.3
    """
    slot: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,63}$")]
    """The logical replication slot, of the plugin pgoutput and of this route alone. PostgreSQL keeps in it what was not
    taken yet.

    Example: ``slot: erp_orders``

    Since: 0.3
    """
    tables: Annotated[tuple[TableName, ...], Field(min_length=1, max_length=500)] | None = None
    """Only changes of these tables of the publication. Left out: of all of them.

    Example: ``tables: [sales.orders, sales.order_lines]``

    Since: 0.3
    """
    every: Pause = Field(default="1s", validate_default=True)
    """How often the listener looks for new changes.

    Example: ``every: 5s``

    Since: 0.3
    """
    max_size: Annotated[int, Field(strict=True, ge=100, le=16 * 1024 * 1024)] = 1024 * 1024
    """The largest change, in bytes. A larger one cannot be used, and is not read.

    Example: ``max_size: 65536``

    Since: 0.3
    """
    prefetch: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 500
    """The most changes under way. They are written to the inbox together.

    Example: ``prefetch: 100``

    Since: 0.3
    """

    @property
    def chosen(self) -> frozenset[tuple[str, str]] | None:
        """Schema and name of the tables; None: all of them."""
        if self.tables is None:
            return None
        return frozenset((schema or "public", name) for schema, name in map(split_name, self.tables))
