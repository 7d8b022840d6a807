"""settle: the books of a run are closed. Everything that was fetched is somewhere; where, is counted and judged."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import replace

from airflow_integrations.engine.fetch.source_pieces import let_go, to_let_go
from airflow_integrations.engine.fetch.start import run_ref
from airflow_integrations.engine.fetch.upstream_route import publish, reads_on
from airflow_integrations.engine.fetch.windows import as_fetched, may_miss, moves_cursor, moves_mark
from airflow_integrations.engine.push.chunks import Chunks
from airflow_integrations.engine.push.journal.journal import Journal
from airflow_integrations.engine.push.journal.replay import absorb_journal
from airflow_integrations.engine.push.outbounds import Outbounds
from airflow_integrations.engine.push.parts import parts_of, share_of, transformed_parts
from airflow_integrations.engine.push.session import PushSession
from airflow_integrations.engine.segment_lines import Problem, read_problems
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.former import end_former, splits
from airflow_integrations.engine.settle.unaccounted import unaccounted
from airflow_integrations.engine.transformed_segments import staged_problems
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.ledger.runs.runs import finish_run, route_state
from airflow_integrations.ledger.status import DECIDED, INCOMING, OUTCOMES, WRONG
from airflow_integrations.plurals import counted, plural
from airflow_integrations.route.definition import Route
from airflow_integrations.route.delivery import FailAbove
from airflow_integrations.route.hash import data_hash
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.begun_fetch import was_begun_behind
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

__all__ = ["problems", "settle"]


async def settle(
    run: Run, services: Services, staging: Staging, *, claimed: Collection[str] = (), died: bool = False
) -> Balance:
    """Close the books of a run: what its push left undone gets a fate, the counts go into the ledger, the route's mark
    and cursor move on.

    May be called again at any time: after a task of the run was cleared the books are struck anew. ``claimed``: stages
    that the scheduler says have succeeded. What they staged decides all the same: a person may have marked them so.
    ``died``: the run did not come to this by itself, so it may have taken over what it has staged nowhere.
    """
    run = as_fetched(run, staging)
    ref = await run_ref(run, services, staging)
    fetched, transformed = staging.manifest("fetch"), staging.manifest("transform")
    if fetched is not None and fetched.partitions and not fetched.complete:
        from airflow_integrations.engine.fetch.partitions.staged import staged_so_far

        fetched = staged_so_far(staging, fetched)
    if fetched is None or not fetched.complete or (transformed is not None and not transformed.complete):
        transformed = None  # it is of an earlier fetch, which was removed, or says only where problems lie
    parts = transformed_parts(staging, transformed)
    shares = [share for part in parts if (share := share_of(staging, part)) is not None]
    counts: Counter[str] = Counter(dict.fromkeys((*INCOMING, *OUTCOMES), 0))
    for manifest in (fetched, transformed, *shares):
        counts.update(manifest.counts if manifest else {})
    unfinished: str | None = None
    if fetched is None or not fetched.complete:
        unfinished = "fetch"
    elif (transformed is None or not transformed.complete) and any(s.entities for s in fetched.segments):
        unfinished = "transform"
    else:
        for part in parts:
            outbounds = Outbounds(staging, fetched, transformed, part)
            journal, stopped = await _end_push(run, services, ref, outbounds)
            unfinished = "push" if stopped else unfinished
            counts.update(journal.counts)
            counts["pending"] += journal.pending
        for part in parts_of(transformed):
            if part not in parts:  # its task has not come through transform
                unfinished = "push"
                counts["pending"] += (part.share or 0) + (part.entities or 0)
    if unfinished in ("fetch", "transform"):
        counts["pending"] = max(0, sum(counts[name] for name in INCOMING) - sum(counts[name] for name in OUTCOMES))
    changed = bool(unfinished and fetched and fetched.complete and fetched.route_hash != data_hash(run.route))
    balance = Balance(dict(counts), unfinished, None, changed)
    lost = list[str]()
    if not balance.balanced:
        lost = await unaccounted(ref, services, staging, fetched)
    elif (
        fetched is not None
        and unfinished is None
        and not (died or run.dry_run or counts["pending"] or was_begun_behind(staging, fetched))
    ):
        await end_former(run.route, ref, services, staging, fetched)
    balance = replace(balance, marked=unfinished in claimed)
    balance = replace(balance, verdict=_verdict(run.route, balance, lost))
    pushed = [staging.manifest("push", part.number) for part in parts]
    await _close(run, services, staging, ref, balance, [m for m in (fetched, transformed, *shares, *pushed) if m])
    for warning in _seen_by_all(shares):
        services.log.warning("%s", warning)
    return balance


async def _end_push(run: Run, services: Services, ref: RunRef, outbounds: Outbounds) -> tuple[Journal, bool]:
    """The ledger has what a part of push did; what it left undone is retried by a later run. Whether there was some."""
    ref = replace(ref, part=outbounds.part.number)
    journal = Journal.read(outbounds.staging, outbounds.count, ref.part)
    if run.dry_run:
        return journal, False
    if journal.pending:
        return await _conclude_rest(run, services, ref, outbounds), True
    await absorb_journal(ref, services, journal, outbounds)
    return journal, False


async def _conclude_rest(run: Run, services: Services, ref: RunRef, outbounds: Outbounds) -> Journal:
    """What a push that failed for good left undone is retried by a later run."""
    with closing(Journal.open(outbounds.staging, outbounds.count, ref.part)) as journal:
        await absorb_journal(ref, services, journal, outbounds)
        async with PushSession(
            run,
            ref,
            services,
            journal=journal,
            chunks=lambda session: Chunks(session, outbounds.read()),
            part=outbounds.part,
        ) as session:
            not_before = services.now() + run.route.delivery.retry.delay.total_seconds()
            reason = "the run's push was not finished"
            await session.leave_rest(cause="stopped", reason=reason, not_before=not_before)
    return journal


async def _close(
    run: Run, services: Services, staging: Staging, ref: RunRef, balance: Balance, manifests: list[Manifest]
) -> None:
    state = await asyncio.to_thread(route_state, services.ledger, run.route.route)
    untransformed = balance.unfinished == "push" and balance.counts["pending"]
    whole = balance.unfinished in (None, "push") and not untransformed  # every entity has its fate
    fetched = manifests[0] if manifests and manifests[0].stage == "fetch" else None
    sure = whole and (fetched is None or fetched.unsettled is None)
    covered = run.window if sure and moves_mark(run, state.mark) else None
    missed = run.window.start if not sure and may_miss(run) else None
    if fetched is not None:
        await publish(run, ref, services, fetched)  # where fetch died in between
    reads = fetched.reads if fetched and whole and reads_on(run) else None
    pieces = to_let_go(run, fetched) if sure else []
    moves = fetched is not None and sure and moves_cursor(run)
    await asyncio.to_thread(
        finish_run,
        services.ledger,
        ref,
        counts={name: count for name, count in balance.counts.items() if count} | _passed(manifests),
        seconds=_seconds(manifests),
        verdict=balance.verdict,
        bytes=staging.size(),
        covered=covered,
        missed=missed,
        cursor=fetched.cursor if fetched and moves else None,
        newest=fetched.newest if fetched and moves else None,
        now=services.now(),
        decided=whole,
        read=(reads.source, reads.upto, reads.what) if reads else None,
        staged_events=fetched.staged_events if fetched else None,
        pieces=[(piece.name, piece.intact) for piece in pieces],
        answers=(lambda: _answers(staging, fetched)) if fetched and fetched.acknowledgements else None,
    )
    await let_go(run, services, pieces)


def _answers(staging: Staging, fetched: Manifest) -> Iterator[tuple[str, str]]:
    """What senders are answered, each with the piece that it is about."""
    from airflow_integrations.staging.acknowledgement import read_acknowledgements

    for answer in read_acknowledgements(staging.blocks(fetched.acknowledgements)):
        yield answer.piece, bytes(answer.content).decode()


def _seconds(manifests: list[Manifest]) -> dict[str, float]:
    """How long each stage has worked; of the parts of push, which work at the same time, the longest."""
    seconds: dict[str, float] = {}
    for manifest in manifests:
        stage = "transform" if manifest.stage == "share" else manifest.stage
        seconds[stage] = max(round(manifest.seconds, 3), seconds.get(stage, 0.0))
    return seconds


def _passed(manifests: list[Manifest]) -> dict[str, int]:
    """Beside the books: how many entities came out of each step of transform, ``step.0``, ``step.1``, …"""
    passed: Counter[str] = Counter()
    for each in manifests:
        passed.update({f"step.{index}": count for index, count in enumerate(each.passed)})
    return dict(passed)


def _seen_by_all(shares: list[Manifest]) -> list[str]:
    """What each part of transform warns of: a field that none of the run's entities has. One alone cannot tell."""
    told = [set(share.warnings) for share in shares]
    return [warning for warning in shares[0].warnings if all(warning in each for each in told)] if shares else []


