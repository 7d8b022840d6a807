"""Make functions of a connection into functions of a ledger: each call of them is one transaction."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["reading", "writing"]

P = ParamSpec("P")
T = TypeVar("T")


def reading(work: Callable[Concatenate[Connection, P], T]) -> Callable[Concatenate[Database, P], T]:
    """Decorate a function that only reads. Raises OutageError where the database is away."""

    @wraps(work)
    def transaction(database: Database, /, *args: P.args, **named: P.kwargs) -> T:
        with database.read() as connection:
            return work(connection, *args, **named)

    return transaction


def writing(work: Callable[Concatenate[Connection, P], T]) -> Callable[Concatenate[Database, P], T]:
    """Decorate a function that writes. It is run again where the connection was lost before the commit, so it does
    nothing but use the connection. Raises OutageError where the database is away or full."""

    @wraps(work)
    def transaction(database: Database, /, *args: P.args, **named: P.kwargs) -> T:
        return database.transact(lambda connection: work(connection, *args, **named))

    return transaction
