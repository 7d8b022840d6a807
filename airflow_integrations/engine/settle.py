"""settle: the books of a run. Everything that was fetched is somewhere; where, is counted, shown and judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from airflow_integrations.engine.records import Problem, read_problems
from airflow_integrations.ledger import Journal
from airflow_integrations.route import FailAbove, Route
from airflow_integrations.run import Run
from airflow_integrations.staging import Manifest, Staging

__all__ = ["Balance", "clean", "problems", "settle"]

INCOMING = ("fetched", "split_added")
OUTCOMES = ("delivered", "filtered", "merged", "rejected", "failed", "in_doubt", "skipped", "pending")
WENT_WRONG = ("rejected", "failed", "in_doubt")


@dataclass(frozen=True, slots=True)
class Balance:
    """``counts``: fetched and split_added on the one side; on the other what became of them.

    ``pending`` are those whose fate is still open because a stage did not come to its end.
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


def settle(run: Run, staging: Staging) -> Balance:
    """Strike the balance of what the stages left in staging. Reads only; see :func:`clean`."""
    fetched, transformed, pushed = staging.manifest("fetch"), staging.manifest("transform"), staging.manifest("push")
    counts = dict.fromkeys((*INCOMING, *OUTCOMES), 0)
    for manifest in (fetched, transformed):
        for name, count in (manifest.counts if manifest else {}).items():
            counts[name] += count
    open_after_fetch = fetched.entities if fetched else 0
    unfinished: str | None = None
    if fetched is None or not fetched.complete:
        unfinished = "fetch"
    elif transformed is None or not transformed.complete:
        unfinished = "transform" if fetched.entities else None
    elif transformed.entities:
        journal = Journal.read(staging, transformed.entities)
        for name, count in journal.counts.items():
            counts[name] += count
        if pushed is None or not pushed.complete:
            unfinished = "push"
        open_after_fetch = journal.pending
    else:
        open_after_fetch = 0
    counts["pending"] = open_after_fetch
    balance = Balance(counts, unfinished, None)
    return Balance(counts, unfinished, _verdict(run.route, balance))


def _verdict(route: Route, balance: Balance) -> str | None:
    counts = balance.counts
    if not balance.balanced:
        return (
            f"the books of this run do not balance: {balance.lines()[0]}. "
            "This is a fault of the route's kinds or of this package"
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
        decided = sum(counts[name] for name in OUTCOMES) - counts["skipped"]
        if wrong <= route.delivery.fail_run.share * decided:
            return None
        return f"{told}: more than {route.delivery.fail_run.above} of {decided} entities (delivery.fail_run)"
    total = sum(counts[name] for name in INCOMING)
    return f"{told} of {total} entities, and delivery.fail_run is any; the others are done"


def _entities(count: int) -> str:
    return f"{count} entity is" if count == 1 else f"{count} entities are"


def problems(staging: Staging) -> Iterator[Problem]:
    """Every entity of the run that went wrong, with the reason."""
    for stage in ("fetch", "transform"):
        manifest: Manifest | None = staging.manifest(stage)
        if manifest:
            yield from read_problems(staging.blocks(manifest.problems))
    transformed = staging.manifest("transform")
    if transformed:
        for ordinal, status, key, reason, http_status in Journal.read(staging, transformed.entities).problems():
            yield Problem(key, "push", status, reason or "", http_status=http_status, ordinal=ordinal)


def clean(staging: Staging, balance: Balance) -> None:
    """Remove the run's segments where nobody needs them any more: all went well, nothing is open."""
    if (
        balance.unfinished is None
        and not balance.counts["pending"]
        and not any(balance.counts[name] for name in WENT_WRONG)
    ):
        staging.clean()
