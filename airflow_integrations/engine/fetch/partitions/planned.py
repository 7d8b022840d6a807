"""Which partitions a planned run has: by its route and window or, where only the source can tell, by a list that the
plan has staged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from airflow_integrations.errors import RunError
from airflow_integrations.route.incremental import Partition
from airflow_integrations.route.partitions import partitions_of, told_by_source
from airflow_integrations.run import Run
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

__all__ = ["planned_partitions", "stage_parts", "staged_parts"]

Parts = list[tuple[str, Any]]
"""Each with its name."""

_decoder = msgspec.json.Decoder(Parts)


def stage_parts(staging: Staging, planned: Manifest, parts: Parts) -> None:
    """Before the manifest says that there are partitions: who finds that finds these."""
    staging.write_packed(_name(planned), msgspec.json.encode(parts))


def staged_parts(staging: Staging, planned: Manifest) -> Parts | None:
    """None where they are gone or damaged, or not those that the manifest counts."""
    try:
        content = staging.read_packed(_name(planned))
        parts = None if content is None else _decoder.decode(content)
    except (ValueError, msgspec.DecodeError):
        return None
    return parts if parts is not None and len(parts) == planned.partitions else None


def planned_partitions(run: Run, staging: Staging, planned: Manifest) -> Sequence[Partition]:
    """All of them. Raises RunError where the staged list is gone."""
    if not told_by_source(run.route):
        return partitions_of(run.route, run.window)
    if (parts := staged_parts(staging, planned)) is None:
        raise RunError(
            f"what fetch planned is gone or damaged in {staging.folder}: clear the task fetch of this run, with "
            "Downstream; it plans again"
        )
    return [Partition(number, len(parts), name, part=part) for number, (name, part) in enumerate(parts, 1)]


def _name(planned: Manifest) -> str:
    """Of one plan, so that a task which was given up reads no list of another one."""
    return f"fetch-parts-{planned.version}.json.zst"
