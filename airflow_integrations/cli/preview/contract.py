"""Fields of a preview's entities beside those that the route's contract has learned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airflow_integrations.cli.airflow_access import open_ledger
from airflow_integrations.errors import IntegrationError
from airflow_integrations.ledger.contract import learned_of
from airflow_integrations.route.contracts.seen import Different, Seen
from airflow_integrations.route.definition import Route

__all__ = ["differences"]

MOST = 100


def differences(route: Route, records: Iterable[Any]) -> list[Different]:
    """What differs, each field once, at most some of it. Empty where the route has no contract or still learns. The
    ledger is only read; where it cannot be, the preview says so elsewhere."""
    if route.contract is None:
        return []
    try:
        with open_ledger() as ledger:
            learned = learned_of(ledger, route.route)
    except IntegrationError:
        return []
    if learned is None:
        return []
    seen = Seen(learned, route.contract.ignore)
    found = dict.fromkeys(one for record in records for one in seen.look(record))
    return [*found, *seen.gone()][:MOST]
