"""The ledger of an API server's inbox: opened when the first event comes, synced to the disk."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from airflow_integrations.airflow.config.connections import AirflowConnections
from airflow_integrations.airflow.config.ledger import open_ledger

if TYPE_CHECKING:
    from airflow_integrations.ledger.ledger import Ledger

__all__ = ["OpenedOnce", "configured"]


class OpenedOnce:
    """Callable, from any thread: the ledger, opened when it is first asked for. Raises SetupError and OutageError; who
    comes next tries again."""

    def __init__(self, open_: Callable[[], Ledger]) -> None:
        self._open = open_
        self._ledger: Ledger | None = None
        self._opening = threading.Lock()

    def __call__(self) -> Ledger:
        if self._ledger is None:
            with self._opening:
                if self._ledger is None:
                    self._ledger = self._open()
        return self._ledger


def configured() -> Ledger:
    """What the API server answers is on disk, also where that is SQLite's."""
    AirflowConnections.for_command_line()  # the API server reads Connections from the metadata database, too
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return open_ledger(synced=True)
