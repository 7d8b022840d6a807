"""Are the Connections there that no HTTP request can try: of queues, of webhooks' secrets, of those who are alerted?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow_integrations.cli.airflow_access import has_password
from airflow_integrations.cli.doctor.installation import Check
from airflow_integrations.config.model import walk
from airflow_integrations.errors import SetupError
from airflow_integrations.route.definition import Route
from airflow_integrations.route_files.load import RouteFiles

__all__ = ["check_secrets"]


def check_secrets(found: RouteFiles) -> list[Check]:
    """One check for each Connection; nothing is sent to anybody."""
    wanted: dict[str, tuple[str, str]] = {}
    for name, loaded in found.routes.items():
        for connection, what in _wanted(loaded.route):
            wanted.setdefault(connection, (what, name))
    return [_check(connection, *wanted[connection]) for connection in sorted(wanted)]


def _wanted(route: Route) -> Iterator[tuple[str, str]]:
    """Connections, and what each is for."""
    trigger = route.trigger
    if trigger is not None and trigger.listen is not None:
        for connection in _named(trigger.listen.config, "connection"):
            yield connection, "what the route listens to"
    if trigger is not None and trigger.webhook is not None:
        for connection in _named(trigger.webhook, "secret"):
            yield connection, _SECRET
    for connection in _named(route.alerts, "connection"):
        yield connection, "alerts"


_SECRET = "a webhook's secret"  # noqa: S105 - what it is for


def _named(options: Any, name: str) -> Iterator[str]:
    """The option itself, or each of several in it."""
    for place, leaf in walk(options):
        if name in place[-2:] and isinstance(leaf, str):
            yield leaf


def _check(connection: str, what: str, route: str) -> Check:
    title, used = f"Connection {connection}", f"{what} (used by {route})"
    try:
        there = has_password(connection)
    except SetupError as error:
        return Check("failed", title, f"{error}; {used}", "missing or not usable")
    if what == _SECRET and not there:
        return Check(
            "failed", title, f"it has no password, which is {used}: nothing that comes in is taken", "no password"
        )
    return Check("ok", title, f"it is there: {used}; nothing was sent", "it is there")
