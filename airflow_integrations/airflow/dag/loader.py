"""From a folder of route files to DAGs, for the pair of loader files in the dags folder.

Airflow takes errors by file: an exception in the file that defines DAGs would take all of them out of scheduling. So
:func:`load_routes` never raises: it loads what is valid, or was valid before the last edit. :func:`check_routes` is
called in a second file, which defines no DAG. It raises one error with every mistake, and Airflow shows that.

A DAG that was built is Airflow's only by being returned: ``auto_register`` would give it to the file that is being
parsed, so that the check would define every DAG again, without its page, and a refused one would take the others along.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from airflow.sdk import DAG, get_parsing_context

from airflow_integrations.airflow.config import settings
from airflow_integrations.airflow.dag.dag_ids import (
    events_dag_id,
    has_events_dag,
    is_live,
    live_dag_id,
    route_of_events,
    route_of_live,
)
from airflow_integrations.airflow.dag.factory import build_dag, build_events_dag
from airflow_integrations.airflow.dag.last_valid import last_valid, remember
from airflow_integrations.airflow.maintenance.dag import MAINTENANCE, build_maintenance
from airflow_integrations.airflow.maintenance.daily_summary import build_summary
from airflow_integrations.airflow.operators.consume import build_live_dag
from airflow_integrations.errors import Mistake, RouteError, SetupError
from airflow_integrations.route.definition import OWN_DAGS, Route
from airflow_integrations.route_files.load import RouteFiles, mistakes_between, own_mistakes, read_route, read_routes
from airflow_integrations.route_files.shards import Shard, written_name

__all__ = ["check_routes", "load_routes"]

log = logging.getLogger("airflow_integrations")


def load_routes(
    beside: str | Path, *, maintenance: bool = True, shard: tuple[int, int] | None = None
) -> dict[str, DAG]:
    """The DAGs of all usable route files, by id. ``beside`` is the calling file: ``load_routes(__file__)``.

    Where there is a route, the maintenance DAG is among them, and the daily summary's where it is configured. They
    serve all routes of a ledger: pass ``maintenance=False`` in all loader files but one. In a task's process only that
    task's DAG is built. Never raises.

    ``shard=(1, 8)`` is the first of eight files that share a folder: each loads the routes that fall to it by a hash of
    their names. The first one also has the DAGs that serve all.
    """
    try:
        share = None if shard is None else Shard(*shard)
        maintenance = maintenance and (share is None or share.number == 1)
        folder = settings.routes_folder(beside)
        wanted = get_parsing_context().dag_id
        if wanted in OWN_DAGS:
            return _own(wanted, folder) if maintenance else {}
        if wanted:
            return _one(folder, wanted)
        found = read_routes(folder, share)
        dags = _all(folder, found)
        if (dags or found.names) and maintenance:
            for name in OWN_DAGS:
                dags |= _own(name, folder)
        return dags
    except RouteError as error:
        log.error("%s", error)
    except Exception:
        log.exception("the routes could not be loaded")
    return {}


def check_routes(beside: str | Path, *, shard: tuple[int, int] | None = None, between: bool = False) -> None:
    """Check every route file deeply. Raises one RouteError with all mistakes of all files.

    Where several loader files share a folder, ``shard`` checks the files of one share, each by itself, and ``between``
    what the routes of all shares say of each other.
    """
    folder = settings.routes_folder(beside)
    found = read_routes(folder, None if shard is None else Shard(*shard))
    mistakes = [] if between else [*own_mistakes(found), *_refused(found)]
    if shard is None:
        mistakes += mistakes_between(found)
        try:
            settings.daily_summary()
        except SetupError as error:
            mistakes.append(Mistake("Airflow's configuration", 0, 0, "", str(error)))
    if mistakes:
        raise RouteError(sorted(set(mistakes)))


def _refused(found: RouteFiles) -> Iterator[Mistake]:
    for loaded in found.routes.values():
        try:
            _valid(build_dag(loaded.route, documented=False, auto_register=False))
        except Exception as error:
            yield loaded.mistake((), f"Airflow refuses this route's DAG: {error}")


def _own(name: str, folder: Path) -> dict[str, DAG]:
    """One of this package's own DAGs; none where it is not configured, or wrongly."""
    try:
        dag = build_maintenance(folder) if name == MAINTENANCE else build_summary(folder)
    except SetupError as error:
        log.warning("%s", error)
        dag = None
    return {} if dag is None else {name: _valid(dag)}


def _one(folder: Path, route_id: str) -> dict[str, DAG]:
    if (name := route_of_live(route_id)) is not None:
        return {route_id: build_live_dag(_route(folder, name))}
    if (name := route_of_events(route_id)) is not None:
        return {route_id: build_events_dag(_route(folder, name), auto_register=False)}
    return {route_id: build_dag(_route(folder, route_id), documented=False, auto_register=False)}


def _route(folder: Path, name: str) -> Route:
    """The route; where its file has mistakes, as it was when it was last valid. Raises RouteError."""
    try:
        loaded = read_route(folder, name)
    except RouteError:
        if (kept := _kept(folder, read_routes(folder)).get(name)) is None:
            raise
        return kept
    remember([loaded])
    return loaded.route


def _kept(folder: Path, found: RouteFiles) -> dict[str, Route]:
    """The routes of files that have mistakes, as they were when they were last valid."""
    kept: dict[str, Route] = {}
    for path in found.broken_paths:
        route = last_valid(folder, path)
        if route is not None and route.route not in found.routes and not _elsewhere(path, route.route, found):
            log.warning("%s has mistakes; the route %s goes on as it was last valid", path, route.route)
            kept.setdefault(route.route, route)
    return kept


def _elsewhere(path: Path, name: str, found: RouteFiles) -> bool:
    """Whether another loader file may have a route of this name: the broken file was renamed, another called so."""
    return name in found.names and written_name(path) != name


def _all(folder: Path, found: RouteFiles) -> dict[str, DAG]:
    for mistake in found.mistakes:
        log.warning("%s", mistake)
    remember(found.routes.values())
    routes = {name: (loaded.route, str(loaded.path)) for name, loaded in found.routes.items()}
    routes |= {name: (route, f"the last valid version of {name}") for name, route in _kept(folder, found).items()}
    dags = {}
    for route_id, (route, place) in routes.items():
        try:
            dags[route_id] = _valid(build_dag(route, auto_register=False))
            if has_events_dag(route):
                dags[events_dag_id(route_id)] = _valid(build_events_dag(route, auto_register=False))
            if is_live(route):
                dags[live_dag_id(route_id)] = _valid(build_live_dag(route))
        except Exception as error:
            log.warning("%s: Airflow refuses this route's DAG: %s", place, error)
    return dags


def _valid(dag: DAG) -> DAG:
    """What Airflow checks when it takes in a file's DAGs, where an error would count for all of them."""
    dag.validate()  # type: ignore[no-untyped-call]
    return dag
