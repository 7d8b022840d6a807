"""What became of entities in a live run before they could be sent, written to the ledger."""

from __future__ import annotations

import asyncio

from airflow_integrations.engine.settle.rejections import conclude_rejected
from airflow_integrations.ledger.records import Outcome, RunRef
from airflow_integrations.run import Services

__all__ = ["Decided"]


class Decided:
    """Outcomes in the order in which they came."""

    def __init__(self, ref: RunRef, services: Services) -> None:
        self._ref = ref
        self._services = services
        self._outcomes: list[Outcome] = []

    def add(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)

    async def write(self, more: list[Outcome]) -> None:
        """Write what was added, and ``more`` behind it. Before the manifest says that their events are staged: whoever
        closes the run's books, should it die, has no other word of them. Raises OutageError where the ledger is away.
        """
        outcomes, self._outcomes = [*self._outcomes, *more], []
        if outcomes:
            ledger, now = self._services.ledger, self._services.now()
            await asyncio.to_thread(conclude_rejected, ledger, self._ref, outcomes, now=now)
