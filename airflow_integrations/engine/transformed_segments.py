"""Where the lines are that transform has left of a run: in segments of the whole run, or of the share of each part.

A place counts through all of them. The places of a share begin where the fetched entities of the shares before it end:
it has no more lines of one kind than fetched entities, so they stay apart, whichever share is finished first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from airflow_integrations.engine.push.parts import Part, parts_of, share_of
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest, SegmentRef

__all__ = ["how_far", "placed", "staged_problems", "taken_over_from"]

Left = Literal["segments", "problems", "filtered"]


def placed(staging: Staging, transformed: Manifest | None, left: Left) -> Iterator[tuple[int, SegmentRef]]:
    """Each segment with the place of its first line; also of a share that is not finished, which the ledger may know
    already."""
    if transformed is None:
        return
    for part in parts_of(transformed) if transformed.shares else (Part(0, 1),):
        manifest: Manifest | None = transformed
        if transformed.shares:
            manifest = staging.manifest("share", part.number) if part.share else None
        first = part.first
        for segment in getattr(manifest, left) if manifest is not None else ():
            yield first, segment
            first += segment.entities


def taken_over_from(transformed: Manifest | None) -> int:
    """The place of the first line that the run took over: behind all that transform may have left."""
    if transformed is None:
        return 0
    return sum(transformed.shares) or sum(segment.entities for segment in transformed.segments)


def how_far(transformed: Manifest | None, at: int) -> float:
    """About how far behind the beginning of what was fetched, from 0 to 1, the entity with this place stands."""
    for part in parts_of(transformed):
        if part.share and part.first <= at < part.first + part.share:
            return (at - part.first) / part.share
    lines = taken_over_from(transformed)
    return min(1.0, at / lines) if lines else 0.0


def staged_problems(staging: Staging) -> Iterator[list[SegmentRef]]:
    """The segments with what fetch and transform rejected or put off."""
    for manifest in (staging.manifest("fetch"), transformed := staging.manifest("transform")):
        if manifest is not None:
            yield manifest.problems
    for part in parts_of(transformed):
        if (share := share_of(staging, part)) is not None:
            yield share.problems
