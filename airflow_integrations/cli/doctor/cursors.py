"""Is what the routes' next runs begin with a time or a value that makes sense?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_integrations.cli.airflow_access import open_ledger
from airflow_integrations.cli.doctor.installation import Check
from airflow_integrations.engine.fetch.cursor.ahead import AHEAD, saved_trouble
from airflow_integrations.engine.fetch.cursor.watch import newer_than
from airflow_integrations.engine.fetch.start import cursor_options
from airflow_integrations.errors import AnswerError, IntegrationError
from airflow_integrations.ledger.runs.runs import route_state
from airflow_integrations.route.definition import Route
from airflow_integrations.route_files.load import RouteFiles
from airflow_integrations.window import rfc3339

if TYPE_CHECKING:
    from airflow_integrations.ledger.ledger import Ledger

__all__ = ["check_cursors"]


def check_cursors(found: RouteFiles, now: float) -> list[Check]:
    """One check for each cursor or mark that is wrong; one in all where none is, and none without a ledger."""
    try:
        with open_ledger() as ledger:
            checks = [check for loaded in found.routes.values() for check in _of_route(loaded.route, ledger, now)]
    except IntegrationError:
        return []  # the check of the ledger says why
    return checks or [
        Check("ok", "cursors and marks", "none is in the future or of a kind that its route does not take")
    ]


def _of_route(route: Route, ledger: Ledger, now: float) -> list[Check]:
    name, checks = route.route, []
    state = route_state(ledger, name)
    options = cursor_options(route)
    if options is not None and state.cursor is not None:
        why = saved_trouble(options, state.cursor, now)
        if why is None:
            try:
                newer_than(options, state.cursor)
            except AnswerError as error:
                why = str(error)
        if why is not None:
            remedy = f"airflow-integrations cursor set {name} VALUE, or cursor clear {name} to begin again"
            detail = f"{state.cursor[:80]}: {why}. {remedy}"
            checks.append(Check("warning", f"cursor of {name}", detail, "a value that the route should not have"))
    if state.mark is not None and state.mark > datetime.fromtimestamp(now, UTC) + AHEAD:
        detail = (
            f"{rfc3339(state.mark)} lies in the future: until then a run fetches its own interval alone, and not what "
            f"earlier runs left. airflow-integrations cursor set {name} --mark TIME"
        )
        checks.append(Check("warning", f"mark of {name}", detail))
    return checks
