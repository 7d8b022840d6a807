"""Preview by the ledger: which entities are new, which changed, which the target has already."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

from airflow_integrations.cli.airflow_access import open_ledger
from airflow_integrations.engine.push.forecast import PROSPECTS, Forecast, forecast
from airflow_integrations.errors import IntegrationError
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Services
from airflow_integrations.simulate.trial import Passed, Trial

__all__ = ["Prospects", "look_ahead"]

_TOLD = {"again": "sent again", "left_open": "left open", "rejected": "would be rejected"}


@dataclass(frozen=True, slots=True)
class Prospects:
    """Of a preview's entities. ``unknown`` is why nothing is known of them, or None."""

    each: tuple[tuple[str, Forecast], ...] = ()
    """Key and prospect, in the order of the push."""
    unknown: str | None = None

    @property
    def all_new(self) -> bool:
        """Whether a target that has none of the entities yet is the true one, as far as is known."""
        return all(prospect == "new" for _, prospect in self.each)

    def of(self, passed: Sequence[Passed]) -> list[Forecast | None]:
        """One for each of the entities; None where it is not known."""
        left: defaultdict[str, deque[Forecast]] = defaultdict(deque)
        for key, prospect in self.each:
            left[key].append(prospect)
        return [left[one.key].popleft() if left[one.key] else None for one in passed]

    def counts(self, trial: Trial) -> dict[str, int]:
        """How many entities have which prospect, and how many were filtered, merged and rejected on the way."""
        expected = Counter(prospect for _, prospect in self.each)
        on_the_way = {"filtered": len(trial.filtered), "merged": len(trial.merged), "rejected": len(trial.rejected)}
        return ({} if self.unknown else {name: expected[name] for name in PROSPECTS}) | on_the_way

    def lines(self, trial: Trial) -> list[str]:
        """The same in words."""
        said = ", ".join(f"{count} {_TOLD.get(name, name)}" for name, count in self.counts(trial).items() if count)
        if self.unknown is None:
            return [said] if said else []
        why = f"What is new and what has changed is not known, for the ledger cannot be asked: {self.unknown}"
        return [why, said] if said else [why]


async def look_ahead(route: Route, trial: Trial, services: Services) -> Prospects:
    """Ask the configured ledger. It is only read, and a preview without it is better than none."""
    if not trial.outbounds:
        return Prospects()
    try:
        with open_ledger() as ledger:
            found = await forecast(route, trial.outbounds, services, ledger)
    except IntegrationError as error:
        return Prospects(unknown=str(error))
    return Prospects(tuple((outbound.key, prospect) for outbound, prospect in zip(trial.outbounds, found, strict=True)))
