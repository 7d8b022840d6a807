"""All entities that a run's push is about, by their ordinals: what transform handed over, then what fetch took over
from earlier runs."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_integrations.engine.records import read_outbound
from airflow_integrations.outgoing import Outbound
from airflow_integrations.staging import Manifest, SegmentRef, Staging

__all__ = ["Outbounds"]


class Outbounds:
    """The entities of one run's push. ``transformed`` is None where there was nothing for transform to do."""

    def __init__(self, staging: Staging, fetched: Manifest, transformed: Manifest | None) -> None:
        self.staging = staging
        self._route = fetched.route
        self._version = fetched.version
        own = transformed.segments if transformed is not None else []
        self.segments: list[SegmentRef] = [*own, *fetched.carried]

    @property
    def count(self) -> int:
        return sum(segment.entities for segment in self.segments)

    def read(self) -> Iterator[Outbound]:
        """In the order of their ordinals, from 0. Raises RunError where a segment is gone."""
        return read_outbound(self.staging.blocks(self.segments), self._route, self._version)
