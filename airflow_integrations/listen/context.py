"""Surroundings of a listener: what it may ask of the place where it runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from airflow_integrations.listen.message_reader import event_name

if TYPE_CHECKING:
    from airflow_integrations.ledger.inbox.inbox import Inbox
    from airflow_integrations.queues.broker import Broker, Brokers

__all__ = ["InboxSurroundings", "ListenContext"]


class ListenContext(Protocol):
    """Its methods may block: call them in a thread."""

    @property
    def params(self) -> Mapping[str, Any]:
        """The route's params with their defaults, for kinds that evaluate expressions themselves."""
        ...

    def broker(self, connection: str) -> Broker:
        """Raises SetupError where the Connection is missing."""
        ...

    def known(self, ids: Collection[str]) -> set[str]:
        """Those that are ids of messages in the inbox: for kinds whose source keeps what was read. Raises
        OutageError."""
        ...


class InboxSurroundings:
    """Those of a listener whose messages go into the inbox of a route."""

    def __init__(self, brokers: Brokers, inbox: Inbox, route: str, params: Mapping[str, Any]) -> None:
        self._brokers = brokers
        self._inbox = inbox
        self._route = route
        self.params = params

    def broker(self, connection: str) -> Broker:
        return self._brokers.broker(connection)

    def known(self, ids: Collection[str]) -> set[str]:
        names = {event_name(one): one for one in ids}
        return {names[name] for name in self._inbox.known(self._route, names)}
