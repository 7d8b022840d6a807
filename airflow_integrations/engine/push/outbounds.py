"""All entities that a run's push is about, by their ordinals: what transform handed over, then what fetch took over
from earlier runs."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_integrations.engine.outbound_lines import read_outbound
from airflow_integrations.engine.push.parts import WHOLE, Part
from airflow_integrations.outgoing import Outbound
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest, SegmentRef

__all__ = ["Outbounds"]


class Outbounds:
    """The entities of one run's push, or of a part of it. ``transformed`` is None where there was nothing for transform
    to do."""

    def __init__(self, staging: Staging, fetched: Manifest, transformed: Manifest | None, part: Part = WHOLE) -> None:
        self.staging = staging
        self.part = part
        self._route = fetched.route
        self._version = fetched.version
        self._own = transformed.segments if transformed is not None else []
        self._carried = fetched.carried
        self.segments: list[SegmentRef] = [*self._own, *self._carried]

    @property
    def count(self) -> int:
        return self._lines(self.segments) if self.part.entities is None else self.part.entities

    def read(self) -> Iterator[Outbound]:
        """In the order of their ordinals, from 0. Raises RunError where a segment is gone."""
        yield from self._read(self._own, 0)
        for outbound in self._read(self._carried, self._lines(self._own)):
            outbound.carried = True
            yield outbound

    def _read(self, segments: list[SegmentRef], first: int) -> Iterator[Outbound]:
        blocks = self.staging.blocks(segments)
        return read_outbound(blocks, self._route, self._version, part=self.part, first=first)

    @staticmethod
    def _lines(segments: list[SegmentRef]) -> int:
        return sum(segment.entities for segment in segments)
