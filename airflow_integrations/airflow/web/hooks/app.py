"""The webhooks' application with Airflow's Connections, the ledger that is configured, and the doorbell."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from airflow_integrations.airflow import settings
from airflow_integrations.airflow.doorbell import Doorbell
from airflow_integrations.airflow.triggering import trigger
from airflow_integrations.airflow.web.hooks.ledger import OpenedOnce, configured
from airflow_integrations.airflow.web.hooks.secrets import read_secret
from airflow_integrations.hooks.addresses import Book
from airflow_integrations.hooks.app import HookApp
from airflow_integrations.hooks.intake import Intake
from airflow_integrations.hooks.secrets import CachedSecrets
from airflow_integrations.ledger.consumers import consumed

__all__ = ["Hooks"]


class Hooks:
    """One for each API server: what webhooks and the API's entities share. Opens nothing before it is asked."""

    def __init__(self) -> None:
        self.ledger = OpenedOnce(configured)
        self.book = Book(settings.routes_folder())
        self.intake = Intake(self.ledger, self.ring)
        self.app = HookApp(self.book, CachedSecrets(read_secret), self.intake)
        self._doorbell: Doorbell | None = None
        self._hanging = threading.Lock()

    def ring(self, routes: Iterable[str]) -> None:
        """As :meth:`Doorbell.ring`. Raises what opening the ledger raises, which is open where an event was written."""
        with self._hanging:
            if self._doorbell is None:
                ledger = self.ledger()
                self._doorbell = Doorbell(
                    ledger.inbox,
                    lambda: self.book.current().routes,
                    trigger,
                    served=lambda now: consumed(ledger.database, now),
                )
        self._doorbell.ring(routes)
