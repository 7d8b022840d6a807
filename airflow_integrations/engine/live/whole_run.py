"""All four stages of a run in one task. A later attempt goes on where this one stopped; a run that had come to its end
and is cleared begins again.

What tells the two apart is a mark in staging: it is written where the books are closed, and not where a process died or
a retry follows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.windows import as_fetched
from airflow_integrations.engine.next_stages import anything, for_push, for_transform, needed_later
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.outage import open_circuit_after
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import OutageError, RunError
from airflow_integrations.route.definition import Route
from airflow_integrations.route.hash import data_hash
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

__all__ = ["WholeRun", "begins_anew", "close_stopped", "whole_run"]

_ENDED = "fetch.ended"
"""Goes with what fetch has left, when another fetch begins."""
_Ended = Literal["whole", "stopped", "useless"]


@dataclass(frozen=True, slots=True)
class WholeRun:
    """What an attempt did: the manifests of its stages, and the run's books."""

    manifests: list[Manifest]
    balance: Balance

    @property
    def pushed(self) -> Manifest | None:
        """What became of the entities at the target; None where there was nothing to send."""
        return next((manifest for manifest in self.manifests if manifest.stage == "push"), None)


def begins_anew(route: Route, staging: Staging) -> bool:
    """Whether the attempt that begins now fetches, by the definition of now.

    It does where fetch was not finished: it goes on behind what is staged. It also does where the run had ended and
    somebody cleared it. A run that was stopped fetches again only where the route was edited in a way that changes
    data, or where what it has staged cannot be used.
    """
    fetched = staging.manifest("fetch")
    if fetched is None or not fetched.complete:
        return True
    ended = _ended(staging)
    return ended is not None and (ended != "stopped" or fetched.route_hash != data_hash(route))


async def whole_run(
    run: Run,
    services: Services,
    staging: Staging,
    stop: asyncio.Event,
    *,
    anew: bool,
    final: bool,
    begins: Callable[[str], None],
) -> WholeRun:
    """Do what is left of a run, and close its books.

    ``anew``: fetch, see :func:`begins_anew`. ``final``: no attempt follows by itself. ``begins`` hears the name of each
    stage before it begins. Raises what the stages raise.
    """
    begins("fetch")
    fetched = None if anew else staging.manifest("fetch")
    if fetched is None:
        fetched, anew = await fetch(run, services, staging), True
    staging.remove(_ENDED)
    run = as_fetched(run, staging)
    done = [fetched]
    if for_transform(fetched):
        begins("transform")
        transformed = None if anew else staging.manifest("transform")
        if transformed is None or not transformed.complete:
            transformed = await _transform(run, services, staging, final)
        done.append(transformed)
        if for_push(fetched, transformed):
            begins("push")
            done.append(await push(run, services, staging, stop, final=final))
    begins("settle")
    balance = await settle(run, services, staging)
    if anything(fetched) or needed_later(fetched):
        _end(staging, "stopped" if balance.unfinished else "whole")
    else:
        staging.clean()
    return WholeRun(done, balance)


async def close_stopped(run: Run, services: Services, staging: Staging, error: Exception) -> Balance | None:
    """Close the books of a run that ``error`` stopped, where no attempt follows by itself. None where that cannot be
    done now, which is logged: the maintenance DAG does it later."""
    try:
        _end(staging, "useless" if isinstance(error, RunError) else "stopped")
        return await settle(as_fetched(run, staging), services, staging)
    except Exception as another:  # people are told of the error that stopped the run
        services.log.error("the books cannot be closed now, the maintenance DAG closes them: %s", another)
        return None


async def _transform(run: Run, services: Services, staging: Staging, final: bool) -> Manifest:
    try:
        return await transform(run, services, staging)
    except OutageError as error:
        if final:
            await open_circuit_after(error, run, services, staging)
        raise


def _end(staging: Staging, how: _Ended) -> None:
    staging.write(_ENDED, how.encode())


def _ended(staging: Staging) -> str | None:
    try:
        content: bytes = (staging.folder / _ENDED).read_bytes()
    except FileNotFoundError:
        return None
    return content.decode("ascii", "replace")
