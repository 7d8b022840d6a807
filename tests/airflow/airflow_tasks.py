"""Tasks of a DAG, as tests run them: in this process, with a context that is a plain dict."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG

__all__ = ["task_of"]


def task_of(dag: DAG, task_id: str) -> Any:
    """An operator of ours: Airflow's own type may be that of a mapped task, which runs nothing by itself."""
    return dag.get_task(task_id)
