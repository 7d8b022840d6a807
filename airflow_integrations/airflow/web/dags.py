"""What Airflow knows of the routes' DAGs, read from its metadata database as its own API does."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from urllib.parse import quote, urlsplit

import msgspec
from airflow.models.dag import DagModel, DagTag
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.sdk.configuration import conf
from airflow.utils.session import create_session
from sqlalchemy import select

from airflow_integrations.airflow.maintenance import MAINTENANCE

__all__ = ["DagFacts", "dag_facts", "documents", "run_states", "run_url", "tagged"]

TAG = "integration"
"""Every DAG that is made from a route has it, and the maintenance."""


class DagFacts(msgspec.Struct, frozen=True):
    """What of a DAG says whether its route goes."""

    paused: bool
    stale: bool
    """Its file is gone, or no longer holds it."""
    import_errors: bool
    next_run: float | None
    """When its next run is due to be created."""
    description: str | None


def dag_facts(dag_ids: Collection[str]) -> dict[str, DagFacts]:
    """By id; DAGs that Airflow does not know are left out."""
    columns = (
        DagModel.dag_id,
        DagModel.is_paused,
        DagModel.is_stale,
        DagModel.has_import_errors,
        DagModel.next_dagrun_create_after,
        DagModel.description,
    )
    with create_session() as session:
        rows = session.execute(select(*columns).where(DagModel.dag_id.in_(list(dag_ids)))).all()
    return {
        dag_id: DagFacts(bool(paused), bool(stale), bool(errors), _seconds(due), description)
        for dag_id, paused, stale, errors, due, description in rows
    }


def tagged() -> frozenset[str]:
    """The DAGs that say of themselves that they are routes."""
    with create_session() as session:
        return frozenset(session.scalars(select(DagTag.dag_id).where(DagTag.name == TAG))) - {MAINTENANCE}


def documents(dag_ids: Collection[str]) -> dict[str, str]:
    """By id, the documentation of each DAG's newest version, which holds its route's definition."""
    found = {}
    for row in SerializedDagModel.get_latest_serialized_dags(dag_ids=list(dag_ids)):
        text = ((row.data or {}).get("dag") or {}).get("doc_md")
        if isinstance(text, str):
            found[row.dag_id] = text
    return found


def run_states(dag_id: str, run_ids: Collection[str]) -> dict[str, str]:
    """By run id, the states of those runs that Airflow still has: queued, running, success, failed."""
    with create_session() as session:
        rows = session.execute(
            select(DagRun.run_id, DagRun.state).where(DagRun.dag_id == dag_id, DagRun.run_id.in_(list(run_ids)))
        ).all()
    return {run_id: str(getattr(state, "value", state)) for run_id, state in rows}


def run_url(route: str, run_id: str | None = None) -> str:
    """Airflow's page of a route's DAG, or of one of its runs, as a path of this server.

    A DAG written by hand that holds several routes has its own name before the run's: ``dag.route/run``.
    """
    base = urlsplit(str(conf.get("api", "base_url", fallback="") or "")).path.rstrip("/")
    dag_id = route
    if run_id is not None and (owner := run_id.partition("/")[0]) != run_id and owner.endswith(f".{route}"):
        dag_id, run_id = owner.removesuffix(f".{route}"), run_id.partition("/")[2]
    page = f"{base}/dags/{quote(dag_id, safe='')}"
    return page if run_id is None else f"{page}/runs/{quote(run_id, safe='')}"


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
