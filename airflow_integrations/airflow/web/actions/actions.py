"""Users' actions: retry, skip, confirm, edit, release. Each needs their right and is written to Airflow's audit log."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from airflow_integrations.airflow.config import settings
from airflow_integrations.airflow.triggers.trigger_dag import trigger
from airflow_integrations.airflow.web.actions.audit import audit
from airflow_integrations.airflow.web.actions.send_due import send_due
from airflow_integrations.airflow.web.views.airflow_dags import is_paused, run_states
from airflow_integrations.airflow.web.views.definitions import mask_of
from airflow_integrations.engine.fetch.entity_contents import content_of
from airflow_integrations.errors import IntegrationError, RunError
from airflow_integrations.ledger.actions import bulk_jobs, entity_actions, payload_edits
from airflow_integrations.ledger.actions.selection import Acted, Selection
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.ledger.runs import leases
from airflow_integrations.masking.mask import Mask
from airflow_integrations.masking.payloads import masked, unmasked

if TYPE_CHECKING:
    from airflow_integrations.airflow.web.console import Console
    from airflow_integrations.airflow.web.security.access import Who
    from airflow_integrations.ledger.actions.bulk_jobs import Job

__all__ = ["ENTITIES_AT_ONCE", "Done", "confirm", "edit", "fetch", "job", "job_list", "release", "retry", "skip"]

ENTITIES_AT_ONCE = 1_000
"""Entities named by their keys that are acted on at once; others are a job."""

Became = Literal["delivered", "failed"]


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an action: it is done, or it is a job that goes on behind the page."""

    entities: int
    """On how many it was carried out; of a job: how many it is about."""
    left: tuple[str, ...] = ()
    """Why others of the selection were left as they are, a sentence each."""
    job: int | None = None
    run_id: str | None = None
    """The Airflow run that sends them now, where that was asked for."""
    not_sent: str | None = None
    """Why no run could be started; they go with the route's next one."""
    paused: bool = False
    """The route's DAG is paused: whatever is due goes when it is switched on."""


def retry(
    console: Console, who: Who, selection: Selection, *, send: bool = False, from_step: str | None = None
) -> Done:
    """They are due at once, and go with the route's next run; with ``send`` a run of the route is started for them."""
    if send:
        who.to_trigger(selection.route)
    how: dict[str, Any] = {"send": True} if send else {}
    if from_step:
        how["from_step"] = from_step
    done = _act(console, who, selection, "retry", how)
    done = msgspec.structs.replace(done, paused=is_paused(selection.route))
    if not send or done.job is not None:  # the job starts the run at its end
        return done
    return _sent(who, selection.route, done)


def fetch(console: Console, who: Who, route: str, key: str) -> Done:
    """Start a run of the route that fetches this one entity again, of whatever status it is."""
    who.to_trigger(route)
    if where(console.database, route, key, console.now()) is None:
        raise RunError(f"the ledger does not know {key} of the route {route}")
    run_id = f"fetch__{uuid.uuid4()}"
    trigger(route, run_id, {"keys": [key]}, by=who.name)
    audit(who.name, "fetch", route, key=key, run=run_id)
    return Done(entities=1, run_id=run_id, paused=is_paused(route))


def skip(console: Console, who: Who, selection: Selection, reason: str) -> Done:
    return _act(console, who, selection, "skip", {"reason": reason})


def confirm(
    console: Console,
    who: Who,
    selection: Selection,
    became: Became,
    *,
    reason: str | None = None,
    target_id: str | None = None,
) -> Done:
    """Mark as delivered, or as failed at the target: for entities that are waiting or in doubt."""
    if target_id is None:
        return _act(console, who, selection, "confirm", {"became": became, "reason": reason})
    who.to_act(selection.route)
    by, now = _by(who), console.now()
    acted = entity_actions.confirm(console.database, selection, became, by, now, reason=reason, target_id=target_id)
    return _told(who, selection, "confirm", acted)


