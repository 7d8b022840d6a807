"""What Airflow knows of the routes' DAGs, read from its metadata database as its own API does."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote, urlsplit

import msgspec
from airflow.models.dag import DagModel, DagTag
from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.sdk.configuration import conf
from airflow.utils.session import create_session
from sqlalchemy import func, select

from airflow_integrations.airflow.daily_summary import SUMMARY
from airflow_integrations.airflow.maintenance import MAINTENANCE

__all__ = ["DagFacts", "dag_facts", "documents", "run_states", "run_url", "tagged"]

TAG = "integration"
"""Every DAG that is made from a route has it, the maintenance and the daily summary."""


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
        return frozenset(session.scalars(select(DagTag.dag_id).where(DagTag.name == TAG))) - {MAINTENANCE, SUMMARY}


def documents(dag_ids: Collection[str]) -> dict[str, str]:
    """By id, the documentation of each DAG's newest version, which holds its route's definition."""
    number, wanted = DagVersion.version_number, DagVersion.dag_id.in_(list(dag_ids))
    newest = select(DagVersion.dag_id, func.max(number).label("number")).where(wanted).group_by(DagVersion.dag_id)
    latest = newest.subquery()
    with create_session() as session:
        rows = session.execute(
            select(SerializedDagModel.dag_id, SerializedDagModel.dag_hash)
            .join(DagVersion, DagVersion.id == SerializedDagModel.dag_version_id)
            .join(latest, (latest.c.dag_id == DagVersion.dag_id) & (latest.c.number == number))
        ).all()
    found = {dag_id: _document(dag_id, dag_hash) for dag_id, dag_hash in rows}
    return {dag_id: text for dag_id, text in found.items() if text is not None}


@lru_cache(maxsize=1024)
def _document(dag_id: str, dag_hash: str) -> str | None:
    """Of one version, which never changes: reading all DAGs for each look at the overview would take a while."""
    this = (SerializedDagModel.dag_id == dag_id, SerializedDagModel.dag_hash == dag_hash)
    with create_session() as session:
        row = session.scalar(select(SerializedDagModel).where(*this).limit(1))
        text = ((row.data or {}).get("dag") or {}).get("doc_md") if row is not None else None
    return text if isinstance(text, str) else None


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
