"""The routes that the maintenance serves: those of all DAG bundles, for they share one ledger."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from airflow_integrations.airflow.config.bundles import BundledRoutes
from airflow_integrations.errors import OutageError, RouteError
from airflow_integrations.route.definition import Route
from airflow_integrations.route_files.load import RouteFiles, merged, read_route, read_routes

__all__ = ["ServedRoutes"]

log = logging.getLogger("airflow_integrations")


@dataclass(frozen=True, slots=True)
class ServedRoutes:
    """Folders of route files, at one moment."""

    folders: Sequence[Path]
    """That of the maintenance DAG first."""
    complete: bool = True
    """Whether no bundle is missing."""

    @classmethod
    def beside(cls, own: Path) -> ServedRoutes:
        """The folder ``own``, and those of the other bundles. Where one of these cannot be fetched, ``own`` alone."""
        try:
            return cls(BundledRoutes(own).folders())
        except OutageError as error:
            log.warning("only the routes in %s are looked at: %s", own, error)
            return cls([own], complete=False)

    @property
    def usable(self) -> bool:
        """Whether a route that is in none of them is in none at all."""
        return self.complete and all(folder.is_dir() for folder in self.folders)

    def all(self) -> RouteFiles:
        return merged([read_routes(folder) for folder in self.folders])

    def one(self, name: str) -> Route:
        """Raises RouteError where no folder has a valid file of this route."""
        *others, last = self.folders
        for folder in others:
            try:
                return read_route(folder, name).route
            except RouteError:
                continue
        return read_route(last, name).route
