"""What the routes of a folder say about each other: ``incoming: {route: …}`` and ``trigger: {assets: …}``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from airflow_integrations.registry import unknown
from airflow_integrations.route import Route
from airflow_integrations.route_check import Loc

__all__ = ["link_mistakes", "links"]


def links(route: Route) -> Iterator[tuple[Loc, str]]:
    """Every other route that this one waits for, and where it says so."""
    if route.incoming.kind == "route":
        yield ("incoming", "route"), route.incoming.config.name
    if route.trigger is not None and route.trigger.assets is not None:
        yield from route.trigger.assets.routes(("trigger", "assets"))


def link_mistakes(routes: Mapping[str, Route], may_be: Callable[[str], bool]) -> Iterator[tuple[str, Loc, str]]:
    """Names of routes that are not there, routes that wait for each other in a circle, and those that read what is not
    passed on: route, place and message.

    ``may_be`` says of a name that is none of the ``routes`` whether it may be that of one whose file is broken.
    """
    for name, route in routes.items():
        for loc, other in links(route):
            if other not in routes:
                if not may_be(other):
                    yield name, loc, unknown("route", other, routes.keys(), of="Routes here")
            elif way := _way(routes, other, name):
                circle = " → ".join([name, *way])
                yield name, loc, f"these routes would start each other for ever: {circle}; one of them has to begin"
            elif loc[0] == "incoming" and _is_live(routes[other]):
                yield name, loc, f"{other} has latency: low, and what comes in so is not passed on; latency: run is"


def _is_live(route: Route) -> bool:
    return route.trigger is not None and route.trigger.latency == "low"


def _way(routes: Mapping[str, Route], start: str, end: str) -> list[str] | None:
    """The shortest way along links, both ends included; None: there is none."""
    before: dict[str, str | None] = {start: None}
    ahead = [start]
    for name in ahead:
        if name == end:
            way = [name]
            while (step := before[way[-1]]) is not None:
                way.append(step)
            return way[::-1]
        for _, other in links(routes[name]):
            if other in routes and other not in before:
                before[other] = name
                ahead.append(other)
    return None
