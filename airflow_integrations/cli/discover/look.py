"""Ask the kinds that know a Connection's type what there is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_integrations.cli.airflow_access import connections
from airflow_integrations.cli.command import UsageError
from airflow_integrations.discovery import Bounds, Discovery
from airflow_integrations.errors import IntegrationError, OutageError, SetupError
from airflow_integrations.files.place import Places
from airflow_integrations.route import registry
from airflow_integrations.run import Services

if TYPE_CHECKING:
    from airflow_integrations.http import Endpoint
    from airflow_integrations.queues.broker import Broker
    from airflow_integrations.sql.database import Database

__all__ = ["SECONDS", "Briefly", "discover", "discovering_kinds", "type_of"]

AGAIN = 5.0
SECONDS = 60.0
"""For how long a system is asked at most."""


class Briefly:
    """Connections whose systems are asked again for a few seconds only: somebody waits."""

    def __init__(self) -> None:
        self._known = connections()

    def endpoint(self, connection: str) -> Endpoint:
        found = self._known.endpoint(connection)
        return replace(found, retry_budget=min(found.retry_budget, AGAIN))

    def variable(self, name: str) -> str | None:
        return self._known.variable(name)

    def database(self, connection: str) -> Database:
        return self._known.database(connection)

    def broker(self, connection: str) -> Broker:
        return self._known.broker(connection)


async def type_of(connection: str, services: Services) -> str:
    """The Connection's type. Raises SetupError where it is missing."""
    known = services.connections
    if not isinstance(known, Places):
        raise SetupError(f"Connection {connection!r}: its type is not known here")
    return (await asyncio.to_thread(known.broker, connection)).kind.lower().replace("-", "_")


def discovering_kinds(kind: str | None = None) -> dict[str, Any]:
    """The kinds of incoming that can tell what there is, by name. Raises UsageError for a ``kind`` that cannot."""
    names = registry.kinds("incoming") if kind is None else [kind]
    if kind is not None and not registry.known("incoming", kind):
        from airflow_integrations.config.suggestions import unknown

        raise UsageError(unknown("kind", kind, sorted(registry.kinds("incoming"))))
    found = {name: registry.resolve("incoming", name) for name in names}
    found = {name: each for name, each in found.items() if hasattr(each, "discover")}
    if kind is not None and not found:
        raise UsageError(f"kind {kind} cannot tell what there is; these can: {', '.join(discovering_kinds())}")
    return found


async def discover(
    connection: str, place: str | None, services: Services, bounds: Bounds, kind: str | None = None
) -> Discovery:
    """The first answer of the kinds for this type of Connection, or of ``kind`` alone.

    Raises SetupError where none of them finds anything that describes itself, and OutageError.
    """
    found = discovering_kinds(kind)
    if kind is None:
        type_ = await type_of(connection, services)
        fitting = {name: each for name, each in found.items() if type_ in each.discovers}
        if not fitting:
            told = ", ".join(f"{name} ({', '.join(sorted(each.discovers))})" for name, each in found.items())
            raise SetupError(
                f"Connection {connection!r} is of type {type_!r}, which no kind can look into; name one with "
                f"--kind. There are: {told}"
            )
        found = fitting
    problems: list[str] = []
    try:
        async with asyncio.timeout(SECONDS):
            for name, each in found.items():
                try:
                    answer: Discovery | str = await each.discover(connection, place, services, bounds)
                except IntegrationError as error:
                    # what answers with an error may be another kind of system; what does not answer is away for all
                    if len(found) == 1 or (isinstance(error, OutageError) and error.status is None):
                        raise
                    problems.append(f"{name}: {error}")
                else:
                    if isinstance(answer, Discovery):
                        return answer
                    problems.append(f"{name}: {answer}")
    except TimeoutError:
        raise OutageError(
            f"Connection {connection!r}: asking took more than {SECONDS:g} s and was stopped; name a PLACE, such as "
            "one schema or folder"
        ) from None
    where = f" at {place}" if place is not None else ""
    raise SetupError(
        f"Connection {connection!r}: nothing that describes itself was found{where}. {'; '.join(problems)}"
    )
