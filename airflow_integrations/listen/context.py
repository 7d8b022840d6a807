"""Surroundings of a listener: what it may ask of the place where it runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from airflow_integrations.listen.message_reader import event_name

if TYPE_CHECKING:
    from airflow_integrations.ledger.inbox.inbox import Inbox
    from airflow_integrations.queues.broker import Broker, Brokers
    from airflow_integrations.sql.database import Database

__all__ = ["InboxSurroundings", "ListenContext", "SourceSurroundings"]


class ListenContext(Protocol):
    """Its methods may block: call them in a thread."""

    @property
    def params(self) -> Mapping[str, Any]:
        """The route's params with their defaults, for kinds that evaluate expressions themselves."""
        ...

    def broker(self, connection: str) -> Broker:
        """Raises SetupError where the Connection is missing."""
        ...

    def database(self, connection: str) -> Database:
        """Raises SetupError where the Connection is missing or is not that of a database."""
        ...

    def known(self, ids: Collection[str]) -> set[str]:
        """Those that are ids of messages in the inbox: for kinds whose source keeps what was read. Raises
        OutageError."""
        ...


class SourceSurroundings:
    """Those that lead to the source. ``params`` are the route's, with their defaults."""

    def __init__(self, brokers: Brokers, params: Mapping[str, Any]) -> None:
        self._brokers = brokers
        self.params = params

    def broker(self, connection: str) -> Broker:
        return self._brokers.broker(connection)

    def database(self, connection: str) -> Database:
        from airflow_integrations.errors import SetupError
        from airflow_integrations.sql.database import Databases

        if not isinstance(self._brokers, Databases):
            raise SetupError(f"Connection {connection!r}: databases are not known here")
        return self._brokers.database(connection)


class InboxSurroundings(SourceSurroundings):
    """Those of a listener whose messages go into the inbox of a route."""

    def __init__(self, brokers: Brokers, inbox: Inbox, route: str, params: Mapping[str, Any]) -> None:
        super().__init__(brokers, params)
        self._inbox = inbox
        self._route = route

    def known(self, ids: Collection[str]) -> set[str]:
        names = {event_name(one): one for one in ids}
        return {names[name] for name in self._inbox.known(self._route, names)}
