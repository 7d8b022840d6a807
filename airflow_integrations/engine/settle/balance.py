"""The books of a run: what came in, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_integrations.ledger.status import INCOMING, OUTCOMES

__all__ = ["Balance"]


@dataclass(frozen=True, slots=True)
class Balance:
    """``counts``: what came in on the one side, what became of it on the other.

    ``pending`` are those whose fate is still open because fetch or transform was not finished.
    """

    counts: dict[str, int]
    unfinished: str | None
    """The stage that was not finished."""
    verdict: str | None
    """Why the run fails, or None where it does not."""
    changed: bool = False
    """The route does something else with data than it did when the run fetched: nothing but its fetch, once more,
    brings what is left of it to its end."""
    marked: bool = False
    """The stage that was not finished is marked as success."""

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
