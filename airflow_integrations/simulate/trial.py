"""A whole run of a route with everything kept that a person wants to see: for route tests and preview.

The engine does the work; this file only watches it.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.outbounds import Outbounds
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.segment_lines import Problem, read_entities
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.settle import problems, settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.entity import Entity
from airflow_integrations.errors import IntegrationError
from airflow_integrations.outgoing import Outbound
from airflow_integrations.route.definition import Route
from airflow_integrations.route.stage import Stage
from airflow_integrations.run import Run, Services
from airflow_integrations.simulate.empty_target import target_without_anything
from airflow_integrations.simulate.replay import Heard, Recording
from airflow_integrations.staging.folder import Staging
from airflow_integrations.transform import Fates, Place, Transformer

__all__ = ["Left", "Passed", "Trial", "attempt", "quiet_log"]


def quiet_log() -> logging.Logger:
    """A log that says nothing. It is known to nobody, so no configuration (Airflow's, say) switches it on."""
    return logging.Logger("airflow_integrations.quiet", logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class Passed:
    """An entity that reached the outgoing: as it was fetched (or split off), and as it would be sent."""

    key: str
    source: Any
    value: Any


@dataclass(frozen=True, slots=True)
class Left:
    """An entity that a transformer filtered or merged away. ``place`` is the transformer's."""

    key: str
    source: Any
    place: str


@dataclass(slots=True)
class Trial:
    """What a run did. ``error`` is what broke it off; what happened until then is there all the same."""

    fetched: list[Entity] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)
    filtered: list[Left] = field(default_factory=list)
    merged: list[Left] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    outbounds: list[Outbound] = field(default_factory=list)
    """What push was given, in its order."""
    requests: dict[str, list[Heard]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    stored: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By store and key, what the stores hold at the end."""
    signed_in: dict[str, str] = field(default_factory=dict)
    """By Connection, how those that were asked signed in."""
    balance: Balance | None = None
    error: IntegrationError | None = None

    @property
    def rejected(self) -> list[Problem]:
        """What fetch or a transformer rejected, or put off because a lookup found nothing, in order."""
        return [problem for problem in self.problems if problem.status in ("rejected", "retrying")]

    @property
    def unwritable(self) -> list[Problem]:
        """What cannot be sent as it is, whatever the target would say: no request or row could be made of it."""
        return [problem for problem in self.problems if problem.status == "failed" and problem.http_status is None]


async def attempt(run: Run, services: Services, target: Services, recording: Recording, folder: Path) -> Trial:
    """Run the whole route: fetch and transform with ``services``, push with ``target``, staged in ``folder``.

    Requests are taken from ``recording``. Errors of this package end up in the result, others are raised.
    """
    trial = Trial()
    run = _watched(run, trial)
    staging = Staging(folder, run.route.route, run.run_id)
    try:
        fetched = await fetch(run, services, staging)
        blocks = staging.blocks(fetched.segments)
        trial.fetched = [entity for block in read_entities(blocks, lambda *_: None) for entity in block]
        transformed = await transform(run, services, staging)
        if not run.route.transform:
            trial.passed = [Passed(entity.key, entity.source, entity.value) for entity in trial.fetched]
        trial.warnings = [*fetched.warnings, *transformed.warnings]
        trial.outbounds = list(Outbounds(staging, fetched, transformed).read())
        recording.agree(target_without_anything(run.route))
        await push(run, target, staging, final=True)
    except IntegrationError as error:
        trial.error = error
    trial.requests = recording.heard
    trial.problems = list(problems(staging))
    trial.balance = await settle(run, target, staging)
    return trial


def _watched(run: Run, trial: Trial) -> Run:
    """The same run with watched transformers, and with one request at a time so that their order says something."""
    route: Route = run.route
    last = len(route.transform) - 1
    stages = tuple(
        _WatchedStage(stage.part, stage.kind, stage.config, trial, index == last)
        for index, stage in enumerate(route.transform)
    )
    delivery = route.delivery.model_copy(update={"concurrency": 1})
    watched = route.model_copy(update={"transform": stages, "delivery": delivery})
    return replace(run, route=watched)


@dataclass(frozen=True, slots=True)
class _WatchedStage(Stage):
    trial: Trial
    last: bool

    def component(self) -> Any:
        return partial(_Watched, Stage(self.part, self.kind, self.config).component(), self.trial, self.last)


class _Watched:
    """A transformer, and a note of what became of the entities that went through it."""

    def __init__(self, kind: type[Any], trial: Trial, last: bool, config: Any, place: Place) -> None:
        self._inner: Transformer = kind(config, place)
        self._trial = trial
        self._last = last
        self._place = str(place)

    async def open(self, run: Run, services: Services) -> None:
        await self._inner.open(run, services)

    async def apply(self, batch: list[Entity], fates: Fates) -> list[Entity]:
        return self._noted(await self._inner.apply(batch, _WatchedFates(fates, self._trial, self._place)))

    async def flush(self, fates: Fates) -> AsyncIterator[list[Entity]]:
        async for batch in self._inner.flush(_WatchedFates(fates, self._trial, self._place)):
            yield self._noted(batch)

    async def close(self) -> None:
        await self._inner.close()

    def warnings(self) -> list[str]:
        told: list[str] = getattr(self._inner, "warnings", list)()
        return told

    def _noted(self, batch: list[Entity]) -> list[Entity]:
        if self._last:
            self._trial.passed.extend(Passed(entity.key, entity.source, entity.value) for entity in batch)
        return batch


@dataclass(slots=True)
class _WatchedFates:
    inner: Fates
    trial: Trial
    place: str

    def filtered(self, entity: Entity) -> None:
        self.trial.filtered.append(Left(entity.key, entity.source, self.place))
        self.inner.filtered(entity)

    def merged(self, entity: Entity) -> None:
        self.trial.merged.append(Left(entity.key, entity.source, self.place))
        self.inner.merged(entity)

    def missing(self, entity: Entity, reason: str, *, waits: tuple[tuple[str, str], ...] = ()) -> None:
        self.inner.missing(entity, reason, waits=waits)

    def rejected(self, entity: Entity, reason: str, *, field: str | None = None) -> None:
        self.inner.rejected(entity, reason, field=field)

    def split(self, added: int) -> None:
        self.inner.split(added)
