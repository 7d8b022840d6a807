"""One route: its flow, its figures over time, its errors, its runs with their books, its definition and versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter, HTTPException, Request, Response

from airflow_integrations.airflow.web.dependencies import ConsoleDep
from airflow_integrations.airflow.web.pages.flow import Flow, flow
from airflow_integrations.airflow.web.pages.rendering.render import Links, page
from airflow_integrations.airflow.web.pages.rendering.side_by_side import sides
from airflow_integrations.airflow.web.security.access import Signed
from airflow_integrations.airflow.web.views.airflow_dags import bundle_version, waits_for
from airflow_integrations.airflow.web.views.broken_off import broken_off_view
from airflow_integrations.airflow.web.views.overview import error_rate
from airflow_integrations.airflow.web.views.queue import errors
from airflow_integrations.airflow.web.views.route import Series, route_runs, route_series, route_view
from airflow_integrations.airflow.web.views.without_key import keyless_view
from airflow_integrations.ledger.contract import learned_of
from airflow_integrations.ledger.runs.definitions import definition
from airflow_integrations.ledger.status import WRONG
from airflow_integrations.route.contracts.learned import drifts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_integrations.airflow.web.views.definitions import Outline

__all__ = ["router"]

router = APIRouter(prefix="/routes/{route}")

_STRETCHES = {"1": 30, "24": 48, "168": 56, "720": 60}
"""By the hours of a period: into how many it is cut."""
_RUNS = 20
_MOST_RUNS = 500
"""Among the newest of them the page of one run looks for it."""


@router.get("")
def route_page(
    request: Request, who: Signed, console: ConsoleDep, route: str, hours: str = "24", before: str = "", stage: str = ""
) -> Response:
    hours = hours if hours in _STRETCHES else "24"
    view, now = route_view(console, who, route, hours=1.0), console.now()  # the period's sums come with the series
    learned = learned_of(console.database, route)
    series = route_series(console, who, route, since=now - float(hours) * 3600, until=now, stretches=_STRETCHES[hours])
    return page(
        request,
        "route.html",
        view=view,
        line=msgspec.structs.replace(view.line, error_rate=error_rate(series.total.counts)),
        learned=learned,
        drifts=drifts(learned) if learned else [],
        series=series,
        flow=picture(view.line.outline, series.total.counts),
        stage=stage,
        charts=charts(series),
        hours=hours,
        groups=sorted(errors(console, who, route).groups, key=lambda group: (group.status not in WRONG, -group.count)),
        acting={route} if view.may_act else set(),
        runs=route_runs(console, who, route, limit=_RUNS, before=int(before) if before.isdecimal() else None),
        here_address=Links(request).to("routes", route, hours=hours, before=before, stage=stage),
    )


@router.get("/runs/{run_id:path}")
def run_page(request: Request, who: Signed, console: ConsoleDep, route: str, run_id: str, stage: str = "") -> Response:
    lines = route_runs(console, who, route, limit=_MOST_RUNS).runs
    line = next((each for each in lines if each.books.run_id == run_id), None)
    view = route_view(console, who, route)
    drawn = picture(view.line.outline, line.books.counts) if line else None
    began = definition(console.database, route, line.books.definition) if line and line.books.definition else None
    links = Links(request)
    return page(
        request,
        "run.html",
        route=route,
        run_id=run_id,
        line=line,
        keyless=keyless_view(console, who, route, run_id) if line and line.books.counts.get("rejected") else None,
        broken=broken_off_view(console, who, route, run_id) if line else None,
        waits=waits_for(route, run_id) if line is None else None,
        bundle_version=bundle_version(route, run_id) if line else None,
        kept=began is not None,
        edited=line is not None and line.books.finished is None and began not in (None, view.definition),
        flow=drawn,
        stage=stage,
        here_address=links.to("routes", route, "runs", run_id, stage=stage),
    )


@router.get("/versions/{before}")
def version(request: Request, who: Signed, console: ConsoleDep, route: str, before: str, to: str = "") -> Response:
    """How a definition that runs worked by differs from another, or from what it is now."""
    view = route_view(console, who, route)
    old = definition(console.database, route, before)
    new = definition(console.database, route, to) if to else view.definition
    if old is None or new is None:
        raise HTTPException(
            404, "This definition is not kept: runs of older versions of the package left only its hash."
        )
    return page(
        request,
        "version.html",
        route=route,
        before=before,
        to=to,
        equal=old == new,
        rows=sides(old, new, whole=False),
        versions=view.versions,
    )


def picture(outline: Outline | None, counts: Mapping[str, int]) -> Flow:
    """Without an outline: what every route has."""
    steps = [(step.kind, step.connection or "") for step in outline.steps] if outline else []
    if len(steps) < 2:
        steps = [("source", ""), ("target", "")]
    return flow(steps[0], steps[1:-1], steps[-1], counts)


def charts(series: Series) -> dict[str, dict[str, Any]]:
    """What console.js draws: x in seconds since the epoch, a series of y for each line."""
    stretches = series.stretches
    x = [round(each.at) for each in stretches]
    ended = [each.runs - each.unfinished for each in stretches]
    return {
        "throughput": {
            "x": x,
            "unit": "",
            "series": [
                {
                    "label": "delivered",
                    "fill": "fill-good",
                    "y": [each.counts.get("delivered", 0) for each in stretches],
                },
                {
                    "label": "wrong",
                    "fill": "fill-bad",
                    "y": [sum(each.counts.get(name, 0) for name in WRONG) for each in stretches],
                },
            ],
        },
        "duration": {
            "x": x,
            "unit": " s",
            "series": [
                {
                    "label": "average run",
                    "fill": "fill-busy",
                    "y": [
                        round(each.total / count, 2) if count else None
                        for each, count in zip(stretches, ended, strict=True)
                    ],
                },
                {
                    "label": "longest run",
                    "fill": "fill-quiet",
                    "y": [None if each.longest is None else round(each.longest, 2) for each in stretches],
                },
            ],
        },
    }
