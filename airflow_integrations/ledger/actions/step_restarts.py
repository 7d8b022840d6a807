"""What an action of a person means for the steps of entities that go in several requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from airflow_integrations.ledger.actions.selection import Chosen
from airflow_integrations.ledger.progress import Progress
from airflow_integrations.ledger.runs.progress import change_progress, drop_progress, progress_of
from airflow_integrations.ledger.status import Status
from airflow_integrations.plurals import counted

__all__ = ["after_action", "confirmed_there"]


def confirmed_there(connection: Connection, route_id: int, chosen: Chosen, step: str) -> Chosen:
    """Those of which the target has confirmed this step; why the others are left."""
    known = progress_of(connection, route_id, chosen.keys)
    confirmed = {key: Progress.read(steps).steps for key, steps in known.items()}
    keys = tuple(key for key in chosen.keys if step in confirmed.get(key, ()))
    if len(keys) == len(chosen.keys):
        return chosen
    others = list(dict.fromkeys(name for names in confirmed.values() for name in names))
    told = f"; confirmed are {', '.join(others[:10])}" if others else ""
    why = f"the target has not confirmed the step {step} of {counted(len(chosen.keys) - len(keys), 'entity')}{told}"
    return replace(chosen, keys=keys, left=(*chosen.left, why))


def after_action(
    connection: Connection, route_id: int, keys: Sequence[str], after: Status, from_step: str | None
) -> None:
    """A person has looked at entities, which are ``after`` now. Delivered ones need no steps any more. Of others the
    step that was in doubt is not confirmed, and may be sent again."""
    if after == "delivered":
        drop_progress(connection, route_id, keys)
        return
    if after not in ("retrying", "failed"):
        return

    def change(steps: str) -> str:
        progress = Progress.read(steps)
        if from_step is not None:
            return progress.restarted_from(from_step).dump()
        if after == "failed":  # the target does not have it
            progress.unanswered = False
        progress.released = progress.unanswered
        return progress.dump()

    change_progress(connection, route_id, keys, change)
