"""One route."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Response

from airflow_integrations.airflow.web.access import Signed
from airflow_integrations.airflow.web.api.answer import answer, described
from airflow_integrations.airflow.web.api.asked import Asked, Hours, Moment, Route, seconds
from airflow_integrations.airflow.web.route_view import (
    Difference,
    RouteView,
    RunsView,
    Series,
    difference,
    route_runs,
    route_series,
    route_view,
)
from airflow_integrations.ledger.definitions import definition

__all__ = ["router"]

router = APIRouter(tags=["routes"], prefix="/routes/{route}")
Hash = Annotated[str, Path(max_length=64, description="Of a definition")]
DAY = 86_400.0


@router.get("", summary="What it is, how it is doing, its versions", responses=described(RouteView))
def route(console: Asked, who: Signed, route: Route, hours: Hours = 24.0) -> Response:
    return answer(route_view(console, who, route, hours=hours))


@router.get("/series", summary="Throughput and duration over time, from the runs' books", responses=described(Series))
def over_time(
    console: Asked,
    who: Signed,
    route: Route,
    since: Moment = None,
    until: Moment = None,
    stretches: Annotated[int, Query(ge=1, le=500, description="Into so many stretches of equal length")] = 48,
) -> Response:
    """Without ``since``: the day before ``until``; without ``until``: up to now."""
    end = seconds(until) or console.now()
    begin = seconds(since)
    return answer(
        route_series(console, who, route, since=end - DAY if begin is None else begin, until=end, stretches=stretches)
    )


@router.get("/runs", summary="Its runs with their books, the newest first", responses=described(RunsView))
def its_runs(
    console: Asked,
    who: Signed,
    route: Route,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[int | None, Query(description="`before` of the page before")] = None,
) -> Response:
    return answer(route_runs(console, who, route, limit=limit, before=before))


@router.get("/versions/{hash}", summary="A definition that runs worked by, as YAML", response_class=Response)
def version(console: Asked, who: Signed, route: Route, hash: Hash) -> Response:  # noqa: A002 - the path's word
    who.to_read(route)
    if (text := definition(console.database, route, hash)) is None:
        raise HTTPException(404, f"the definition {hash} of {route} is not kept")
    return Response(text, media_type="application/yaml")


@router.get("/versions/{hash}/diff", summary="How a definition changed", responses=described(Difference))
def versions_diff(
    console: Asked,
    who: Signed,
    route: Route,
    hash: Hash,  # noqa: A002 - as above
    to: Annotated[str | None, Query(max_length=64, description="Another hash; without it: the definition now")] = None,
) -> Response:
    return answer(difference(console, who, route, hash, to))
