"""The base of API and pages: the ledger of this API server, and the clock."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from airflow_integrations.airflow.config.connections import AirflowConnections
from airflow_integrations.airflow.config.ledger import open_ledger
from airflow_integrations.airflow.web.actions.job_runner import JobRunner

if TYPE_CHECKING:
    from airflow_integrations.ledger.ledger import Ledger
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["Console"]


class Console:
    """One for each API server. Thread-safe."""

    def __init__(self, *, ledger: Callable[[], Ledger] | None = None, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self._open = ledger or _configured
        self._ledger: Ledger | None = None
        self._opening = threading.Lock()
        self.definitions: dict[tuple[str, str], str] = {}
        """By route and hash, what was read of the ledger: a definition never changes."""
        self.jobs = JobRunner(lambda: self.database, now)

    @property
    def ledger(self) -> Ledger:
        """Opened when it is first asked for. Raises SetupError and OutageError; the next request tries again."""
        with self._opening:
            if self._ledger is None:
                self._ledger = self._open()
            return self._ledger

    @property
    def database(self) -> Database:
        return self.ledger


def _configured() -> Ledger:
    AirflowConnections.for_command_line()  # the API server reads Connections from the metadata database, too
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return open_ledger()
