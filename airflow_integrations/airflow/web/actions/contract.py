"""What users do with the fields that a route has learned: accept and forget. Told to Airflow's audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_integrations.airflow.web.actions.audit import audit
from airflow_integrations.ledger.contract import accept_drift, forget_learned

if TYPE_CHECKING:
    from airflow_integrations.airflow.web.console import Console
    from airflow_integrations.airflow.web.security.access import Who
    from airflow_integrations.route.contracts.learned import Drift

__all__ = ["accept", "forget"]


def accept(console: Console, who: Who, route: str, paths: list[str]) -> list[Drift]:
    """Take what differs for right from now on: of these fields, or all (none)."""
    who.to_act(route)
    accepted = accept_drift(console.database, route, paths, who.name, console.now())
    audit(who.name, "contract", route, done="accepted", fields="; ".join(map(str, accepted)))
    return accepted


def forget(console: Console, who: Who, route: str) -> None:
    """The next runs are learned from."""
    who.to_act(route)
    forget_learned(console.database, route, who.name, console.now())
    audit(who.name, "contract", route, done="forgotten")
