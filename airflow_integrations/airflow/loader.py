"""From a folder of route files to DAGs, for the pair of loader files in the dags folder.

Airflow takes errors by file: an exception in the file that defines DAGs would take all of them out of scheduling. So
:func:`load_routes` never raises and loads what is right, and :func:`check_routes`, called in a second file that
defines no DAG, raises one error with every mistake, which Airflow shows as people expect.

A DAG that was built is Airflow's only by being returned: ``auto_register`` would give it to the file that is being
parsed, so that the check would define every DAG again, without its page, and a refused one would take the others along.
"""

from __future__ import annotations

import logging
from pathlib import Path

from airflow.sdk import DAG, get_parsing_context

from airflow_integrations.airflow import settings
from airflow_integrations.airflow.dag_factory import build_dag
from airflow_integrations.airflow.daily_summary import SUMMARY, build_summary
from airflow_integrations.airflow.live import build_live_dag, is_live, live_dag_id, route_of_live
from airflow_integrations.airflow.maintenance import MAINTENANCE, build_maintenance
from airflow_integrations.errors import Mistake, RouteError, SetupError
from airflow_integrations.route_file import check_all, read_route, read_routes

__all__ = ["check_routes", "load_routes"]

log = logging.getLogger("airflow_integrations")

OWN = {MAINTENANCE: "the maintenance DAG", SUMMARY: "the daily summary's DAG"}
"""DAGs that are no route's."""


def load_routes(beside: str | Path, *, maintenance: bool = True) -> dict[str, DAG]:
    """The DAGs of all usable route files, by id. ``beside`` is the calling file: ``load_routes(__file__)``.

    Where there is a route, the maintenance DAG is among them, and the daily summary's where it is configured. They
    serve all routes of a ledger: pass ``maintenance=False`` in all loader files but one. In a task's process only that
    task's DAG is built. Never raises.
    """
    try:
        folder = settings.routes_folder(beside)
        wanted = get_parsing_context().dag_id
        if wanted in OWN:
            return _own(wanted, folder) if maintenance else {}
        if wanted:
            return _one(folder, wanted)
        dags = _all(folder)
        if dags and maintenance:
            for name in OWN:
                dags |= _own(name, folder)
        return dags
    except RouteError as error:
        log.error("%s", error)
    except Exception:
        log.exception("the routes could not be loaded")
    return {}


def check_routes(beside: str | Path) -> None:
    """Check every route file deeply. Raises one RouteError with all mistakes of all files."""
    folder = settings.routes_folder(beside)
    mistakes = check_all(folder)
    for loaded in read_routes(folder).routes.values():
        if told := OWN.get(loaded.route.route):
            mistakes.append(loaded.mistake(("route",), f"this is the name of {told}; choose another"))
            continue
        try:
            _valid(build_dag(loaded.route, documented=False, auto_register=False))
        except Exception as error:
            mistakes.append(loaded.mistake((), f"Airflow refuses this route's DAG: {error}"))
    try:
        settings.daily_summary()
    except SetupError as error:
        mistakes.append(Mistake("Airflow's configuration", 0, 0, "", str(error)))
    if mistakes:
        raise RouteError(mistakes)


def _own(name: str, folder: Path) -> dict[str, DAG]:
    """One of this package's own DAGs; none where it is not configured, or wrongly."""
    try:
        dag = build_maintenance(folder) if name == MAINTENANCE else build_summary(folder)
    except SetupError as error:
        log.warning("%s", error)
        dag = None
    return {} if dag is None else {name: _valid(dag)}


def _one(folder: Path, route_id: str) -> dict[str, DAG]:
    if (route := route_of_live(route_id)) is not None:
        return {route_id: build_live_dag(read_route(folder, route).route)}
    return {route_id: build_dag(read_route(folder, route_id).route, documented=False, auto_register=False)}


def _all(folder: Path) -> dict[str, DAG]:
    found = read_routes(folder)
    for mistake in found.mistakes:
        log.warning("%s", mistake)
    dags = {}
    for route_id, loaded in found.routes.items():
        if told := OWN.get(route_id):
            log.warning("%s: this is the name of %s; choose another", loaded.path, told)
            continue
        try:
            dags[route_id] = _valid(build_dag(loaded.route, auto_register=False))
            if is_live(loaded.route):
                dags[live_dag_id(route_id)] = _valid(build_live_dag(loaded.route))
        except Exception as error:
            log.warning("%s: Airflow refuses this route's DAG: %s", loaded.path, error)
    return dags


def _valid(dag: DAG) -> DAG:
    """What Airflow checks when it takes in a file's DAGs, where an error would count for all of them."""
    dag.validate()  # type: ignore[no-untyped-call]
    return dag
