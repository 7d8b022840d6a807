"""Links between the routes of a folder: ``incoming: {route: …}``, ``trigger: {assets: …}`` and lookups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from airflow_integrations.config.suggestions import unknown
from airflow_integrations.route.checks.names import Loc
from airflow_integrations.route.definition import Route

__all__ = ["link_mistakes", "links", "looks_up", "reads_ledger", "waits"]

_NOTHING_TO_ACKNOWLEDGE = (
    "{} has nothing to acknowledge: that has a route with incoming.files and format: edifact or x12. Leave what out to "
    "read its records"
)


def links(route: Route) -> Iterator[tuple[Loc, str]]:
    """Every other route that this one waits for, and where it says so."""
    if route.incoming.kind == "route":
        yield ("incoming", "route"), route.incoming.config.name
    if route.trigger is not None and route.trigger.assets is not None:
        yield from route.trigger.assets.routes(("trigger", "assets"))


def looks_up(route: Route) -> Iterator[tuple[Loc, str]]:
    """Every route whose ledger a lookup of this one asks, and where it says so."""
    for index, stage in enumerate(route.transform):
        if stage.kind == "lookup" and stage.config.route is not None:
            yield ("transform", index, "lookup", "route"), stage.config.route


def reads_ledger(route: Route) -> bool:
    """Whether a lookup of the route asks the ledger: what another route has delivered, or a store."""
    return any(
        stage.kind == "lookup" and (stage.config.route is not None or stage.config.store is not None)
        for stage in route.transform
    )


def waits(route: Route) -> Iterator[tuple[Loc, str]]:
    """Every other route for whose deliveries entities of this one wait. One that waits for its own, such as a category
    for its parent, waits for other entities."""
    for loc, other in looks_up(route):
        if other != route.route and route.transform[int(loc[1])].config.missing == "retry":
            yield loc, other


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
            elif way := _way(routes, other, name, links):
                circle = " → ".join([name, *way])
                yield name, loc, f"these routes would start each other for ever: {circle}; one of them has to begin"
            elif loc[0] == "incoming" and route.incoming.config.what == "acknowledgements":
                if not _acknowledges(routes[other]):
                    yield name, (*loc, "what"), _NOTHING_TO_ACKNOWLEDGE.format(other)
            elif loc[0] == "incoming" and _is_live(routes[other]):
                yield name, loc, f"{other} has latency: low, and what comes in so is not passed on; latency: run is"
        yield from _lookup_mistakes(routes, may_be, name, route)


def _lookup_mistakes(
    routes: Mapping[str, Route], may_be: Callable[[str], bool], name: str, route: Route
) -> Iterator[tuple[str, Loc, str]]:
    waiting = frozenset(loc for loc, _ in waits(route))
    for loc, other in looks_up(route):
        if other not in routes:
            if not may_be(other):
                yield name, loc, unknown("route", other, routes.keys(), of="Routes here")
        elif loc in waiting and (way := _way(routes, other, name, waits)):
            circle = " → ".join([name, *way])
            text = f"entities of these routes would wait for each other: {circle}; write missing: null in one of them"
            yield name, loc, text


def _acknowledges(route: Route) -> bool:
    return route.incoming.kind == "files" and route.incoming.config.format in ("edifact", "x12")


def _is_live(route: Route) -> bool:
    return route.trigger is not None and route.trigger.latency == "low"


def _way(
    routes: Mapping[str, Route], start: str, end: str, links: Callable[[Route], Iterable[tuple[Loc, str]]]
) -> list[str] | None:
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
