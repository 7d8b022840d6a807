"""The ledger against a model of it, through arbitrary runs, leases, crashes and retries."""

from __future__ import annotations

import itertools
import os
import secrets
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from ledger_model import FATES, KEYS, LEASE, OPEN, RUNS, Claim, Entity, Model
from ledger_runs import begin, finish
from sqlalchemy import select

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import Outcome, RetryWanted
from airflow_integrations.ledger.runs.carry_over import lapsed_runs, take_due
from airflow_integrations.ledger.runs.claims import release_leases, renew_leases, reserve
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import applied_lines, restart_push
from airflow_integrations.ledger.runs.vanished import note_seen
from airflow_integrations.ledger.status import CLOSED, Status, may_follow
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.key_set import unpack

SEARCH = int(os.environ.get("SEARCH_EXAMPLES", "0"))
"""Above 0: so many examples with fresh seeds (``make search``)."""


class Machine(RuleBasedStateMachine):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.route = secrets.token_hex(6)
        self.ledger = Ledger.open(url)
        self.model = Model()
        self.refs = {run: begin(self.ledger, run, self.route) for run in RUNS}
        self.last: dict[str, Any] | None = None

    def teardown(self) -> None:
        self.ledger.close()

    @rule(run=st.sampled_from(RUNS), first=st.integers(0, 3), count=st.integers(1, 4))
    def reserve(self, run: str, first: int, count: int) -> None:
        keys, model = KEYS[first : first + count], self.model
        got = reserve(self.ledger, self.refs[run], keys, first=first, lease_until=model.now + LEASE, now=model.now)
        model.claims = {
            number: claim
            for number, claim in model.claims.items()
            if claim.run != run or claim.first >= first + len(keys) or claim.first + claim.count <= first
        }
        taken = set(keys) & (model.held(run) | model.pending_elsewhere(run))
        assert got.taken == taken
        assert {key: known.status for key, known in got.known.items()} == {
            key: model.entities[key].status for key in keys if key in model.entities
        }
        assert {key: known.deliveries for key, known in got.known.items()} == {
            key: model.entities[key].deliveries for key in keys if key in model.entities
        }
        free = set(keys) - taken
        assert (got.claim is None) == (not free)
        model.take_from_the_dead(run, set(keys) - model.held(run))
        if got.claim is not None:
            model.claims[got.claim] = Claim(run, first, len(keys), free, model.now + LEASE)
        for key in free:
            one = model.entities.get(key)
            if one is not None and one.status == "pending" and one.run != run:
                one.run, one.lease = run, model.now + LEASE

    @precondition(lambda self: self.model.claims)
    @rule(data=st.data(), journal=st.booleans())
    def conclude(self, data: st.DataObject, journal: bool) -> None:
        model = self.model
        number = data.draw(st.sampled_from(sorted(model.claims)))
        run = model.claims[number].run
        outcomes = [
            self._outcome(key, data.draw(st.sampled_from(FATES)), data)
            for key in data.draw(st.lists(st.sampled_from(sorted(model.claims[number].keys) or KEYS), max_size=6))
        ]
        self._write(run, outcomes, [number], model.applied[run] + len(outcomes) if journal and outcomes else None)

    def _write(self, run: str, outcomes: list[Outcome], claims: list[int], applied: int | None) -> None:
        model = self.model
        self.last = {"outcomes": outcomes, "claims": claims, "applied": applied}
        conclude(self.ledger, self.refs[run], now=model.now, **self.last)
        self.last["run"] = run
        for number in claims:
            del model.claims[number]
        if applied is not None:
            model.applied[run] = applied
        for outcome in outcomes:
            self._expect(run, outcome)

    def _outcome(self, key: str, status: Status, data: st.DataObject) -> Outcome:
        if status in CLOSED:
            return Outcome(key=key, status=status, hash="h" if status == "delivered" else None, version="1")
        after = data.draw(st.sampled_from([None, 0.0, 5.0]))
        return Outcome(
            key=key,
            status=status,
            hash="h",
            reason=data.draw(st.sampled_from([None, "100% wrong"])),
            next_attempt=None if after is None else self.model.now + after,
        )

    def _expect(self, run: str, outcome: Outcome) -> None:
        one = self.model.entities.setdefault(outcome.key, Entity(outcome.status, run))
        one.status, one.run, one.lease, one.seen = outcome.status, run, None, run
        one.next_attempt = outcome.next_attempt
        if outcome.status == "retrying" and outcome.next_attempt is None:
            one.next_attempt = self.model.now
        if outcome.status == "delivered":
            one.deliveries += 1
            one.delivered = "h"

    @precondition(lambda self: self.last is not None and self.last["applied"] is not None)
    @rule()
    def replay(self) -> None:
        """A crash after the commit and before anybody knew of it: the same lines once more."""
        assert self.last is not None
        again = dict(self.last)
        run = again.pop("run")
        if self.model.applied[run] >= again["applied"]:
            conclude(self.ledger, self.refs[run], now=self.model.now, **again)

    @rule(run=st.sampled_from(RUNS))
    def renew(self, run: str) -> None:
        model = self.model
        mine = [claim for claim in model.claims.values() if claim.run == run and not claim.lost]
        assert renew_leases(self.ledger, self.refs[run], lease_until=model.now + LEASE) == len(mine)
        for claim in mine:
            claim.lease = model.now + LEASE
        for one in model.entities.values():
            if one.status == "pending" and one.run == run:
                one.lease = model.now + LEASE

    @rule(runs=st.permutations(RUNS), first=st.integers(0, 3), count=st.integers(1, 2), again=st.booleans())
    def a_lease_is_lost(self, runs: list[str], first: int, count: int, again: bool) -> None:
        """One run is not heard of, another takes some of its keys, and the first comes to life."""
        slow, other, third = runs
        self.reserve(slow, 0, 2)
        self.reserve(slow, 2, 2)
        self.time_passes(11.0)
        self.reserve(other, first, count)
        self.renew(slow)
        if again:
            self.reserve(third, 0, 4)
            self.renew(other)

    @rule(
        runs=st.permutations(RUNS),
        keys=st.sets(st.sampled_from(KEYS), min_size=1),
        heard=st.booleans(),
        ends=st.booleans(),
    )
    def a_run_takes_over_and_is_late(self, runs: list[str], keys: set[str], heard: bool, ends: bool) -> None:
        before, slow, other = runs
        due = [Outcome(key=key, status="retrying", hash="h", next_attempt=self.model.now) for key in sorted(keys)]
        self._write(before, due, [], None)
        self.take_due(slow, 4)
        self.time_passes(6.0)
        if heard:
            self.renew(slow)
        self.time_passes(6.0)
        self.take_due(other, 4)
        self.finish_run(slow)
        if ends:
            closed = [Outcome(key=key, status="delivered", hash="h", version="1") for key in sorted(keys)]
            self._write(other, closed, [], None)

    @rule(run=st.sampled_from(RUNS))
    def release(self, run: str) -> None:
        release_leases(self.ledger, self.refs[run])
        self._forget_claims(run)

    @rule(run=st.sampled_from(RUNS))
    def restart_push(self, run: str) -> None:
        restart_push(self.ledger, self.refs[run])
        self._forget_claims(run)
        self.model.applied[run] = 0

    def _forget_claims(self, run: str) -> None:
        self.model.claims = {number: claim for number, claim in self.model.claims.items() if claim.run != run}

    @rule(run=st.sampled_from(RUNS))
    def finish_run(self, run: str) -> None:
        finish(self.ledger, self.refs[run], now=self.model.now)
        self._forget_claims(run)
        for one in self.model.entities.values():
            if one.status == "pending" and one.run == run:
                one.status, one.lease, one.next_attempt = "retrying", None, self.model.now

    @rule(run=st.sampled_from(RUNS), limit=st.integers(1, 5))
    def take_due(self, run: str, limit: int) -> None:
        self._take(run, limit, None, {key for key, one in self.model.entities.items() if self._due(run, one)})

    @rule(run=st.sampled_from(RUNS), keys=st.frozensets(st.sampled_from(KEYS)))
    def take_wanted(self, run: str, keys: frozenset[str]) -> None:
        fitting = {
            key
            for key, one in self.model.entities.items()
            if key in keys and (one.status in OPEN or self._orphaned(run, one))
        }
        self._take(run, 5, RetryWanted(keys=keys), fitting)

    def _take(self, run: str, limit: int, wanted: RetryWanted | None, fitting: set[str]) -> None:
        model = self.model
        due = take_due(
            self.ledger, self.refs[run], now=model.now, lease_until=model.now + LEASE, limit=limit, wanted=wanted
        )
        allowed = fitting - model.held(run)
        keys = {one.key for one in due}
        assert len(keys) == len(due) == min(limit, len(allowed))
        assert keys <= allowed
        assert all(one.status == model.entities[one.key].status for one in due)
        model.take_from_the_dead(run, keys)
        for key in keys:
            one = model.entities[key]
            one.status, one.run, one.lease = "pending", run, model.now + LEASE

    def _orphaned(self, run: str, one: Entity) -> bool:
        """Its run has died, or it is this run's from an earlier attempt, which the other end of its lease tells."""
        if one.status != "pending" or one.lease is None:
            return False
        return one.lease < self.model.now or (one.run == run and one.lease != self.model.now + LEASE)

    def _due(self, run: str, one: Entity) -> bool:
        if one.status in ("retrying", "in_doubt"):
            return one.next_attempt is not None and one.next_attempt <= self.model.now
        return self._orphaned(run, one)

    @rule(run=st.sampled_from(RUNS), keys=st.frozensets(st.sampled_from(KEYS), min_size=1))
    def seen(self, run: str, keys: frozenset[str]) -> None:
        note_seen(self.ledger, self.refs[run], [sorted(keys)], self.model.now)
        for key in keys & self.model.entities.keys():
            self.model.entities[key].seen = run

    @rule(seconds=st.sampled_from([1.0, 6.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.model.now += seconds

    @rule()
    def crash(self) -> None:
        self.ledger.close()
        self.ledger = Ledger.open(self.url)

    @invariant()
    def the_ledger_is_as_the_model(self) -> None:
        model, entity, claim = self.model, tables.entity.c, tables.claim.c
        route_id = self.refs["a"].route_id
        names = {ref.id: run for run, ref in self.refs.items()}
        with self.ledger.read() as connection:
            rows = connection.execute(select(tables.entity).where(entity.route_id == route_id)).all()
            claims = connection.execute(select(tables.claim).where(claim.route_id == route_id)).all()
        assert {
            row.key: Entity(
                row.status, names[row.run], row.lease_until, row.next_attempt, row.deliveries, row.delivered_hash,
                names[row.seen_run],
            )
            for row in rows
        } == model.entities  # fmt: skip
        assert {row.id: (names[row.run], set(unpack(row._mapping["keys"])), row.lease_until) for row in claims} == {
            number: (claim.run, claim.keys, claim.lease) for number, claim in model.claims.items()
        }
        live: dict[str, str] = {}
        for row in claims:
            for key in unpack(row._mapping["keys"]) if row.lease_until >= model.now else ():
                assert live.setdefault(key, names[row.run]) == names[row.run]
        for row in rows:
            assert (
                row.status != "pending"
                or live.get(row.key, names[row.run]) == names[row.run]
                or (row.lease_until < model.now)
            )
            fates = [line[1] for line in map(msgspec.json.decode, row.history.split("\n")[:20])]
            assert fates[0] == row.status
            assert all(_may_become(before, after) for after, before in itertools.pairwise(fates))
        assert {run: applied_lines(self.ledger, ref) for run, ref in self.refs.items()} == model.applied
        assert {one.run.run_id for one in lapsed_runs(self.ledger, self.route, model.now)} == {
            claim.run for claim in model.claims.values() if claim.lease < model.now
        }


def _may_become(before: Status, after: Status) -> bool:
    """With the steps between that no row shows: a run takes the entity, and its push leases it."""
    taken = before == "pending" or may_follow(before, "pending")
    return taken and (after == "pending" or may_follow("pending", after) or may_follow("in_flight", after))


@pytest.mark.long
def test_the_ledger_does_what_its_model_does(ledger_url: str) -> None:
    Ledger.open(ledger_url).close()
    examples, steps = (40, 15) if ledger_url.startswith("sqlite") else (5, 12)
    if SEARCH:
        examples = SEARCH if ledger_url.startswith("sqlite") else SEARCH // 10 + 1
    run_state_machine_as_test(
        lambda: Machine(ledger_url),  # type: ignore[arg-type]  # called without arguments, as a class would be
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=not SEARCH,
            suppress_health_check=list(HealthCheck),
        ),
    )
