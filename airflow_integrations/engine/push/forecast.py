"""Forecast a push by what the ledger knows of the entities. It only reads: nothing is leased or written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal, get_args

import msgspec

from airflow_integrations.engine.push.outcomes import Outcomes, target_of
from airflow_integrations.ledger.records import Known
from airflow_integrations.ledger.runs.claims import known_entities
from airflow_integrations.outgoing import Outbound
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Services

if TYPE_CHECKING:
    from airflow_integrations.ledger.ledger import Ledger

__all__ = ["PROSPECTS", "Forecast", "forecast"]

Forecast = Literal["new", "changed", "again", "unchanged", "superseded", "left_open"]
"""``new``: sent, and never delivered before. ``changed``: sent, and delivered before with other content. ``again``:
sent with the content that was delivered last. ``unchanged`` and ``superseded``: not sent. ``left_open``: not sent now,
this very state already waits for its next attempt, for the target or for a person."""

PROSPECTS: Final[tuple[Forecast, ...]] = get_args(Forecast)


async def forecast(route: Route, outbounds: Sequence[Outbound], services: Services, ledger: Ledger) -> list[Forecast]:
    """What is to be expected of each, in their order, as if the target took everything.

    ``ledger`` is where the route's deliveries are, which need not be the one that ``services`` work with. Raises
    OutageError where it is away.
    """
    keys = sorted({outbound.key for outbound in outbounds})
    known = await asyncio.to_thread(known_entities, ledger, route.route, keys)
    verdicts = Outcomes(route, target_of(route), services)
    prospects = []
    for outbound in outbounds:
        before = known.get(outbound.key)
        prospects.append(prospect := _prospect(verdicts, outbound, before))
        if prospect in ("new", "changed", "again"):
            known[outbound.key] = _delivered(outbound, before)
    return prospects


def _prospect(verdicts: Outcomes, outbound: Outbound, known: Known | None) -> Forecast:
    fate = verdicts.before(outbound, known)
    if fate is not None:
        return fate.status if fate.status in ("unchanged", "superseded") else "left_open"
    if known is None or not known.deliveries:
        return "new"
    return "again" if known.delivered_hash == outbound.hash else "changed"


def _delivered(outbound: Outbound, before: Known | None) -> Known:
    """What is known of the key when its next state comes in the same run."""
    content = None if outbound.deleted else outbound.hash
    if before is None:
        before = Known("delivered", None, None, None, 0, None, 0, None, None, None, None)
    return msgspec.structs.replace(
        before,
        status="delivered",
        hash=None,
        delivered_hash=content,
        maybe=None,
        delivered_version=outbound.version,
        deliveries=before.deliveries + 1,
        version=outbound.version,
    )
