"""A DAG run from within Airflow's API server, as its REST API makes one.

The one file that calls ``airflow.api.common.trigger_dag``, which is not a public interface.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from airflow_integrations.errors import OutageError, SetupError

__all__ = ["Rung", "trigger"]

Rung = Literal["rung", "there"]
"""``there``: a run of this id exists."""


def trigger(dag_id: str, run_id: str, conf: Mapping[str, Any], *, by: str | None = None) -> Rung:
    """Give the DAG a run of this id. A paused DAG gets it, too: it waits until the DAG is switched on.

    Raises SetupError where there is no such DAG, or its file is broken, and OutageError where the metadata database
    does not take it now.
    """
    from airflow.api.common.trigger_dag import trigger_dag
    from airflow.exceptions import DagNotFound, DagRunAlreadyExists
    from airflow.utils.types import DagRunTriggeredByType
    from sqlalchemy.exc import SQLAlchemyError

    try:
        trigger_dag(
            dag_id,
            triggered_by=DagRunTriggeredByType.REST_API,
            triggering_user_name=by,
            run_id=run_id,
            conf=dict(conf),
        )
    except DagRunAlreadyExists:
        return "there"
    except DagNotFound as error:
        raise SetupError(
            f"there is no DAG {dag_id}: its file is broken, or the DAG processor has not read it"
        ) from error
    except SQLAlchemyError as error:
        raise OutageError(f"Airflow's database did not take a run of {dag_id}: {type(error).__name__}") from error
    return "rung"
