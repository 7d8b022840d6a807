"""Who waits for another route is woken by the delivery, and not by chance: looked at before any maintenance looks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from airflow_integrations.ledger.records import NOT_FOUND
from airflow_integrations.ledger.storage import tables
from simulator.flows.shape import NAME
from simulator.people import payload_of_key

if TYPE_CHECKING:
    from simulator.world import World

__all__ = ["asleep"]


def asleep(world: World) -> Iterator[str]:
    """Orders that wait although their customer is there. Nobody is at work in this moment; where a process died or the
    ledger was away, only the maintenance makes it good, and nothing is said."""
    if "customers" not in world.flows or world.airflow.busy() or world.consumers or world.somebody_died():
        return
    if any(deed.what in ("ledger is away", "process is stopped", "clock is wrong") for deed in world.plan.deeds):
        return
    flow, now = world.flows[NAME], world.now()
    there = {row.key for row in world.flows["customers"].rows() if row.delivered_hash is not None}
    waits = {wait.key: wait.for_key for wait in world.ledger.rows(tables.wait)}
    for row in flow.rows():
        if row.status != "retrying" or row.error_class != NOT_FOUND:
            continue
        payload = payload_of_key(flow, row.key)
        customer = payload.get("customer") if isinstance(payload, dict) else waits.get(row.key)
        if customer in there and (row.next_attempt > now or row.key in waits):
            yield f"{row.key} waits for {customer}, which is delivered, until {row.next_attempt - now:.0f} s from now"
