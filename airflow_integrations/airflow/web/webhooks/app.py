"""The webhooks' application with Airflow's Connections, the ledger that is configured, and the doorbell."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from airflow_integrations.airflow.config.bundles import BundledRoutes
from airflow_integrations.airflow.triggers.doorbell import Doorbell
from airflow_integrations.airflow.triggers.ring import ring
from airflow_integrations.airflow.web.webhooks.ledger import OpenedOnce, configured
from airflow_integrations.airflow.web.webhooks.secrets import read_secret
from airflow_integrations.ledger.inbox.consumers import consumed
from airflow_integrations.ledger.runs.waits import woken_routes
from airflow_integrations.webhooks.app import HookApp
from airflow_integrations.webhooks.endpoints import EndpointTable
from airflow_integrations.webhooks.intake import Intake
from airflow_integrations.webhooks.secrets import CachedSecrets

__all__ = ["Hooks"]


class Hooks:
    """One for each API server: what webhooks and the API's entities share. Opens nothing before it is asked."""

    def __init__(self) -> None:
        self.ledger = OpenedOnce(configured)
        self.book = EndpointTable(BundledRoutes().folders)
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
                    ring,
                    served=lambda now: consumed(ledger, now),
                    fetched=ledger.fetches.behind,
                    woken=lambda now: woken_routes(ledger, now),
                )
        self._doorbell.ring(routes)
