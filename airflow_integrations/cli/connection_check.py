"""Are the Connections of all routes there, do their systems answer, and do they take the credentials?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from airflow_integrations.cli.checkup import Check
from airflow_integrations.cli.surroundings import connections
from airflow_integrations.errors import AnswerError, IntegrationError, OutageError, SetupError
from airflow_integrations.model import walk
from airflow_integrations.route import Route
from airflow_integrations.route_file import RouteFiles
from airflow_integrations.testing.trial import quiet_log

if TYPE_CHECKING:
    from airflow_integrations.http import Answer, Endpoint
    from airflow_integrations.run import Connections

__all__ = ["check_connections", "connections_of"]

SKEW = 30.0
"""Seconds that the clocks may differ: windows and tokens go by them."""


def connections_of(route: Route) -> list[str]:
    """The Connections that a route uses: every option called ``connection`` of its stages."""
    found = [
        leaf
        for stage in (route.incoming, *route.transform, route.outgoing)
        for place, leaf in walk(stage.config)
        if place and place[-1] == "connection" and isinstance(leaf, str)
    ]
    return list(dict.fromkeys(found))


async def check_connections(found: RouteFiles, *, offline: bool, now: Callable[[], float]) -> list[Check]:
    """One check for each Connection; their systems are asked at the same time."""
    users: dict[str, list[str]] = {}
    for name, loaded in found.routes.items():
        for connection in connections_of(loaded.route):
            users.setdefault(connection, []).append(name)
    known = connections() if users else None
    checks = [_check(name, users[name], known, offline, now) for name in sorted(users) if known]
    return list(await asyncio.gather(*checks))


async def _check(name: str, users: list[str], known: Connections, offline: bool, now: Callable[[], float]) -> Check:
    what = f"Connection {name}"
    used = f" (used by {users[0]}" + (f" and {len(users) - 1} more)" if len(users) > 1 else ")")
    try:
        endpoint = await asyncio.to_thread(known.endpoint, name)
    except SetupError as error:
        return Check("failed", what, f"{error}{used}", "missing or not usable")
    if offline:
        return Check("not checked", what, "it is there; no request was sent")
    return await _ask(what, endpoint, now)


async def _ask(what: str, endpoint: Endpoint, now: Callable[[], float]) -> Check:
    """HEAD to the base path, GET where that method is not allowed; with the credentials, once, without retries."""
    from airflow_integrations.http import HttpClient, Request

    tried = f"HEAD {endpoint.base_url}/"
    try:
        async with HttpClient(replace(endpoint, retry_budget=0.0), log=quiet_log()) as client:
            answer = await client.send(Request("HEAD", "/"))
            if answer.status in (405, 501):
                tried = f"GET {endpoint.base_url}/"
                answer = await client.send(Request("GET", "/"))
    except OutageError as error:
        return Check("failed", what, f"tried {tried}: {error}", "no usable answer")
    except SetupError as error:
        return Check("failed", what, f"tried {tried}: {error}", "the credentials or the certificate are refused")
    except AnswerError as error:
        return Check("warning", what, f"tried {tried}: {error}", "an unexpected answer")
    except IntegrationError as error:
        return Check("failed", what, f"tried {tried}: {error}", type(error).__name__)
    return _judged(what, tried, answer, endpoint.auth is not None, now())


def _judged(what: str, tried: str, answer: Answer, with_credentials: bool, now: float) -> Check:
    said = f"answered {answer.status}"
    if not with_credentials:
        said += "; it has no credentials to check"
    elif answer.status < 400:
        said += "; the credentials were sent and not refused"
    else:
        said += ", so it is reachable; whether it takes the credentials this address does not tell"
    skew = _skew(answer.headers, now)
    if skew is not None and abs(skew) > SKEW:
        clocks = (
            f"its clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} ours: windows and tokens go by it"
        )
        return Check("warning", what, f"tried {tried}: {said}; {clocks}", f"{said}; {clocks}")
    return Check("ok", what, f"tried {tried}: {said}", said)


def _skew(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that the server's clock is ahead, by its Date header."""
    try:
        return parsedate_to_datetime(headers["Date"]).timestamp() - now
    except (KeyError, ValueError, TypeError):
        return None
