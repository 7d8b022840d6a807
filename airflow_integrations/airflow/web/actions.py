"""What users do: retry, skip, confirm, edit, release. Each needs their right, and is told to Airflow's audit log."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from airflow_integrations.airflow import settings
from airflow_integrations.airflow.web.audit import audit
from airflow_integrations.airflow.web.dags import run_states
from airflow_integrations.airflow.web.definitions import mask_of
from airflow_integrations.airflow.web.sending import send_due
from airflow_integrations.engine.masked import masked
from airflow_integrations.engine.payloads import incoming_of, payload_of
from airflow_integrations.engine.unmasked import unmasked
from airflow_integrations.errors import IntegrationError, RunError
from airflow_integrations.ledger import desk, editing, jobs
from airflow_integrations.ledger.leases import release
from airflow_integrations.ledger.queries import where
from airflow_integrations.ledger.selection import Acted, Selection
from airflow_integrations.masking import Mask
from airflow_integrations.staging import Staging

if TYPE_CHECKING:
    from airflow_integrations.airflow.web.access import Who
    from airflow_integrations.airflow.web.console import Console
    from airflow_integrations.ledger.jobs import Job

__all__ = ["MOST_KEYS", "Done", "confirm", "edit", "give_back", "job", "job_list", "retry", "skip"]

MOST_KEYS = 1_000
"""Entities named by their keys that are acted on at once; others are a job."""
SECONDS = 2.0

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


def retry(console: Console, who: Who, selection: Selection, *, send: bool = False) -> Done:
    """They are due at once, and go with the route's next run; with ``send`` a run of the route is started for them."""
    if send:
        who.to_trigger(selection.route)
    done = _act(console, who, selection, "retry", {"send": True} if send else {})
    if not send or done.job is not None:  # the job starts the run at its end
        return done
    return _sent(who, selection.route, done)


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
    acted = desk.confirm(console.database, selection, became, by, now, reason=reason, target_id=target_id)
    return _told(who, selection, "confirm", acted)


def edit(console: Console, who: Who, route: str, key: str, payload: bytes) -> None:
    """Keep ``payload``, JSON, in place of the one that the entity stopped with; retry sends it. What the route's mask
    hides stays as it is where the payload says ``***``."""
    who.to_act(route)
    who.to_see_payloads(route)
    mask = mask_of(console, route)
    restored = _restored(console, route, key, payload, mask) if mask else payload
    try:
        text = restored.decode()
    except UnicodeDecodeError:
        raise RunError("the payload has to be JSON in UTF-8") from None
    editing.edit(console.database, route, key, text, _by(who), console.now())
    audit(who.name, "edit", route, key=key, characters=len(text))


def give_back(console: Console, who: Who, route: str, run_id: str, *, force: bool = False) -> Done:
    """End the leases of a run that has died. Raises RunError where Airflow says that it is under way: ``force`` does it
    all the same, and it stops at its next sign of life."""
    who.to_act(route)
    state = run_states(route, [run_id]).get(run_id)
    if state in ("queued", "running") and not force:
        raise RunError(f"Airflow says that the run {run_id} of {route} is {state}; end it there first, or force it")
    released = release(console.database, route, run_id, _by(who), console.now())
    audit(who.name, "release", route, run=run_id, entities=released, forced=force or None)
    return Done(entities=released)


def job(console: Console, who: Who, number: int) -> Job | None:
    """None: there is none, or the user may not read its route. One that stands still goes on."""
    found = jobs.find(console.database, number, console.now())
    if found is None or not who.may_read(found.route):
        return None
    _awaken(console, [found])
    return found


def job_list(console: Console, who: Who, routes: frozenset[str]) -> list[Job]:
    """The newest first."""
    found = jobs.listed(console.database, who.readable(routes), console.now())
    _awaken(console, found)
    return found


def _awaken(console: Console, found: list[Job]) -> None:
    if any(each.state in ("waiting", "interrupted") for each in found):
        console.jobs.wake()


def _act(console: Console, who: Who, selection: Selection, what: str, how: dict[str, Any]) -> Done:
    who.to_act(selection.route)
    database, by, now = console.database, _by(who), console.now()
    if selection.keys is None or len(selection.keys) > MOST_KEYS:
        number = jobs.ask(database, selection, what, how, by, now)
        found = jobs.find(database, number, now)
        total = found.total if found else 0
        audit(who.name, what, selection.route, selection=selection.dump(), entities=total, job=number)
        console.jobs.wake()
        return Done(entities=total, job=number)
    if what == "retry":
        acted = desk.retry(database, selection, by, now)
    elif what == "skip":
        acted = desk.skip(database, selection, how["reason"], by, now)
    else:
        acted = desk.confirm(database, selection, how["became"], by, now, reason=how["reason"])
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
    near, ref = Staging(settings.staging_base(), route, ""), record.payload
    staged = payload_of(near, key, ref) if ref is not None else None
    source = incoming_of(near, key, ref, patience=SECONDS) if ref is not None and ref.stage == "push" else None
    edited = record.overlay.payload.encode() if record.overlay is not None else None
    _, secrets = masked(mask, source, staged, edited)
    return unmasked(mask, payload, staged if edited is None else edited, secrets)


def _by(who: Who) -> str:
    return f"console:{who.name}"
