"""All entities that a run's push is about, by their ordinals: what transform handed over, then what fetch took over
from earlier runs."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_integrations.engine.outbound_lines import read_outbound
from airflow_integrations.engine.push.parts import WHOLE, Part, share_of
from airflow_integrations.outgoing import Outbound
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest, SegmentRef

__all__ = ["Outbounds"]


class Outbounds:
    """The entities of one run's push, or of a part of it, which has gone through transform. ``transformed`` is None
    where there was nothing for transform to do."""

    def __init__(self, staging: Staging, fetched: Manifest, transformed: Manifest | None, part: Part = WHOLE) -> None:
        self.staging = staging
        self.part = part
        self._route = fetched.route
        self._version = fetched.version
        self._carried = fetched.carried
        self._own_part = part
        if part.share is None:
            self._own = transformed.segments if transformed is not None else []
            self._first, self._behind = 0, _lines(self._own)
        else:
            share = share_of(staging, part)
            self._own, self._own_part = share.segments if share is not None else [], WHOLE
            self._first, self._behind = part.first, sum(transformed.shares if transformed is not None else ())

    @property
    def count(self) -> int:
        if self.part.share is not None:
            return _lines(self._own) + (self.part.entities or 0)
        return self._behind + _lines(self._carried) if self.part.entities is None else self.part.entities

    def read(self) -> Iterator[Outbound]:
        """In the order of their ordinals, from 0. Raises RunError where a segment is gone."""
        yield from self._read(self._own, self._first, self._own_part)
        for outbound in self._read(self._carried, self._behind, self.part):
            outbound.carried = True
            yield outbound

    def _read(self, segments: list[SegmentRef], first: int, part: Part) -> Iterator[Outbound]:
        return read_outbound(self.staging.blocks(segments), self._route, self._version, part=part, first=first)


def _lines(segments: list[SegmentRef]) -> int:
    return sum(segment.entities for segment in segments)
