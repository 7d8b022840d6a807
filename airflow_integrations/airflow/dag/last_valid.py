"""The last valid definition of each route file, kept on this machine: a broken edit does not take a route out of
scheduling. The mistakes are Airflow's import error all the same, until the file is corrected.

One file for each route file, below AIRFLOW_HOME, the same for all versions of a DAG bundle. It is written when the
route file, or a shared file that it uses, has changed; else a look costs one small read.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from airflow_integrations.airflow.config import settings
from airflow_integrations.airflow.config.bundles import same_in_every_version
from airflow_integrations.config.file_reference import Folder
from airflow_integrations.formats.json import decode, encode
from airflow_integrations.route.definition import Route
from airflow_integrations.route.dump import plain_definition
from airflow_integrations.route_files.load import LoadedRoute

__all__ = ["last_valid", "remember"]

log = logging.getLogger("airflow_integrations")


def remember(found: Iterable[LoadedRoute]) -> None:
    """Keep these definitions. Where nothing can be written, nothing is kept, and nothing else changes."""
    for loaded in found:
        try:
            _remember(loaded)
        except OSError as error:
            log.debug("the definition of %s is not kept: %s", loaded.route.route, error)


def last_valid(root: Path, path: Path) -> Route | None:
    """What the route file ``path`` said when it was last valid, as far as this machine has read it.

    None where it never was, where a file that it names is gone, or where this version of the package no longer takes
    it.
    """
    try:
        kept = decode(_place(path).read_bytes())
        return Route.load(kept["definition"], folder=Folder(root.resolve(), path.parent))
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None


def _remember(loaded: LoadedRoute) -> None:
    place = _place(loaded.path)
    stamps = [[str(file), (stat := file.stat()).st_mtime_ns, stat.st_size] for file in loaded.files]
    try:
        kept = decode(place.read_bytes())
        if kept["stamps"] == stamps and isinstance(kept["definition"], dict):
            return
    except (OSError, ValueError, KeyError, TypeError):
        pass
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = place.with_name(f"{place.name}.{hashlib.sha256(repr(stamps).encode()).hexdigest()[:8]}.part")
    aside.write_bytes(encode({"stamps": stamps, "definition": plain_definition(loaded.route)}))
    aside.replace(place)


def _place(path: Path) -> Path:
    return (
        settings.last_valid_folder() / f"{hashlib.sha256(same_in_every_version(path).encode()).hexdigest()[:32]}.json"
    )
