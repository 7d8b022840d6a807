"""settle: the books of a run are closed. Everything that was fetched is somewhere; where, is counted and judged."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from airflow_integrations.delivery import FailAbove
from airflow_integrations.engine.absorb import absorb_journal
from airflow_integrations.engine.books import Books
from airflow_integrations.engine.chunks import Chunks
from airflow_integrations.engine.journal import Journal
from airflow_integrations.engine.leftovers import close_rest
from airflow_integrations.engine.plan import Plan
from airflow_integrations.engine.records import Problem, read_problems
from airflow_integrations.engine.run_ref import run_ref
from airflow_integrations.engine.source import Outbounds
from airflow_integrations.engine.subscription import publish, reads_on
from airflow_integrations.engine.traffic import Traffic
from airflow_integrations.engine.unaccounted import unaccounted
from airflow_integrations.engine.verdicts import Verdicts
from airflow_integrations.engine.windows import as_fetched, moves_cursor, moves_mark
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.outgoing import Outgoing
from airflow_integrations.route import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging import Manifest, Staging

__all__ = ["INCOMING", "OUTCOMES", "Balance", "problems", "settle"]

INCOMING = ("fetched", "carried_in", "split_added", "deletes_emitted")
OUTCOMES = (
    "delivered",
    "unchanged",
    "superseded",
    "filtered",
    "merged",
    "rejected",
    "failed",
    "skipped",
    "waiting",
    "retrying",
    "in_doubt",
    "pending",
)
WENT_WRONG = ("rejected", "failed", "in_doubt")
UNDECIDED = ("skipped", "waiting", "retrying", "pending")


@dataclass(frozen=True, slots=True)
class Balance:
    """``counts``: what came in on the one side, what became of it on the other.

    ``pending`` are those whose fate is still open because fetch or transform did not come to its end.
    """

    counts: dict[str, int]
    unfinished: str | None
    """The stage that did not come to its end."""
    verdict: str | None
    """Why the run fails, or None where it does not."""

    @property
    def balanced(self) -> bool:
        return sum(self.counts[name] for name in INCOMING) == sum(self.counts[name] for name in OUTCOMES)

    def lines(self) -> list[str]:
        """The books as people read them, outcomes that did not occur left out."""
        came = " + ".join(
            f"{self.counts[name]} {name.replace('_', ' ')}"
            for name in INCOMING
            if self.counts[name] or name == "fetched"
        )
        went = " + ".join(f"{self.counts[name]} {name.replace('_', ' ')}" for name in OUTCOMES if self.counts[name])
        return [f"{came} {'=' if self.balanced else '≠'} {went or '0'}", *([self.verdict] if self.verdict else [])]


async def settle(run: Run, services: Services, staging: Staging) -> Balance:
    """Close the books of a run: what its push left undone gets a fate, the counts go into the ledger, the route's mark
    and cursor move on.

    May be called again at any time: after a task of the run was cleared the books are struck anew.
    """
    run = as_fetched(run, staging)
    ref = await run_ref(run, services, staging)
    fetched, transformed, pushed = (staging.manifest(stage) for stage in ("fetch", "transform", "push"))
    counts: Counter[str] = Counter(dict.fromkeys((*INCOMING, *OUTCOMES), 0))
    for manifest in (fetched, transformed):
        counts.update(manifest.counts if manifest else {})
    unfinished: str | None = None
    if fetched is None or not fetched.complete:
        unfinished = "fetch"
    elif (transformed is None or not transformed.complete) and any(s.entities for s in fetched.segments):
        unfinished = "transform"
    else:
        outbounds = Outbounds(staging, fetched, transformed)
        journal = Journal.read(staging, outbounds.count)
        if journal.pending and not run.dry_run:
            unfinished = "push"
            journal = await _conclude_rest(run, services, staging, ref, outbounds)
        elif not run.dry_run:
            await absorb_journal(ref, services, journal, outbounds)
        counts.update(journal.counts)
        counts["pending"] += journal.pending
    if unfinished in ("fetch", "transform"):
        counts["pending"] = max(0, sum(counts[name] for name in INCOMING) - sum(counts[name] for name in OUTCOMES))
    balance = Balance(dict(counts), unfinished, None)
    lost = [] if balance.balanced else await unaccounted(ref, services, staging, fetched)
    balance = replace(balance, verdict=_verdict(run.route, balance, lost))
    await _close(run, services, staging, ref, balance, [m for m in (fetched, transformed, pushed) if m])
    return balance


async def _conclude_rest(run: Run, services: Services, staging: Staging, ref: RunRef, outbounds: Outbounds) -> Journal:
    """What a push that failed for good left undone is retried by a later run."""
    stage = run.route.outgoing
    outgoing: Outgoing = stage.component()(stage.config, run.route)
    verdicts, traffic = Verdicts(run.route, outgoing, services), Traffic(asyncio.Event())
    journal = Journal.open(staging, outbounds.count)
    try:
        await absorb_journal(ref, services, journal, outbounds)
        async with (
            Books(ref, services, journal) as books,
            Chunks(outbounds.read(), ref, services, journal, books, traffic) as chunks,
        ):
            plan = Plan(chunks, journal, books, verdicts, traffic, batch=run.route.delivery.batch)
            not_before = services.now() + run.route.delivery.retry.delay.total_seconds()
            reason = "the run's push did not come to its end"
            await close_rest(plan, ref, traffic, verdicts, cause="stopped", reason=reason, not_before=not_before)
    finally:
        journal.close()
    return journal


async def _close(
    run: Run, services: Services, staging: Staging, ref: RunRef, balance: Balance, manifests: list[Manifest]
) -> None:
    state = await asyncio.to_thread(services.ledger.route_state, run.route.route)
    whole = balance.unfinished in (None, "push")  # every entity has its fate
    mark: datetime | None = run.window.end if whole and moves_mark(run, state.mark) else None
    fetched = manifests[0] if manifests and manifests[0].stage == "fetch" else None
    if fetched is not None:
        await publish(run, ref, services, fetched)  # where fetch died in between
    reads = fetched.reads if fetched and whole and reads_on(run) else None
    await asyncio.to_thread(
        services.ledger.finish_run,
        ref,
        counts={name: count for name, count in balance.counts.items() if count} | _passed(manifests),
        seconds={manifest.stage: round(manifest.seconds, 3) for manifest in manifests},
        verdict=balance.verdict,
        bytes=staging.size(),
        mark=mark,
        cursor=fetched.cursor if fetched and whole and moves_cursor(run) else None,
        now=services.now(),
        decided=whole,
        read=(reads.source, reads.upto) if reads else None,
        staged_events=fetched.staged_events if fetched else None,
    )


def _passed(manifests: list[Manifest]) -> dict[str, int]:
    """Beside the books: how many entities came out of each step of transform, ``step.0``, ``step.1``, …"""
    return {f"step.{index}": count for each in manifests for index, count in enumerate(each.passed)}


def _verdict(route: Route, balance: Balance, lost: list[str]) -> str | None:
    counts = balance.counts
    if not balance.balanced:
        named = f" Without a fate: {', '.join(lost)}." if lost and not _splits(route) else ""
        return (
            f"the books of this run do not balance: {balance.lines()[0]}.{named} "
            "This is a fault of the route's kinds or of this package"
        )
    if balance.unfinished == "push":
        return (
            f"push did not come to its end: {_entities(counts['retrying'] + counts['in_doubt'])} tried again "
            "by a later run"
        )
    if balance.unfinished:
        return f"{balance.unfinished} did not come to its end: {_entities(counts['pending'])} pending"
    if counts["pending"]:
        return f"{_entities(counts['pending'])} pending"
    wrong = sum(counts[name] for name in WENT_WRONG)
    if not wrong or route.delivery.fail_run == "never":
        return None
    told = ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in WENT_WRONG if counts[name])
    if isinstance(route.delivery.fail_run, FailAbove):
        decided = sum(counts[name] for name in OUTCOMES if name not in UNDECIDED)
        if wrong <= route.delivery.fail_run.share * decided:
            return None
        return f"{told}: more than {route.delivery.fail_run.above} of {decided} entities (delivery.fail_run)"
    total = sum(counts[name] for name in INCOMING)
    return f"{told} of {total} entities, and delivery.fail_run is any; the others are done"


def _splits(route: Route) -> bool:
    """What is split has no fate of its own; its parts have."""
    return any(step.kind == "split" for step in route.transform)


def _entities(count: int) -> str:
    return f"{count} entity is" if count == 1 else f"{count} entities are"


def problems(staging: Staging) -> Iterator[Problem]:
    """Every entity of the run that went wrong, with the reason."""
    for stage in ("fetch", "transform"):
        manifest: Manifest | None = staging.manifest(stage)
        if manifest:
            yield from read_problems(staging.blocks(manifest.problems))
    fetched, transformed = staging.manifest("fetch"), staging.manifest("transform")
    if fetched and (transformed is None or transformed.complete):
        journal = Journal.read(staging, Outbounds(staging, fetched, transformed).count)
        last = {ordinal: outcome for _, ordinal, outcome in journal.outcomes() if outcome.key}
        for ordinal, outcome in sorted(last.items()):
            if outcome.status in WENT_WRONG:
                yield Problem(
                    outcome.key,
                    "push",
                    outcome.status,
                    outcome.reason or "",
                    http_status=outcome.http_status,
                    ordinal=ordinal,
                )
