"""One ledger for all that listens in a process: its database would otherwise have connections for each route."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_integrations.ledger.ledger import Ledger

__all__ = ["SharedLedger", "shared_ledger"]


class SharedLedger:
    """The configured ledger, synced to disk, open as long as anybody has it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ledger: Ledger | None = None
        self._users = 0

    def acquire(self) -> Ledger:
        """Raises SetupError, OutageError; then nothing is to be released."""
        from airflow_integrations.airflow.config.ledger import open_ledger

        with self._lock:
            if self._ledger is None:
                self._ledger = open_ledger(synced=True)
            self._users += 1
            return self._ledger

    def release(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users and self._ledger is not None:
                self._ledger.close()
                self._ledger = None


shared_ledger = SharedLedger()
"""That of this process."""
