"""The ledger: what became of every entity of every route, and who has which of them in flight."""

from __future__ import annotations

from functools import cached_property

from airflow_integrations.ledger.inbox.inbox import Inbox
from airflow_integrations.ledger.runs.published_fetches import Fetches
from airflow_integrations.ledger.storage.database import Database

__all__ = ["Ledger"]


class Ledger(Database):
    """A database, with the inbox and the fetches that are in it. Times are seconds since the epoch.

    What one asks of it and writes into it are functions that take it first: those of ``runs`` are what runs do, of
    ``queries`` what people ask, of ``actions`` what people do, of ``maintenance`` what time does. Each is one
    transaction, and raises :class:`OutageError` where the database is away or full; trying again is safe: what a lost
    connection left unknown is done once however often it is asked for, except :func:`conclude` without ``applied``,
    which counts a delivery again, and :func:`note_outage`.
    """

    @cached_property
    def inbox(self) -> Inbox:
        """What came from outside and waits for a run."""
        return Inbox(self)

    @property
    def fetches(self) -> Fetches:
        """What routes have fetched, for other routes that read it."""
        return Fetches(self)
