"""Apply a route's mask to what is shown of entities on a terminal."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from airflow_integrations.cli.airflow_access import route_folders
from airflow_integrations.cli.route_options import USUAL, VARIABLE
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.runs.definitions import definition, newest_hashes
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.masking.mask import Mask
from airflow_integrations.route.definition_text import mask_of_plain, read_definition, readable_part
from airflow_integrations.route_files.written_mask import written_mask

__all__ = ["entity_options", "mask_of"]

log = logging.getLogger("airflow_integrations")


def mask_of(database: Database, route: str) -> Mask:
    """What the route's file hides now together with what the definition did that its newest run worked by."""
    newest = read_definition(readable_part(_newest(database, route) or ""))
    return mask_of_plain([*_in_files(route), *([newest] if newest else [])])


def entity_options(database: Database, route: str) -> tuple[str, str]:
    """What expressions of the route call an entity, and the expression of its key, as its newest run had them. Of a
    route that never ran as its file says them; empty where that cannot be found."""
    plain = (read_definition(_newest(database, route) or "") or next(_in_files(route), {})).get("entity") or {}
    return str(plain.get("name", "entity")), str(plain.get("key", ""))


def _newest(database: Database, route: str) -> str | None:
    newest = newest_hashes(database, [route]).get(route)
    return definition(database, route, newest) if newest is not None else None


def _in_files(route: str) -> Iterator[dict[str, Any]]:
    """From every folder that commands or Airflow look for routes in; they may be on another machine."""
    given = os.environ.get(VARIABLE)
    for folder in dict.fromkeys((*([Path(given)] if given else []), *USUAL, *_configured())):
        with contextlib.suppress(OSError):
            if folder.is_dir() and (found := written_mask(folder, route)) is not None:
                yield found


def _configured() -> Sequence[Path]:
    try:
        return route_folders()
    except OutageError as error:
        log.warning("a mask is taken from the newest run alone: %s", error)
        return ()
