"""People who look at what is open and do something about it, and who say the truth about the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from airflow_integrations.engine.fetch.staged_payloads import payload_of
from airflow_integrations.errors import RunError
from airflow_integrations.ledger.actions.entity_actions import confirm, retry, skip
from airflow_integrations.ledger.actions.payload_edits import edit
from airflow_integrations.ledger.actions.selection import Selection
from airflow_integrations.ledger.contract import accept_drift
from airflow_integrations.ledger.queries.payload_locations import places
from airflow_integrations.ledger.storage import tables
from airflow_integrations.staging.folder import Staging
from simulator.deed import Deed
from simulator.tasks import quiet

if TYPE_CHECKING:
    from simulator.borders.airflow import DagRun
    from simulator.flows.flow import Flow
    from simulator.world import World

__all__ = ["EDITED", "accept_contracts", "act", "clear_unheard", "payload_of_key"]

EDITED = 77
"""What a person writes into a payload."""
_FITS = {
    "person retries": ("failed", "rejected", "in_doubt", "retrying", "skipped"),
    "person edits": ("failed", "rejected", "retrying"),
    "person skips": ("failed", "rejected", "in_doubt", "retrying"),
    "person confirms": ("in_doubt", "waiting"),
}


def act(world: World, deed: Deed) -> None:
    """One act on one of the entities that it is possible for."""
    if deed.what.startswith("person clears"):
        _clear(world, deed)
        return
    found = [(row.key, flow, row) for flow in world.flows.values() for row in flow.rows()]
    fitting = [one for one in found if one[2].status in _FITS[deed.what]]
    if not fitting:
        return
    _, flow, row = sorted(fitting, key=lambda one: one[0])[deed.number % len(fitting)]
    chosen = Selection(flow.name, keys=frozenset({row.key}))
    ledger, now = world.ledger, world.now()
    try:
        match deed.what:
            case "person retries":
                retry(ledger, chosen, "ann", now)
                flow.retried.add(row.key)
            case "person skips":
                skip(ledger, chosen, "not needed", "ann", now)
                flow.skipped.add(row.key)
            case "person edits":
                _edit(flow, row)
                retry(ledger, chosen, "ann", now)
                flow.retried.add(row.key)
                flow.edited.add(row.key)
            case _:
                _confirm(flow, row, chosen)
    except RunError as error:
        world.tell(f"{deed.what} {row.key} ({row.status}) and may not: {quiet(error)}")
    else:
        world.tell(f"{deed.what} {row.key}, which was {row.status}")


def _clear(world: World, deed: Deed) -> None:
    over = [run for run in world.airflow.runs.values() if run.over]
    kind = {"person clears push": "push", "person clears partitions": "fetch_"}.get(deed.what)
    if kind is not None:
        over = [run for run in over if any(_ran(run, name) for name in run.tasks if name.startswith(kind))]
    if not over:
        return
    run = over[deed.number % len(over)]
    if kind is not None:
        fitting = [name for name in run.tasks if name.startswith(kind) and _ran(run, name)]
        task = fitting[deed.number % len(fitting)]
        world.tell(f"a person clears {task} of {run.run_id}")
        world.airflow.clear(run, task)
        return
    world.tell(f"a person clears fetch of {run.run_id}")
    world.cleared = True
    world.airflow.clear(run)


def _ran(run: DagRun, task: str) -> bool:
    """Airflow skips again what another task has skipped. A push that was skipped so ends as it did."""
    return task.startswith("push") or run.states.get(task) != "skipped"


def accept_contracts(world: World) -> int:
    """What a person does who finds a run red because fields of its source have changed. How many there were."""
    accepted = 0
    for flow in world.flows.values():
        if flow.shape.contract and any(row.name == flow.name for row in world.ledger.rows(tables.route)):
            for drift in accept_drift(world.ledger, flow.name, (), "ann", world.now()):
                world.tell(f"a person accepts that {drift}")
                accepted += 1
    return accepted


def clear_unheard(world: World) -> int:
    """What a person does who finds a run red of which the ledger has never heard: it was away in all tries of all its
    tasks. Before a route has completed a run no later one makes up for it. How many there were."""
    names = {row.id: row.name for row in world.ledger.rows(tables.route)}
    heard = {(names[row.route_id], row.run_id) for row in world.ledger.rows(tables.run)}
    red = [
        run
        for run in world.airflow.runs.values()
        if run.over
        and run.dag == run.flow.name
        and (run.dag, run.run_id) not in heard
        and "failed" in run.states.values()
    ]
    for run in red:
        world.tell(f"a person clears {run.run_id} of {run.flow.name}, of which the ledger has not heard")
        world.airflow.clear(run)
    return len(red)


def payload_of_key(flow: Flow, key: str) -> Any:
    """What is to be sent of an open entity, as it is staged; None: nothing is."""
    place = places(flow.world.ledger, flow.name, [key]).get(key)
    if place is None or place.ref is None:
        return None
    found = payload_of(Staging(flow.world.base, "", ""), key, place.ref)
    return None if found is None else msgspec.json.decode(found)


def _edit(flow: Flow, row: Any) -> None:
    world, payload = flow.world, payload_of_key(flow, row.key)
    if isinstance(payload, dict):
        changed = msgspec.json.encode({**payload, "value": EDITED}).decode()
        edit(world.ledger, flow.name, row.key, changed, "ann", world.now())


def _confirm(flow: Flow, row: Any, chosen: Selection) -> None:
    """What the target says: it has this content, or it has not."""
    world = flow.world
    payload = None if row.deleted else payload_of_key(flow, row.key)
    there = flow.target.has.get(row.key) == payload
    if not there and row.status == "waiting":
        raise RunError("the target has not decided yet")
    if there:
        confirm(world.ledger, chosen, "delivered", "ann", world.now())
        flow.target.undecided.discard(row.key)
    else:
        confirm(world.ledger, chosen, "failed", "ann", world.now(), reason="it is not there")
