"""Jobs are done in the API server: one thread, which ends when there is nothing to do.

It is started by whoever asks for a job or looks at one that stands still, and when the API server begins: so a job that
a restart interrupted goes on. Several API servers share the work; the ledger's lease keeps them apart.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from airflow_integrations.errors import IntegrationError, OutageError
from airflow_integrations.ledger.actions import bulk_jobs

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["JobRunner"]

log = logging.getLogger("airflow_integrations")
PAUSE = 0.02
"""Seconds between two pieces: runs that wait for the route get their turn."""


class JobRunner:
    """Thread-safe."""

    def __init__(self, database: Callable[[], Database], now: Callable[[], float]) -> None:
        self._database = database
        self._now = now
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._again = False

    def wake(self) -> None:
        """There may be something to do."""
        with self._lock:
            self._again = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="integrations-jobs", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._again:
                    self._thread = None
                    return
                self._again = False
            try:
                self._all()
            except IntegrationError as error:  # the ledger is away: whoever looks at the job wakes this again
                log.warning("jobs wait: %s", error)
            except Exception:
                log.exception("jobs wait for somebody to look at them")

    def _send(self, job: bulk_jobs.Job | None) -> None:
        """Who asked for it was allowed to."""
        if job is not None and job.how.get("send") and job.done:
            from airflow_integrations.airflow.web.actions.send_due import send_due

            try:
                send_due(job.route, f"retry__job_{job.id}", by=job.by.removeprefix("console:"))
            except IntegrationError as error:
                log.warning("job %d is done, and no run of %s could be started: %s", job.id, job.route, error)

    def _all(self) -> None:
        database, now = self._database(), self._now
        while (number := bulk_jobs.take(database, now())) is not None:
            try:
                while bulk_jobs.step(database, number, now()):
                    time.sleep(PAUSE)
                self._send(bulk_jobs.find(database, number, now()))
            except OutageError:
                raise
            except Exception as error:
                log.exception("job %d has failed", number)
                bulk_jobs.give_up(database, number, f"{type(error).__name__}: {error}", now())
