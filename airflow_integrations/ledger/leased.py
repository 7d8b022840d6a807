"""What a run left to another one is not told over the other's head."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select, update

from airflow_integrations.entity import older
from airflow_integrations.ledger import schema
from airflow_integrations.ledger.bulk import among
from airflow_integrations.ledger.records import LEASED, Outcome, RunRef

__all__ = ["beside_the_lease"]

_entity = schema.entity.c


def beside_the_lease(connection: Connection, run: RunRef, outcomes: Iterable[Outcome]) -> Iterable[Outcome]:
    """Without those that were left to another run whose word about the same content is on the row, and still open: it
    may be in doubt or waiting, and must not go out again because this run says later that it has not sent it. Where
    this run has it in a newer version, the word is about that one from now on. No key twice."""
    left = {outcome.key: outcome for outcome in outcomes if outcome.error_class == LEASED}
    if not left:
        return outcomes
    rows = connection.execute(
        select(_entity.key, _entity.hash, _entity.version).where(
            _entity.route_id == run.route_id, schema.OPEN, among(connection, _entity.key, left)
        )
    )
    told = {key: version for key, content, version in rows if content is not None and content == left[key].hash}
    for key, version in told.items():
        if older(version, left[key].version):
            _is_about(connection, run, left[key])
    return [outcome for outcome in outcomes if outcome.error_class != LEASED or outcome.key not in told]


def _is_about(connection: Connection, run: RunRef, newer: Outcome) -> None:
    connection.execute(
        update(schema.entity)
        .where(_entity.route_id == run.route_id, _entity.key == newer.key)
        .values(
            version=newer.version, payload_run=run.id, payload_stage=newer.payload_stage, payload_at=newer.payload_at
        )
    )
