"""Are the Connections of all routes there, do their systems answer, and do they take the credentials?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from airflow_integrations.cli.airflow_access import connections
from airflow_integrations.cli.doctor.brokers import check_broker
from airflow_integrations.cli.doctor.installation import Check
from airflow_integrations.errors import AnswerError, IntegrationError, OutageError, SetupError
from airflow_integrations.route.connections import brokers_of, connections_of, databases_of, stores_of
from airflow_integrations.route_files.load import RouteFiles
from airflow_integrations.simulate.trial import quiet_log

if TYPE_CHECKING:
    from airflow_integrations.http import Answer, Endpoint
    from airflow_integrations.run import Connections

__all__ = ["check_connections"]

SKEW = 30.0
"""Seconds that the clocks may differ: windows and tokens go by them."""


async def check_connections(found: RouteFiles, *, offline: bool, now: Callable[[], float]) -> list[Check]:
    """One check for each Connection; their systems are asked at the same time."""
    users: dict[str, list[str]] = {}
    for name, loaded in found.routes.items():
        for connection in connections_of(loaded.route):
            users.setdefault(connection, []).append(name)
    known = connections() if users else None
    databases = {name for loaded in found.routes.values() for name in databases_of(loaded.route)}
    stores = {name for loaded in found.routes.values() for name in stores_of(loaded.route)}
    brokers = {name for loaded in found.routes.values() for name in brokers_of(loaded.route)}
    checks = [
        check_broker(
            name,
            [loaded for loaded in found.routes.values() if name in brokers_of(loaded.route)],
            _used(users[name]),
            known,
            offline,
        )
        if name in brokers
        else _check_database(name, users[name], known, offline)
        if name in databases
        else _check_store(name, users[name], known)
        if name in stores
        else _check(name, users[name], known, offline, now)
        for name in sorted(users)
        if known
    ]
    return list(await asyncio.gather(*checks))


async def _check_database(name: str, users: list[str], known: Connections, offline: bool) -> Check:
    """Can it be opened, and does it answer?"""
    from airflow_integrations.sql.database import Databases
    from airflow_integrations.sql.session import Session

    what, used = f"Connection {name}", _used(users)
    try:
        if not isinstance(known, Databases):
            return Check("not checked", what, "databases are not known here")
        database = await asyncio.to_thread(known.database, name)
        if offline:
            return Check("not checked", what, "it is there; it was not opened")
        async with Session(database) as session:
            version = await session.run(lambda: session.connection.dialect.server_version_info)
    except SetupError as error:
        return Check("failed", what, f"{error}{used}", "missing or not usable")
    except IntegrationError as error:
        return Check("failed", what, f"{error}{used}", "no usable answer")
    shown = f"{database.dialect} {'.'.join(map(str, (version or ())[:3]))}".strip()
    return Check("ok", what, f"opened {shown}", f"opened {shown}")


async def _check_store(name: str, users: list[str], known: Connections) -> Check:
    """Is it there? Which folder of it can be listed depends on the route."""
    from airflow_integrations.files.place import place_of

    what = f"Connection {name}"
    try:
        await asyncio.to_thread(place_of, name, known)
    except SetupError as error:
        return Check("failed", what, f"{error}{_used(users)}", "missing or not usable")
    return Check("not checked", what, "it is there; airflow-integrations validate --online lists the routes' folders")


def _used(users: list[str]) -> str:
    return f" (used by {users[0]}" + (f" and {len(users) - 1} more)" if len(users) > 1 else ")")


async def _check(name: str, users: list[str], known: Connections, offline: bool, now: Callable[[], float]) -> Check:
    what = f"Connection {name}"
    used = _used(users)
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

    async def head(client: HttpClient) -> Answer | None:
        """None where the server has no HEAD: 501 counts as an outage elsewhere, and is none here."""
        try:
            answer = await client.send(Request("HEAD", "/"))
        except OutageError as error:
            if error.status != 501:
                raise
            return None
        return None if answer.status == 405 else answer

    tried = f"HEAD {endpoint.base_url}/"
    try:
        async with HttpClient(replace(endpoint, retry_budget=0.0), log=quiet_log()) as client:
            answer = await head(client)
            if answer is None:
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
    return _judged(what, tried, answer, endpoint.auth.how if endpoint.auth is not None else None, now())


def _judged(what: str, tried: str, answer: Answer, how: str | None, now: float) -> Check:
    said = f"answered {answer.status}"
    if how is None:
        said += "; it has no credentials to check"
    elif answer.status < 400:
        said += f"; signed in by {how}, which was not refused"
    else:
        said += f", so it is reachable; whether it takes {how} this address does not tell"
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
