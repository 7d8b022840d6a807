"""Read the routes' DAGs from Airflow's metadata database, as its own API does."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote, urlsplit

import msgspec
from airflow.models.dag import DagModel, DagTag
from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.models.pool import Pool
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from airflow.sdk.configuration import conf
from airflow.utils.session import create_session
from sqlalchemy import func, select

from airflow_integrations.airflow.dag.dag_ids import events_dag_id, route_of_dag
from airflow_integrations.airflow.maintenance.dag import MAINTENANCE
from airflow_integrations.airflow.maintenance.daily_summary import SUMMARY

__all__ = [
    "DagFacts",
    "bundle_version",
    "dag_facts",
    "documents",
    "is_paused",
    "run_states",
    "run_url",
    "tagged",
    "waits_for",
]

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


def is_paused(dag_id: str) -> bool:
    """Whether runs of the DAG wait until it is switched on."""
    facts = dag_facts([dag_id]).get(dag_id)
    return facts is not None and facts.paused


def waits_for(route: str, run_id: str) -> str | None:
    """What keeps the next task of a run from starting, for people. None: it is not waiting, or nothing is known."""
    dag_id, run_id = _in_airflow(route, run_id)
    with create_session() as session:
        state = session.scalar(select(DagRun.state).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        if state == "queued":
            if is_paused(dag_id):
                return "its DAG is paused: it starts when the DAG is switched on"
            return "it waits until another run of the route has ended (max_active_runs)"
        task = session.execute(
            select(TaskInstance.task_id, TaskInstance.pool)
            .where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.state == "scheduled")
            .limit(1)
        ).one_or_none()
        if task is None:
            return None
        pool = session.scalar(select(Pool).where(Pool.pool == task.pool))
        if pool is not None and pool.slots >= 0 and pool.open_slots(session=session) <= 0:
            return f"{task.task_id} waits for a slot of the pool {task.pool}: all {pool.slots} are taken"
        return f"{task.task_id} waits for the scheduler (pool {task.pool})"


def tagged() -> frozenset[str]:
    """The DAGs that say of themselves that they are routes."""
    with create_session() as session:
        found = frozenset(session.scalars(select(DagTag.dag_id).where(DagTag.name == TAG))) - {MAINTENANCE, SUMMARY}
    return frozenset(dag_id for dag_id in found if route_of_dag(dag_id) == dag_id)


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


def run_states(route: str, run_ids: Collection[str]) -> dict[str, str]:
    """By run id, the states of those runs of a route that Airflow still has: queued, running, success, failed."""
    names = {_in_airflow(route, run_id): run_id for run_id in run_ids}
    columns = DagRun.dag_id, DagRun.run_id, DagRun.state
    dags, runs = DagRun.dag_id.in_({dag_id for dag_id, _ in names}), DagRun.run_id.in_({run_id for _, run_id in names})
    with create_session() as session:
        rows = session.execute(select(*columns).where(dags, runs)).all()
    states = {(dag_id, run_id): str(getattr(state, "value", state)) for dag_id, run_id, state in rows}
    return {names[name]: state for name, state in states.items() if name in names}


def bundle_version(route: str, run_id: str) -> str | None:
    """The version of the DAG bundle whose files a run works by, such as a commit. None: its bundle has no versions, or
    Airflow does not have the run."""
    dag_id, run_id = _in_airflow(route, run_id)
    with create_session() as session:
        return session.scalar(select(DagRun.bundle_version).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))


def run_url(route: str, run_id: str | None = None) -> str:
    """Airflow's page of a route's DAG, or of one of its runs, as a path of this server."""
    base = urlsplit(str(conf.get("api", "base_url", fallback="") or "")).path.rstrip("/")
    dag_id = route
    if run_id is not None:
        dag_id, run_id = _in_airflow(route, run_id)
    page = f"{base}/dags/{quote(dag_id, safe='')}"
    return page if run_id is None else f"{page}/runs/{quote(run_id, safe='')}"


def _in_airflow(route: str, run_id: str) -> tuple[str, str]:
    """The ids of the DAG and the run, of a run as the ledger knows it.

    The DAG of a route's events has its id before the run's; one written by hand, which may hold several routes, is
    ``dag.route/run``.
    """
    owner, slash, rest = run_id.partition("/")
    if slash and owner == events_dag_id(route):
        return owner, rest
    if slash and owner.endswith(f".{route}"):
        return owner.removesuffix(f".{route}"), rest
    return route, run_id


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
