"""All entities that a run's push is about, by their ordinals: what transform handed over, then what fetch took over
from earlier runs."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_integrations.engine.outbound_lines import read_outbound
from airflow_integrations.outgoing import Outbound
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest, SegmentRef

__all__ = ["Outbounds"]


class Outbounds:
    """The entities of one run's push. ``transformed`` is None where there was nothing for transform to do."""

    def __init__(self, staging: Staging, fetched: Manifest, transformed: Manifest | None) -> None:
        self.staging = staging
        self._route = fetched.route
        self._version = fetched.version
        self._own = transformed.segments if transformed is not None else []
        self._carried = fetched.carried
        self.segments: list[SegmentRef] = [*self._own, *self._carried]

    @property
    def count(self) -> int:
        return sum(segment.entities for segment in self.segments)

    def read(self) -> Iterator[Outbound]:
        """In the order of their ordinals, from 0. Raises RunError where a segment is gone."""
        yield from self._read(self._own)
        for outbound in self._read(self._carried):
            outbound.carried = True
            yield outbound

    def _read(self, segments: list[SegmentRef]) -> Iterator[Outbound]:
        return read_outbound(self.staging.blocks(segments), self._route, self._version)
