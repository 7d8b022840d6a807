"""Forms that act on entities: each answers with a note that says what was done, to how many, and what is next.

The functions behind it are those of the API. Retries are sent at once where the user may start runs of the route.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response

from airflow_integrations.airflow.web.actions import actions
from airflow_integrations.airflow.web.dependencies import ConsoleDep
from airflow_integrations.airflow.web.pages.notices import done, many, note
from airflow_integrations.airflow.web.security.access import Signed
from airflow_integrations.ledger.actions.selection import Selection
from airflow_integrations.ledger.status import STATUSES

__all__ = ["router"]

router = APIRouter(prefix="/routes/{route}/act")

Keys = Annotated[list[str], Form(alias="key", default_factory=list)]
Word = Annotated[str, Form()]


@router.post("/retry")
def retry(
    request: Request,
    who: Signed,
    console: ConsoleDep,
    route: str,
    keys: Keys,
    status: Word = "",
    fingerprint: Word = "",
    from_step: Word = "",
) -> Response:
    chosen = _selection(route, keys, status, fingerprint)
    result = actions.retry(console, who, chosen, send=who.may_trigger(route), from_step=from_step or None)
    return done(request, route, result, f"{many(result.entities)} due again", "They go with the route's next run.")


@router.post("/skip")
def skip(
    request: Request,
    who: Signed,
    console: ConsoleDep,
    route: str,
    keys: Keys,
    reason: Word = "",
    status: Word = "",
    fingerprint: Word = "",
) -> Response:
    result = actions.skip(console, who, _selection(route, keys, status, fingerprint), reason)
    return done(request, route, result, f"{many(result.entities)} skipped")


@router.post("/confirm")
def confirm(
    request: Request,
    who: Signed,
    console: ConsoleDep,
    route: str,
    key: Word,
    became: Annotated[Literal["delivered", "failed"], Form()],
    reason: Word = "",
    target_id: Word = "",
) -> Response:
    chosen = _selection(route, [key], "", "")
    result = actions.confirm(console, who, chosen, became, reason=reason or None, target_id=target_id or None)
    return done(request, route, result, f"{many(result.entities)} {became}")


@router.post("/edit")
def edit(
    request: Request, who: Signed, console: ConsoleDep, route: str, key: Word, payload: Word, retry: Word = ""
) -> Response:
    actions.edit(console, who, route, key, payload.encode("utf-8", "surrogatepass"))
    if not retry:
        return note(request, "The edited payload is saved", "Retry sends it.", changed=True)
    result = actions.retry(console, who, _selection(route, [key], "", ""), send=who.may_trigger(route))
    return done(request, route, result, "The edited payload is saved, and due again", "It goes with the next run.")


@router.post("/fetch")
def fetch(request: Request, who: Signed, console: ConsoleDep, route: str, key: Word) -> Response:
    result = actions.fetch(console, who, route, key)
    return done(request, route, result, "1 entity is being fetched again")


@router.post("/release")
def release(request: Request, who: Signed, console: ConsoleDep, route: str, run_id: Word, force: Word = "") -> Response:
    result = actions.release(console, who, route, run_id, force=bool(force))
    next_run = "Maintenance, or the route's next run, finds out what became of them and goes on."
    return done(request, route, result, f"{many(result.entities)} released", next_run)


def _selection(route: str, keys: list[str], status: str, fingerprint: str) -> Selection:
    """Raises RunError where nothing says which."""
    return Selection(
        route,
        keys=frozenset(keys) or None,
        statuses=frozenset(name for name in STATUSES if name == status) or None,
        fingerprint=fingerprint or None,
    )
