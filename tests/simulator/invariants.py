"""What must hold in every world, at every moment or once it is quiet. What does not is a sentence in ``broken``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airflow_integrations.ledger.status import INCOMING, OUTCOMES
from airflow_integrations.ledger.storage import tables
from simulator.borders.process import Process

if TYPE_CHECKING:
    from airflow_integrations.engine.settle.balance import Balance
    from simulator.world import World

__all__ = ["Invariants"]


class Invariants:
    """Of the whole world; those of its flows are in :mod:`simulator.flows.promises`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.broken: list[str] = []

    def fails(self, name: str, told: str) -> None:
        self.broken.append(f"{name}: {told}")
        self._world.tell(f"WRONG {name}: {told}")

    # at every moment

    def books(self, run_id: str, balance: Balance) -> None:
        if not balance.balanced:
            self.fails("books balance", f"{run_id}: {balance.lines()[0]}")

    def ended(self, process: Process) -> None:
        if left := process.left_behind():
            self.fails("memory bounded", f"{process.name} left behind {left}")

    # once it is quiet

    def quiet(self) -> None:
        for name, told in self.wrong():
            self.fails(name, told)

    def wrong(self) -> Iterator[tuple[str, str]]:
        """What is not as it has to be once time alone brings nothing about any more."""
        world, ledger = self._world, self._world.ledger
        for claim in ledger.rows(tables.claim):
            yield "no lease for ever", f"run {claim.run} still has a claim"
        for event in ledger.rows(tables.event):
            if event.done is None:
                yield "nothing lost", f"event {event.event_id} waits for ever"
        for run in ledger.rows(tables.run):
            yield from _books(run)
        for flow in world.flows.values():
            yield from flow.promises.wrong()


def _books(run: Any) -> Iterator[tuple[str, str]]:
    counted = {name: count for name, count in json.loads(run.counts).items() if "." not in name}
    came, went = (sum(counted.get(name, 0) for name in names) for names in (INCOMING, OUTCOMES))
    if run.finished is not None and came != went:
        yield "books balance", f"the ledger's books of {run.run_id}: {counted}"