def edit(console: Console, who: Who, route: str, key: str, payload: bytes) -> None:
    """Keep ``payload``, JSON, in place of the one that the entity stopped with; retry sends it. What the route's mask
    hides stays as it is where the payload says ``***``."""
    who.to_act(route)
    who.to_see_payloads(route)
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise RunError("the payload must be JSON in UTF-8") from None
    payload_edits.checked(text)  # of what the person wrote: lines are counted in that
    if mask := mask_of(console, route):
        text = _restored(console, route, key, payload, mask).decode()
    payload_edits.edit(console.database, route, key, text, _by(who), console.now())
    audit(who.name, "edit", route, key=key, characters=len(text))


def release(console: Console, who: Who, route: str, run_id: str, *, force: bool = False) -> Done:
    """End the leases of a run that has died. Raises RunError where Airflow says that it is under way: ``force`` does it
    all the same, and it stops at its next sign of life."""
    who.to_act(route)
    state = run_states(route, [run_id]).get(run_id)
    if state in ("queued", "running") and not force:
        raise RunError(f"Airflow says that the run {run_id} of {route} is {state}; end it there first, or force it")
    released = leases.release(console.database, route, run_id, _by(who), console.now())
    audit(who.name, "release", route, run=run_id, entities=released, forced=force or None)
    return Done(entities=released)


def job(console: Console, who: Who, number: int) -> Job | None:
    """None: there is none, or the user may not read its route. One that stands still goes on."""
    found = bulk_jobs.find(console.database, number, console.now())
    if found is None or not who.may_read(found.route):
        return None
    _awaken(console, [found])
    return found


def job_list(console: Console, who: Who, routes: frozenset[str]) -> list[Job]:
    """The newest first."""
    found = bulk_jobs.listed(console.database, who.readable(routes), console.now())
    _awaken(console, found)
    return found


def _awaken(console: Console, found: list[Job]) -> None:
    if any(each.state in ("waiting", "interrupted") for each in found):
        console.jobs.wake()


def _act(console: Console, who: Who, selection: Selection, what: str, how: dict[str, Any]) -> Done:
    who.to_act(selection.route)
    database, by, now = console.database, _by(who), console.now()
    if selection.keys is None or len(selection.keys) > ENTITIES_AT_ONCE:
        number = bulk_jobs.ask(database, selection, what, how, by, now)
        found = bulk_jobs.find(database, number, now)
        total = found.total if found else 0
        audit(who.name, what, selection.route, selection=selection.dump(), entities=total, job=number)
        console.jobs.wake()
        return Done(entities=total, job=number)
    if what == "retry":
        acted = entity_actions.retry(database, selection, by, now, from_step=how.get("from_step"))
    elif what == "skip":
        acted = entity_actions.skip(database, selection, how["reason"], by, now)
    else:
        acted = entity_actions.confirm(database, selection, how["became"], by, now, reason=how["reason"])
    return _told(who, selection, what, acted)


def _told(who: Who, selection: Selection, what: str, acted: Acted) -> Done:
    audit(who.name, what, selection.route, selection=selection.dump(), entities=acted.entities)
    return Done(entities=acted.entities, left=acted.left)


def _sent(who: Who, route: str, done: Done) -> Done:
    run_id = f"retry__{uuid.uuid4()}"
    try:
        send_due(route, run_id, by=who.name)
    except IntegrationError as error:
        return msgspec.structs.replace(done, not_sent=str(error))
    return msgspec.structs.replace(done, run_id=run_id)


def _restored(console: Console, route: str, key: str, payload: bytes, mask: Mask) -> bytes:
    record = where(console.database, route, key, console.now())
    if record is None:
        return payload  # editing tells
    content = content_of(settings.staging_base(), record)
    _, secrets = masked(mask, *content.forms)
    return unmasked(mask, payload, content.staged if content.edited is None else content.edited, secrets)


def _by(who: Who) -> str:
    return f"console:{who.name}"
