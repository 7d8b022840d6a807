"""The ledger of a route test: what other routes have delivered, and what is stored, as the test gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_integrations.entity import content_hash
from airflow_integrations.formats.json import encode, read
from airflow_integrations.ledger.records import Outcome
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import begin_run
from airflow_integrations.ledger.store import NewValue, find_values, read_values, write_values
from airflow_integrations.testing.case import Given, LedgerEntity
from airflow_integrations.window import EPOCH, Window

if TYPE_CHECKING:
    from airflow_integrations.ledger.ledger import Ledger

__all__ = ["fill", "stored"]

_RUN = "given"


def fill(ledger: Ledger, given: Given, now: float) -> None:
    """Write what the test gives."""
    for route, entities in given.ledger.items():
        ref = begin_run(
            ledger, route, _RUN, kind="manual", window=Window(EPOCH, EPOCH), route_hash="", staging="", now=now
        )
        conclude(ledger, ref, [_outcome(key, entity, now) for key, entity in entities.items()], now=now)
    for store, values in given.store.items():
        new = [NewValue(key, encode(value)) for key, value in values.items()]
        write_values(ledger, store, new, route=_RUN, run_id=_RUN, now=now)


def _outcome(key: str, entity: LedgerEntity, now: float) -> Outcome:
    if entity.status == "delivered":
        return Outcome(key=key, status="delivered", hash=content_hash(key.encode()), target_id=entity.target_id)
    later = now + 86_400 if entity.status == "retrying" else None
    return Outcome(
        key=key,
        status=entity.status,
        target_id=entity.target_id,
        reason="as the test gives it",
        error_class="refused",
        next_attempt=later,
    )


def stored(ledger: Ledger, now: float) -> dict[str, dict[str, Any]]:
    """What the route has stored, by store and key: not what the test gave and what is still so."""
    found: dict[str, dict[str, Any]] = {}
    after = None
    while True:
        page = find_values(ledger, now=now, after=after)
        for line in page.values:
            if line.route != _RUN:
                (value,) = read_values(ledger, line.store, [line.key], now).values()  # also what a mask hides
                found.setdefault(line.store, {})[line.key] = read(value)
        if page.after is None:
            return found
        after = page.after
