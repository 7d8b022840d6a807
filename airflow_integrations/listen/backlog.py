"""What waits at a source, not yet in the inbox: asked of listeners whose source can tell."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from airflow_integrations.errors import AnswerError, IntegrationError, OutageError
from airflow_integrations.listen.context import SourceSurroundings
from airflow_integrations.plurals import counted, sized
from airflow_integrations.queues.broker import Brokers
from airflow_integrations.route.definition import Route

__all__ = ["Backlog", "TellsBacklog", "backlog_of", "backlogs"]

SECONDS = 15.0
"""A source that has not answered by then is not waited for."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What nobody has taken yet: a number of rows or messages, or bytes of a log."""

    rows: int | None = None
    size: int | None = None
    more: bool = False
    """There are at least so many; nobody has counted further."""

    def __str__(self) -> str:
        if self.size is not None:
            return f"{sized(self.size)} of the log"
        return f"{'over ' if self.more else ''}{counted(self.rows or 0, 'row')}"


@runtime_checkable
class TellsBacklog(Protocol):
    """A class of listeners that can say what waits for them."""

    @classmethod
    async def backlog(cls, config: Any, around: SourceSurroundings) -> Backlog:
        """Raises OutageError, SetupError and AnswerError."""
        ...


async def backlog_of(route: Route, brokers: Brokers) -> Backlog | None:
    """None where the route does not listen, or its source cannot tell. Raises as :class:`TellsBacklog` does."""
    stage = route.trigger.listen if route.trigger is not None else None
    if stage is None or not isinstance(component := stage.component(), TellsBacklog):
        return None
    try:
        async with asyncio.timeout(SECONDS):
            return await component.backlog(stage.config, SourceSurroundings(brokers, dict(route.params)))
    except TimeoutError:
        raise OutageError(f"what waits for {route.route} was not told within {SECONDS:.0f} s") from None


async def backlogs(routes: Mapping[str, Route], brokers: Brokers) -> dict[str, Backlog | IntegrationError]:
    """Of all routes whose sources can tell, asked at the same time; an error where one could not be asked."""

    async def one(route: Route) -> Backlog | IntegrationError | None:
        try:
            return await backlog_of(route, brokers)
        except IntegrationError as error:
            return error
        except Exception as error:  # whatever a listener of a third party raises: the others are asked
            return AnswerError(f"{type(error).__name__}: {error}")

    found = await asyncio.gather(*map(one, routes.values()))
    return {name: told for name, told in zip(routes, found, strict=True) if told is not None}
