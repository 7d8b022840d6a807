"""Find the routes folder, and the route in it, that a command is about."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_integrations.cli.command import UsageError
from airflow_integrations.errors import RouteError

if TYPE_CHECKING:
    from airflow_integrations.route_files.load import LoadedRoute

__all__ = ["asked_route", "routes_folder"]

VARIABLE = "AIRFLOW__INTEGRATIONS__ROUTES"
USUAL = (Path("dags/routes"), Path("routes"))


def routes_folder(args: argparse.Namespace, *, create: bool = False, fetched: bool = True) -> Path:
    """``--routes``, else the environment's, else the usual places, else Airflow's DAG bundles. Raises UsageError where
    there is none, OutageError where a bundle cannot be fetched.

    Without ``fetched`` no bundle is looked at, which may take seconds. With ``create`` the folder may be missing: it is
    the first usual place whose own folder is there.
    """
    for given, origin in ((args.routes, "--routes"), (os.environ.get(VARIABLE), f"${VARIABLE}")):
        if given:
            folder = Path(given).expanduser()
            if folder.is_dir() or (create and not folder.exists()):
                return folder
            raise UsageError(f"{origin} is {given}, which is not a folder")
    for folder in USUAL:
        if folder.is_dir():
            return folder
    if create:
        return USUAL[0] if USUAL[0].parent.is_dir() else USUAL[1]
    if fetched and (bundled := _bundled()) is not None:
        return bundled
    raise UsageError(
        f"no routes folder found here; give --routes, set {VARIABLE}, or write the first route: "
        "airflow-integrations new NAME"
    )


def _bundled() -> Path | None:
    """The folder in Airflow's DAG bundles. Airflow is imported only where it is configured with some."""
    from airflow_integrations.cli.airflow_access import are_bundled, route_folders

    if not are_bundled():
        return None
    found = [folder for folder in route_folders() if folder.is_dir()]
    if len(found) > 1:
        raise UsageError(f"several DAG bundles have routes; give --routes, one of {', '.join(map(str, found))}")
    return found[0] if found else None


def asked_route(args: argparse.Namespace) -> LoadedRoute:
    """The route that ``args.route`` names: by its name, or by its file.

    Raises RouteError with the mistakes of its file, UsageError with the names of the routes that there are.
    """
    from airflow_integrations.route_files.load import (  # with the models, which take a while
        UnknownRouteError,
        read_route,
        read_routes,
    )

    path = Path(args.route)
    if path.suffix not in (".yaml", ".yml", ".json"):
        try:
            return read_route(routes_folder(args), args.route)
        except UnknownRouteError as error:
            raise UsageError(str(error)) from None
    if not path.is_file():
        raise UsageError(f"no such file: {path}")
    folder = _folder_of(path, args)
    found = read_routes(folder)
    for loaded in found.routes.values():
        if loaded.path == path.resolve():
            return loaded
    name = str(path.resolve().relative_to(folder.resolve().parent))
    mistakes = [mistake for mistake in found.mistakes if mistake.file == name]
    if not mistakes:
        raise UsageError(
            f"{path} is not a route file, or another file of {folder} has mistakes that it depends on; run validate"
        )
    raise RouteError(mistakes)


def _folder_of(path: Path, args: argparse.Namespace) -> Path:
    """The routes folder that holds a file: the usual one where it does, else the file's own folder."""
    try:
        folder = routes_folder(args)
        if path.resolve().is_relative_to(folder.resolve()):
            return folder
    except UsageError:
        if args.routes:
            raise
    return path.parent
