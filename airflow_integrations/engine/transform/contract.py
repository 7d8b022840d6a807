"""The contract at work in a run: each entity is looked at as the source gave it, before any step changes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from airflow_integrations.entity import Entity
from airflow_integrations.errors import AnswerError, OutageError
from airflow_integrations.ledger.contract import change_learned
from airflow_integrations.plurals import counted
from airflow_integrations.route.contracts.learned import Learned, learn_from, lines
from airflow_integrations.route.contracts.options import ContractOptions
from airflow_integrations.route.contracts.seen import MOST_FIELDS, Different, Kind, Seen
from airflow_integrations.run import Run, Services

__all__ = ["ContractCheck", "rejection_reason"]

MOST_LINES = 20
"""Differences that are told of a run."""


@dataclass(slots=True)
class _Found:
    entities: int
    first: str
    """The key of the first of them."""


class ContractCheck:
    """For one run of a route with a contract, and what was learned of its source."""

    def __init__(self, run: Run, services: Services, options: ContractOptions, learned: Learned) -> None:
        self._run = run
        self._services = services
        self._options = options
        self._learned = learned
        self._began = services.now()
        self._seen = Seen(learned, options.ignore)
        self._found: dict[Different, _Found] = {}
        self._rehearsed = False
        self._again = Seen(learned, options.ignore)
        rejecting = {"reject", "fail"} if run.kind == "live" else {"reject"}
        self._actions: dict[Kind, str] = {
            "new": options.on_new_field,
            "type": options.on_type_change,
            "gone": options.on_gone_field,
        }
        self._rejects = {kind for kind, action in self._actions.items() if action in rejecting}

    @property
    def may_fail(self) -> bool:
        """Whether all entities have to be looked at before one goes on: see :meth:`rehearse`."""
        return "fail" in self._actions.values() and not self._seen.learning

    async def rehearse(self, batches: Iterable[list[Entity]]) -> None:
        """Look at all entities of the run. Raises AnswerError where the route says that it fails then; the ledger has
        what differs, so that a person can accept it."""
        for batch in batches:
            for entity in batch:
                if different := self._seen.look(entity.value):
                    self._count(entity, different)
        self._rehearsed = True
        failing = [different for different in self._differences() if self._actions[different.kind] == "fail"]
        if not failing:
            return
        await self._learn()
        route = self._run.route.route
        raise AnswerError(
            f"contract: the source's fields have changed: {'; '.join(self._told(failing))}. Nothing of this run was "
            f"sent. If this is right, run `airflow-integrations contract accept {route}` and clear the task transform "
            "with Downstream; if it is not, fix the source and clear fetch"
        )

    def admit(self, batch: list[Entity], rejected: Callable[..., None]) -> list[Entity]:
        """The entities that go on. The others are handed to ``rejected``."""
        if self._rehearsed:
            if not self._rejects or not self._found:
                return batch
            look = self._again.look  # everything was counted before
        else:
            look = self._seen.look
        differing = {id(entity): found for entity in batch if (found := look(entity.value))}
        if not differing:
            return batch
        going = []
        for entity in batch:
            different = differing.get(id(entity))
            if different is None:
                going.append(entity)
                continue
            if not self._rehearsed:
                self._count(entity, different)
            wrong = [one for one in dict.fromkeys(different) if one.kind in self._rejects]
            if wrong:
                rejected(entity, rejection_reason(wrong), field=wrong[0].path)
            else:
                going.append(entity)
        return going

    async def end(self) -> list[str]:
        """Add what was seen to what is known, and return what a person should hear of it. Raises OutageError."""
        if not self._seen.entities:
            return []
        differences = [one for one in self._differences() if self._actions[one.kind] != "ignore"]
        told = [f"contract: {line}" for line in self._told(differences)]
        known = await self._learn()
        if not known.complete:
            count = sum(1 for _ in lines(known))
            log, learn = self._services.log, self._options.learn
            log.info("contract: %s learned, from %d of %d runs", counted(count, "field"), len(known.runs), learn)
        if told:
            told.append(f"contract: airflow-integrations contract accept {self._run.route.route} takes this for right")
        if known.beyond:
            told.append(
                f"contract: the source has more than {MOST_FIELDS:,} different fields, or some with very long names; "
                "those beyond are not learned (contract.ignore leaves fields out whose names are data)"
            )
        return told

    async def end_live(self) -> None:
        """The same at the end of a live run, whose entities are on their way: what differs is logged."""
        try:
            told = await self.end()
        except OutageError as error:
            self._services.log.warning("what the fields of the source were is not kept: %s", error)
            return
        for line in told:
            self._services.log.warning("%s", line)

    async def _learn(self) -> Learned:
        seen, now = self._seen.counted(), self._services.now()

        def change(learned: Learned) -> Learned:
            return learn_from(learned, seen, self._options, run_id=self._run.run_id, began=self._began, now=now)

        if self._run.dry_run:
            return self._learned
        return await asyncio.to_thread(change_learned, self._services.ledger, self._run.route.route, change, now)

    def _count(self, entity: Entity, different: list[Different]) -> None:
        for one in dict.fromkeys(different):
            found = self._found.get(one)
            if found is not None:
                found.entities += 1
            elif len(self._found) < MOST_FIELDS:  # those beyond are not learned either, which is told
                self._found[one] = _Found(1, entity.key)

    def _differences(self) -> list[Different]:
        return [*self._found, *self._seen.gone()]

    def _told(self, differences: list[Different]) -> Iterator[str]:
        for one in differences[:MOST_LINES]:
            found = self._found.get(one)
            where = f", in {counted(found.entities, 'entity')}, first in {found.first}" if found else ""
            yield f"{one}{where}"
        if len(differences) > MOST_LINES:
            yield f"… and {len(differences) - MOST_LINES:,} more differences"


def rejection_reason(different: list[Different]) -> str:
    """Why an entity is rejected, for people."""
    return f"contract: {'; '.join(map(str, different))}"
