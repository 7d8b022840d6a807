"""The end of a run in its task's log: the books, what went wrong, and the next steps where the run is red."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from airflow_integrations.airflow.operators.next_steps import next_steps

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_integrations.engine.settle.balance import Balance
    from airflow_integrations.engine.settle.failure_summary import Troubles
    from airflow_integrations.run import Run

__all__ = ["conclude", "tell"]

log = logging.getLogger("airflow_integrations")


def tell(context: Context, run: Run, balance: Balance, troubles: Troubles) -> None:
    """Log the books and what went wrong; where the run is red, the verdict and what to do about it.

    Line by line: the UI does not wrap, and shows an exception's text cut off above its traceback.
    """
    log.info("%s", balance.lines()[0])
    for line in troubles.lines:
        log.warning("%s", line)
    if balance.verdict:
        dag_id = getattr(context.get("dag"), "dag_id", None) or run.route.route
        for line in (balance.verdict, *next_steps(run, dag_id, balance, troubles)):
            log.error("%s", line)


def conclude(context: Context, run: Run, balance: Balance, troubles: Troubles, result: dict[str, Any]) -> None:
    """The same at the end of a task. Raises AirflowFailException where the run is red; ``result`` is its XCom all the
    same."""
    tell(context, run, balance, troubles)
    if balance.verdict:
        context["ti"].xcom_push("return_value", result)
        raise AirflowFailException(balance.verdict)
