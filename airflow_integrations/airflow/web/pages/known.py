"""Which routes there are: those that the ledger knows, and those of the route files, as far as the user may read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_integrations.airflow.web.access import Who
    from airflow_integrations.airflow.web.console import Console

__all__ = ["is_route", "readable_routes"]


def readable_routes(console: Console, who: Who) -> frozenset[str]:
    from airflow_integrations.ledger.overview import queue

    return who.readable([line.route for line in queue(console.database, console.now())])


def is_route(console: Console, who: Who, name: str) -> bool:
    return name in readable_routes(console, who)
