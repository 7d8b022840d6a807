"""One route."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Response

from airflow_integrations.airflow.web.api.dependencies import Hours, Moment, Route, seconds
from airflow_integrations.airflow.web.api.json_response import answer, described
from airflow_integrations.airflow.web.dependencies import ConsoleDep
from airflow_integrations.airflow.web.security.access import Signed
from airflow_integrations.airflow.web.views.broken_off import BrokenOffView, broken_off_view
from airflow_integrations.airflow.web.views.route import (
    Difference,
    RouteView,
    RunsView,
    Series,
    difference,
    route_runs,
    route_series,
    route_view,
)
from airflow_integrations.airflow.web.views.without_key import KeylessView, keyless_view
from airflow_integrations.ledger.runs.definitions import definition

__all__ = ["router"]

router = APIRouter(tags=["routes"], prefix="/routes/{route}")
Hash = Annotated[str, Path(max_length=64, description="Of a definition")]
DAY = 86_400.0


@router.get("", summary="What it is, how it is doing, its versions", responses=described(RouteView))
def route(console: ConsoleDep, who: Signed, route: Route, hours: Hours = 24.0) -> Response:
    return answer(route_view(console, who, route, hours=hours))


@router.get("/series", summary="Throughput and duration over time, from the runs' books", responses=described(Series))
def over_time(
    console: ConsoleDep,
    who: Signed,
    route: Route,
    since: Moment = None,
    until: Moment = None,
    stretches: Annotated[int, Query(ge=1, le=500, description="The number of stretches of equal length")] = 48,
) -> Response:
    """Without ``since``: the day before ``until``; without ``until``: up to now."""
    end = seconds(until) or console.now()
    begin = seconds(since)
    return answer(
        route_series(console, who, route, since=end - DAY if begin is None else begin, until=end, stretches=stretches)
    )


@router.get("/runs", summary="Its runs with their books, the newest first", responses=described(RunsView))
def its_runs(
    console: ConsoleDep,
    who: Signed,
    route: Route,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[int | None, Query(description="`before` of the page before")] = None,
) -> Response:
    return answer(route_runs(console, who, route, limit=limit, before=before))


@router.get("/without_key", summary="What a run rejected because of its key", responses=described(KeylessView))
def rejected_keys(
    console: ConsoleDep, who: Signed, route: Route, run_id: Annotated[str, Query(max_length=250)]
) -> Response:
    """The first 100, each with its reason and, for those who may see payloads, its record."""
    return answer(keyless_view(console, who, route, run_id))


@router.get("/broken_off", summary="The answer that broke a run off", responses=described(BrokenOffView | None))
def broke_off(
    console: ConsoleDep, who: Signed, route: Route, run_id: Annotated[str, Query(max_length=250)]
) -> Response:
    """Which stage it was, and up to 4 KB of the answer, for those who may see payloads. Null: there is none."""
    return answer(broken_off_view(console, who, route, run_id))


@router.get("/versions/{hash}", summary="A definition that runs worked by, as YAML", response_class=Response)
def version(console: ConsoleDep, who: Signed, route: Route, hash: Hash) -> Response:  # noqa: A002 - the path's word
    who.to_read(route)
    if (text := definition(console.database, route, hash)) is None:
        raise HTTPException(404, f"the definition {hash} of {route} is not kept")
    return Response(text, media_type="application/yaml")


@router.get("/versions/{hash}/diff", summary="How a definition changed", responses=described(Difference))
def versions_diff(
    console: ConsoleDep,
    who: Signed,
    route: Route,
    hash: Hash,  # noqa: A002 - as above
    to: Annotated[str | None, Query(max_length=64, description="Another hash; without it: the definition now")] = None,
) -> Response:
    return answer(difference(console, who, route, hash, to))
