"""What must hold in every world, at every moment or once it is quiet. What does not is a sentence in ``broken``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airflow_integrations.ledger.status import CLOSED, INCOMING, OUTCOMES
from airflow_integrations.ledger.storage import tables
from simulator.borders.process import Process
from simulator.people import EDITED, payload_of_key
from simulator.target import Effect

if TYPE_CHECKING:
    from airflow_integrations.engine.settle.balance import Balance
    from simulator.world import World

__all__ = ["Invariants"]


class Invariants:
    def __init__(self, world: World) -> None:
        self._world = world
        self.broken: list[str] = []
        self._revs: dict[str, int] = {}

    def fails(self, name: str, told: str) -> None:
        self.broken.append(f"{name}: {told}")
        self._world.tell(f"WRONG {name}: {told}")

    # at every moment

    def effect(self, effect: Effect) -> None:
        """The states of a key take effect in their order, and none twice where the target must not get it twice."""
        world, key = self._world, effect.key
        if effect.value is None:
            if key in world.source.records and self._decided(key) - world.source.gone.get(key, 0.0) > 7200:
                self.fails("nothing lost", f"{key} is deleted at the target, and the source has it")
            return
        if "rev" in effect.value and key not in world.edited:
            before, rev = self._revs.get(key, 0), effect.value["rev"]
            if rev < before and world.shape.versioned and not world.unheard(key):
                self.fails("order per key", f"{key} was {before} at the target, and then {rev}")
            self._revs[key] = max(before, rev)
        if effect.part is not None and world.target.parts[key] != (effect.part, effect.value):
            self.fails("order of steps", f"{effect.part} is not the part of what {key} is now")
        same = self._same(effect)
        if "rev" in effect.value and len(same) > 1 and key not in world.retried | world.edited:
            if not world.shape.repeatable:
                self.fails("nothing twice", f"{key} was created {len(same)} times with the same content")
            elif world.shape.out in ("post", "steps") and not world.unheard(key):
                self.fails("nothing twice", f"{key} took effect twice under two idempotency keys")

    def _same(self, effect: Effect) -> list[Effect]:
        """This effect and those before it with the same content. What another edit of the route made of the state in
        between is a change, and so is the way back: a run keeps the definition that it began with."""
        same = list[Effect]()
        for each in reversed(self._world.target.effects):
            if (each.key, each.step) == (effect.key, effect.step):
                if each.content == effect.content:
                    same.append(each)
                elif each.value is not None and all(
                    each.value.get(name) == effect.value.get(name) for name in ("rev", "value")
                ):
                    break
        return same

    def _decided(self, key: str) -> float:
        """When it was decided at the latest what takes effect now: what is tried again was so before it failed."""
        since = (row.since for row in self._world.ledger.rows(tables.entity) if row.key == key)
        return next(since, None) or self._world.now()

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
        rows = {row.key: row for row in ledger.rows(tables.entity)}
        for key in world.source.states:
            yield from self._entity(key, rows.get(key))

    def _entity(self, key: str, row: Any) -> Iterator[tuple[str, str]]:
        world = self._world
        state, has = world.source.records.get(key), world.target.has.get(key)
        if row is None:
            if state is not None:
                yield "nothing lost", f"nobody knows {key}"
            return
        if row.status == "pending" or row.lease_until is not None:
            yield "no lease for ever", f"{key} is {row.status}, with a lease until {row.lease_until}"
        if key in world.skipped:
            return
        if row.status not in CLOSED:
            yield from _open(key, row)
            if not row.deleted and payload_of_key(world, key) is None:
                yield "nothing lost", f"{key} is {row.status}, and what was to be sent is gone"
        elif state is None:
            if world.shape.missing and has is not None:
                yield "last state", f"{key} is gone from the source and not from the target ({row.status})"
        elif state["state"] != "draft":  # of a draft the target keeps what it had
            wanted = {state["value"]} | ({EDITED} if key in world.edited else set())
            if has is not None and world.shape.in_steps and world.target.parts[key][1] != has:
                yield "last state", f"{key} is of another part than the last one"
            if has is None or has["value"] not in wanted:
                told = f"{key} is {state['value']} at the source and {has and has['value']} at the target"
                yield "last state", f"{told} ({row.status})"


def _books(run: Any) -> Iterator[tuple[str, str]]:
    counted = {name: count for name, count in json.loads(run.counts).items() if "." not in name}
    came, went = (sum(counted.get(name, 0) for name in names) for names in (INCOMING, OUTCOMES))
    if run.finished is not None and came != went:
        yield "books balance", f"the ledger's books of {run.run_id}: {counted}"


def _open(key: str, row: Any) -> Iterator[tuple[str, str]]:
    """What is open once nothing is due any more waits for a person, who was told why."""
    if row.status == "retrying" or (row.status == "in_doubt" and row.next_attempt is not None):
        yield "nothing lost", f"{key} is retried for ever: {row.message}"
    elif not row.message and not (row.status == "waiting" and row.deadline is not None):
        yield "every loss told", f"{key} is {row.status}, and nobody was told why"
