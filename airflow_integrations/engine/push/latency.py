"""Measure the age of entities at delivery: since the source's event, where it is known, or else their fetch."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from airflow_integrations.outgoing import Outbound
from airflow_integrations.run import Run

__all__ = ["Ages"]


class Ages:
    """For one push. ``fetched`` is the version that its fetch gave entities without one of their own.

    ``entity.version`` is the source's event where it reads as a moment with a time zone (``order.updated_at``), and is
    not before the run's window: what a first load finds is old, not late. What earlier runs fetched keeps its age
    where the route has no ``entity.version``.
    """

    def __init__(self, run: Run, fetched: str | None) -> None:
        self._dated = run.route.entity.version is not None
        self._window_start = run.window.start.timestamp()
        self._fetched = _microseconds(fetched)

    def of(self, outbounds: Iterable[Outbound], now: float) -> list[float]:
        """Seconds, none negative; entities of which neither moment is known are left out."""
        moments = (self._moment(outbound.version) for outbound in outbounds)
        return [max(0.0, now - moment) for moment in moments if moment is not None]

    def _moment(self, version: str | None) -> float | None:
        if not self._dated:
            return _microseconds(version) or self._fetched
        if version is None:
            return self._fetched
        try:
            found = datetime.fromisoformat(version)
        except ValueError:
            return self._fetched
        if found.tzinfo is None or (event := found.timestamp()) < self._window_start:
            return self._fetched
        return event


def _microseconds(version: str | None) -> float | None:
    return int(version) / 1e6 if version is not None and version.isdecimal() else None
