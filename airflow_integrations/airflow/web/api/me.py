"""Who is signed in."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Response

from airflow_integrations.airflow.web.api.json_response import answer, described
from airflow_integrations.airflow.web.security.access import Signed

__all__ = ["router"]

router = APIRouter(tags=["me"])


class Me(msgspec.Struct):
    """``route`` is the one that was asked about; without one there is nothing but the name."""

    name: str
    route: str | None = None
    may_read: bool | None = None
    may_act: bool | None = None
    may_trigger: bool | None = None
    may_see_payloads: bool | None = None


@router.get("/me", summary="Who is signed in, and what they may do with a route", responses=described(Me))
def me(who: Signed, route: str | None = None) -> Response:
    if route is None:
        return answer(Me(who.name))
    return answer(
        Me(
            who.name,
            route,
            may_read=who.may_read(route),
            may_act=who.may_act(route),
            may_trigger=who.may_trigger(route),
            may_see_payloads=who.may_see_payloads(route),
        )
    )
