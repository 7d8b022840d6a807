"""What a run left to another one is not told over the other's head."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from airflow_integrations.ledger import schema
from airflow_integrations.ledger.bulk import among
from airflow_integrations.ledger.records import Outcome, RunRef

__all__ = ["LEASED", "beside_the_lease"]

LEASED = "leased"
"""``error_class`` of an entity that a run passed over because another run had a state of it under way."""

_entity = schema.entity.c


def beside_the_lease(connection: Connection, run: RunRef, outcomes: Iterable[Outcome]) -> Iterable[Outcome]:
    """Without those that were left to another run whose word about this very state is on the row, and still open: it
    may be in doubt or waiting, and must not go out again because this run says later that it has not sent it."""
    left = {outcome.key: outcome.hash for outcome in outcomes if outcome.error_class == LEASED}
    if not left:
        return outcomes
    rows = connection.execute(
        select(_entity.key, _entity.hash).where(
            _entity.route_id == run.route_id, schema.OPEN, among(connection, _entity.key, left)
        )
    )
    told = {key for key, content in rows if content == left[key]}
    return [outcome for outcome in outcomes if outcome.error_class != LEASED or outcome.key not in told]
