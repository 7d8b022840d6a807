"""A route's definition without its file: from its DAG's documentation, else from the newest run's copy.

The API server of a production set-up has no DAG files; both places are databases that it reads anyway.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_integrations.airflow.web.views.airflow_dags import documents
from airflow_integrations.ledger.runs.definitions import definition, newest_hashes
from airflow_integrations.masking.mask import Mask
from airflow_integrations.route.definition_text import mask_in, read_definition

if TYPE_CHECKING:
    from airflow_integrations.airflow.web.console import Console

__all__ = ["Outline", "Step", "current", "mask_of", "outline", "outlines"]

_FENCED = re.compile(r"^(?P<fence>`{3,})yaml\n(?P<text>.*?)\n(?P=fence)$", re.DOTALL | re.MULTILINE)
_CUT = "\n# … cut:"


class Step(msgspec.Struct, frozen=True):
    """A stage of the route: ``http shop``, ``filter``, ``map``."""

    part: str
    """incoming, transform or outgoing."""
    kind: str
    connection: str | None = None


class Outline(msgspec.Struct, frozen=True):
    """A route in few words."""

    entity: str = "entity"
    priority: str = "normal"
    owner: str = "airflow"
    description: str = ""
    schedule: str = "when triggered"
    steps: tuple[Step, ...] = ()
    masked: tuple[str, ...] = ()
    """The paths of its mask."""
    payloads_kept: str = "7d"
    """``retention.payloads``."""
    stores: bool = False
    """It keeps values in a store."""


def current(console: Console, route: str) -> str | None:
    """The definition as YAML, as Airflow has it now. None: neither Airflow nor the ledger has one."""
    return documented(route) or newest(console, [route]).get(route)


def documented(route: str) -> str | None:
    """From the DAG's documentation. None where there is none, or where it was cut because it is long."""
    text = _fenced(route)
    if text is None or _CUT in text or read_definition(text) is None:
        return None
    return f"{text}\n"  # as the ledger keeps it


def newest(console: Console, routes: Collection[str]) -> dict[str, str]:
    """By route, the definition that its newest run worked by, where the ledger has it."""
    found = {}
    for route, hash_ in newest_hashes(console.database, routes).items():
        if (text := _kept(console, route, hash_)) is not None:
            found[route] = text
    return found


def outlines(console: Console, routes: Collection[str]) -> dict[str, Outline]:
    """By route; of those that never ran by their DAG's documentation."""
    texts = newest(console, routes)
    for route, document in documents([route for route in routes if route not in texts]).items():
        if fenced := _FENCED.search(document):
            texts[route] = fenced["text"]
    return {route: outline(text) for route, text in texts.items()}


@lru_cache(maxsize=2048)
def outline(text: str) -> Outline:
    """Of a definition. One that cannot be read has nothing in it."""
    plain = read_definition(text) or {}
    entity = plain.get("entity") or {}
    return Outline(
        entity=str(entity.get("name", "entity")),
        priority=str(plain.get("priority", "normal")),
        owner=str(plain.get("owner", "airflow")),
        description=str(plain.get("description", "")),
        schedule=_schedule(plain.get("schedule")),
        steps=tuple(_steps(plain)),
        masked=tuple(map(str, plain.get("mask") or ())),
        stores=any("store" in step for step in plain.get("transform") or () if isinstance(step, dict)),
        payloads_kept=str((plain.get("retention") or {}).get("payloads", "7d")),
    )


def mask_of(console: Console, route: str) -> Mask:
    """What Airflow's version of the route hides together with what its newest run's did: a change that takes a path
    away counts from the next run on, one that adds a path as soon as Airflow has read the file."""
    return mask_in(_fenced(route), newest(console, [route]).get(route))


def _fenced(route: str) -> str | None:
    document = documents([route]).get(route)
    fenced = _FENCED.search(document) if document else None
    return fenced["text"] if fenced else None


def _steps(plain: dict[str, Any]) -> list[Step]:
    parts = [("incoming", plain.get("incoming")), *(("transform", step) for step in plain.get("transform") or ())]
    found = []
    for part, stage in (*parts, ("outgoing", plain.get("outgoing"))):
        kind, options = next(iter(stage.items()), ("?", None)) if isinstance(stage, dict) else ("?", None)
        connection = options.get("connection") if isinstance(options, dict) else None
        found.append(Step(part, str(kind), None if connection is None else str(connection)))
    return found


def _schedule(schedule: Any) -> str:
    if not isinstance(schedule, dict):
        return "when triggered"
    rhythm = str(schedule["cron"]) if "cron" in schedule else f"every {schedule.get('every')}"
    zone = schedule.get("timezone", "UTC")
    return rhythm if zone == "UTC" else f"{rhythm} {zone}"


def _kept(console: Console, route: str, hash_: str) -> str | None:
    """Definitions never change, so they are read once."""
    kept = console.definitions
    if (route, hash_) not in kept:
        text = definition(console.database, route, hash_)
        if text is None:
            return None
        kept[route, hash_] = text
    return kept[route, hash_]
