"""People who look at what is open and do something about it, and who say the truth about the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from airflow_integrations.engine.fetch.staged_payloads import payload_of
from airflow_integrations.errors import RunError
from airflow_integrations.ledger.actions.entity_actions import confirm, retry, skip
from airflow_integrations.ledger.actions.payload_edits import edit
from airflow_integrations.ledger.actions.selection import Selection
from airflow_integrations.ledger.queries.payload_locations import places
from airflow_integrations.ledger.storage import tables
from airflow_integrations.staging.folder import Staging
from simulator.deed import Deed
from simulator.shape import NAME
from simulator.tasks import quiet

if TYPE_CHECKING:
    from simulator.world import World

__all__ = ["EDITED", "act", "payload_of_key"]

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
    if deed.what == "person clears":
        over = [run for run in world.airflow.runs.values() if run.over]
        if over:
            run = over[deed.number % len(over)]
            world.tell(f"a person clears fetch of {run.run_id}")
            world.cleared = True
            world.airflow.clear(run)
        return
    fitting = [row for row in world.ledger.rows(tables.entity) if row.status in _FITS[deed.what]]
    if not fitting:
        return
    row = sorted(fitting, key=lambda row: row.key)[deed.number % len(fitting)]
    chosen = Selection(NAME, keys=frozenset({row.key}))
    ledger, now = world.ledger, world.now()
    try:
        match deed.what:
            case "person retries":
                retry(ledger, chosen, "ann", now)
                world.retried.add(row.key)
            case "person skips":
                skip(ledger, chosen, "not needed", "ann", now)
                world.skipped.add(row.key)
            case "person edits":
                _edit(world, row)
                retry(ledger, chosen, "ann", now)
                world.retried.add(row.key)
                world.edited.add(row.key)
            case _:
                _confirm(world, row, chosen)
    except RunError as error:
        world.tell(f"{deed.what} {row.key} ({row.status}) and may not: {quiet(error)}")
    else:
        world.tell(f"{deed.what} {row.key}, which was {row.status}")


def payload_of_key(world: World, key: str) -> Any:
    """What is to be sent of an open entity, as it is staged; None: nothing is."""
    place = places(world.ledger, NAME, [key]).get(key)
    if place is None or place.ref is None:
        return None
    found = payload_of(Staging(world.base, "", ""), key, place.ref)
    return None if found is None else msgspec.json.decode(found)


def _edit(world: World, row: Any) -> None:
    payload = payload_of_key(world, row.key)
    if isinstance(payload, dict):
        edit(
            world.ledger, NAME, row.key, msgspec.json.encode({**payload, "value": EDITED}).decode(), "ann", world.now()
        )


def _confirm(world: World, row: Any, chosen: Selection) -> None:
    """What the target says: it has this content, or it has not."""
    payload = None if row.deleted else payload_of_key(world, row.key)
    there = world.target.has.get(row.key) == payload
    if not there and row.status == "waiting":
        raise RunError("the target has not decided yet")
    if there:
        confirm(world.ledger, chosen, "delivered", "ann", world.now())
        world.target.undecided.discard(row.key)
    else:
        confirm(world.ledger, chosen, "failed", "ann", world.now(), reason="it is not there")