def _verdict(route: Route, balance: Balance, lost: list[str]) -> str | None:
    counts = balance.counts
    if not balance.balanced:
        named = f" Without a fate: {', '.join(lost)}." if lost and not splits(route) else ""
        return (
            f"the books of this run do not balance: {balance.lines()[0]}.{named} "
            "This is a fault of the route's kinds or of this package"
        )
    by_hand = ", though it is marked as success" if balance.marked else ""
    if balance.unfinished == "push":
        again, pending = counts["retrying"] + counts["in_doubt"], counts["pending"]
        left = [f"{_entities(again)} tried again by a later run"] if again or not pending else []
        left += [f"{_entities(pending)} pending"] if pending else []
        return f"push was not finished{by_hand}: {', '.join(left)}"
    if balance.unfinished:
        missing = ". What fetch did not read is missing" if balance.unfinished == "fetch" and balance.marked else ""
        return f"{balance.unfinished} was not finished{by_hand}: {_entities(counts['pending'])} pending{missing}"
    if counts["pending"]:
        return f"{_entities(counts['pending'])} pending"
    wrong = sum(counts[name] for name in WRONG)
    if not wrong or route.delivery.fail_run == "never":
        return None
    told = ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in WRONG if counts[name])
    if isinstance(route.delivery.fail_run, FailAbove):
        decided = sum(counts[name] for name in DECIDED)
        if wrong <= route.delivery.fail_run.share * decided:
            return None
        return f"{told}: more than {route.delivery.fail_run.above} of {counted(decided, 'entity')} (delivery.fail_run)"
    total = sum(counts[name] for name in INCOMING)
    return f"{told} of {counted(total, 'entity')} (delivery.fail_run: any)"


def _entities(count: int) -> str:
    return f"{counted(count, 'entity')} {plural(count, 'is', 'are')}"


def problems(staging: Staging) -> Iterator[Problem]:
    """Every entity of the run that went wrong, with the reason."""
    for segments in staged_problems(staging):
        yield from read_problems(staging.blocks(segments))
    fetched, transformed = staging.manifest("fetch"), staging.manifest("transform")
    if fetched and (transformed is None or transformed.complete):
        for part in transformed_parts(staging, transformed):
            yield from _of_push(
                Journal.read(staging, Outbounds(staging, fetched, transformed, part).count, part.number)
            )


def _of_push(journal: Journal) -> Iterator[Problem]:
    last = {ordinal: outcome for _, ordinal, outcome in journal.outcomes() if outcome.key}
    for _, outcome in sorted(last.items()):
        if outcome.status in WRONG:
            yield Problem(outcome.key, "push", outcome.status, outcome.reason or "", http_status=outcome.http_status)
