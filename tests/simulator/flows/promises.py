"""What must hold of the entities of one flow, at every moment or once its world is quiet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airflow_integrations.ledger.status import CLOSED
from simulator.flows.target import Effect
from simulator.people import EDITED, payload_of_key

if TYPE_CHECKING:
    from simulator.flows.flow import Flow

__all__ = ["Promises"]


class Promises:
    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._revs: dict[str, int] = {}

    # at every moment

    def effect(self, effect: Effect) -> None:
        """The states of a key take effect in their order, and none twice where the target must not get it twice."""
        flow, key, fails = self._flow, effect.key, self._flow.world.invariants.fails
        shape = flow.shape
        if effect.value is None:
            if key in flow.source.records and self._decided(key) - flow.source.gone.get(key, 0.0) > 7200:
                fails("nothing lost", f"{key} is deleted at the target, and the source has it")
            return
        if "rev" in effect.value and key not in flow.edited:
            before, rev = self._revs.get(key, 0), effect.value["rev"]
            if rev < before and shape.versioned and not flow.unheard(key):
                fails("order per key", f"{key} was {before} at the target, and then {rev}")
            self._revs[key] = max(before, rev)
        if effect.part is not None and flow.target.parts[key] != (effect.part, effect.value):
            fails("order of steps", f"{effect.part} is not the part of what {key} is now")
        if "customer" in effect.value and effect.value["customer"] not in flow.world.flows["customers"].target.has:
            fails("who is waited for", f"{key} is sent, and its customer {effect.value['customer']} is not there")
        same = self._same(effect)
        if "rev" in effect.value and len(same) > 1 and key not in flow.retried | flow.edited:
            if not shape.repeatable:
                fails("nothing twice", f"{key} was created {len(same)} times with the same content")
            elif shape.out in ("post", "steps") and not flow.unheard(key):
                fails("nothing twice", f"{key} took effect twice under two idempotency keys")

    def _same(self, effect: Effect) -> list[Effect]:
        """This effect and those before it with the same content. What another edit of the route made of the state in
        between is a change, and so is the way back: a run keeps the definition that it began with."""
        same = list[Effect]()
        for each in reversed(self._flow.target.effects):
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
        since = (row.since for row in self._flow.rows() if row.key == key)
        return next(since, None) or self._flow.world.now()

    # once it is quiet

    def wrong(self) -> Iterator[tuple[str, str]]:
        """What is not as it has to be once time alone brings nothing about any more."""
        flow = self._flow
        rows = {row.key: row for row in flow.rows()}
        for key, states in flow.source.states.items():
            if key not in rows and flow.shape.lines != "split":
                yield from self._entity(key, None, flow.source.records.get(key))
                continue
            if flow.shape.lines == "split" and (whole := rows.get(key)) is not None and whole.status not in CLOSED:
                yield from self._waits_for_a_person(key, whole)
                continue
            now = flow.source.records.get(key)
            there = set() if now is None else set(flow.keys_of(now))
            for part in dict.fromkeys(part for state in states for part in flow.keys_of(state)):
                yield from self._entity(part, rows.get(part), now if part in there else None)

    def _entity(self, key: str, row: Any, state: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
        flow = self._flow
        has = flow.target.has.get(key)
        if row is None:
            if state is not None:
                yield "nothing lost", f"nobody knows {key}"
            return
        if row.status == "pending" or row.lease_until is not None:
            yield "no lease for ever", f"{key} is {row.status}, with a lease until {row.lease_until}"
        if key in flow.skipped:
            return
        if row.status not in CLOSED:
            yield from self._waits_for_a_person(key, row)
        elif state is None:
            if flow.shape.missing and has is not None:
                yield "last state", f"{key} is gone from the source and not from the target ({row.status})"
        elif state["state"] != "draft":  # of a draft the target keeps what it had
            wanted = {state["value"]} | ({EDITED} if key in flow.edited else set())
            if has is not None and flow.shape.in_steps and flow.target.parts[key][1] != has:
                yield "last state", f"{key} is of another part than the last one"
            if has is None or has["value"] not in wanted:
                told = f"{key} is {state['value']} at the source and {has and has['value']} at the target"
                yield "last state", f"{told} ({row.status})"
            elif "lines" in has and key not in flow.edited and len(has["lines"]) != flow.source.lines_of(state):
                told = f"{key} has {flow.source.lines_of(state)} lines at the source and {has['lines']} at the target"
                yield "last state", f"{told} ({row.status})"

    def _waits_for_a_person(self, key: str, row: Any) -> Iterator[tuple[str, str]]:
        """What is open once nothing is due any more: who is to look at it was told why."""
        if row.status == "retrying" or (row.status == "in_doubt" and row.next_attempt is not None):
            yield "nothing lost", f"{key} is retried for ever: {row.message}"
        elif not row.message and not (row.status == "waiting" and row.deadline is not None):
            yield "every loss told", f"{key} is {row.status}, and nobody was told why"
        if not row.deleted and payload_of_key(self._flow, key) is None:
            yield "nothing lost", f"{key} is {row.status}, and what was to be sent is gone"
