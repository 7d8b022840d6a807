"""Where a route's entities come from and go to, for Airflow's lineage and for OpenLineage.

A place is named by the Connection and the fixed part of the path, or the table: ``integrations://shop/orders``. A
Connection's host is not looked up for it: a DAG is built without reading any, and a place keeps its name when it moves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import Asset

from airflow_integrations.route.stage import Stage
from airflow_integrations.route.tasks import SINGLE_TASK

if TYPE_CHECKING:
    from airflow_integrations.route.definition import Route

__all__ = ["SCHEME", "asset", "openlineage_facets", "place"]

SCHEME = "integrations"
_VARIABLE = re.compile(r"\{\{|\{%|\{#|\?")


def place(stage: Stage) -> tuple[str, str] | None:
    """Connection and path of an end of a route, as parts of a URI; None for a kind without a Connection."""
    connection = getattr(stage.config, "connection", None)
    if not connection:
        return None
    path = _of_files(_path(stage.config)) if stage.kind == "files" else _path(stage.config)
    fixed = _VARIABLE.split(path, maxsplit=1)[0]
    if fixed != path and "?" not in path[len(fixed) : len(fixed) + 1]:
        fixed = fixed.rpartition("/")[0]  # a step that is variable in part is no place
    return quote(connection, safe=""), quote(fixed.strip().strip("/"), safe="/%")


def _path(config: Any) -> str:
    """The path of the kind's own request; of an upsert the one where entities are created, updated or looked for. Of a
    database the table, of an OData service the entity set."""
    for name in ("table", "entity_set"):
        if isinstance(found := getattr(config, name, None), str):
            return found
    upsert = getattr(config, "upsert", None)
    requests = (config, *(getattr(upsert, name, None) for name in ("create", "update", "find")))
    path = next((path for request in requests if (path := getattr(request, "path", None)) is not None), "")
    return path if isinstance(path, str) else str(path.text)


def _of_files(path: str) -> str:
    """Without the protocol, and without what is a pattern."""
    path = path.rpartition("://")[2]
    fixed = re.split(r"[*?\[]", path, maxsplit=1)[0]
    return path if fixed == path else fixed.rpartition("/")[0]


def asset(stage: Stage) -> Asset | None:
    """One end of a route: the source is an inlet of fetch; the target changes with what is delivered."""
    end = place(stage)
    return Asset(uri=f"{SCHEME}://{end[0]}/{end[1]}") if end else None


def openlineage_facets(route: Route, stage: str, counts: Mapping[str, Mapping[str, int]]) -> Any:
    """What a stage read and wrote, with how many entities. ``counts`` are those of each stage that the task has done.

    Only push names both ends: it is the task that connects them. Needs OpenLineage's provider.
    """
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import (
        InputDatasetFacet,
        OutputDatasetFacet,
        input_statistics_input_dataset,
        output_statistics_output_dataset,
    )

    source, target = place(route.incoming), place(route.outgoing)
    fetched, pushed = counts.get("fetch"), counts.get("push")
    inputs, outputs = [], []
    if source is not None and stage in ("fetch", "push", SINGLE_TASK):
        came: dict[str, InputDatasetFacet] = {}
        if fetched is not None:
            read = input_statistics_input_dataset.InputStatisticsInputDatasetFacet
            came["inputStatistics"] = read(rowCount=fetched.get("fetched", 0))
        inputs.append(InputDataset(_namespace(source), _name(source), inputFacets=came))
    if target is not None and (stage == "push" or pushed is not None):
        went: dict[str, OutputDatasetFacet] = {}
        if pushed is not None:
            written = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
            went["outputStatistics"] = written(rowCount=pushed.get("delivered", 0))
        outputs.append(OutputDataset(_namespace(target), _name(target), outputFacets=went))
    return OperatorLineage(inputs=inputs, outputs=outputs)


def _namespace(place: tuple[str, str]) -> str:
    return f"{SCHEME}://{place[0]}"


def _name(place: tuple[str, str]) -> str:
    return f"/{place[1]}"
