"""The half-open stretch of time, ``[start, end)``, that one run of a route is responsible for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import pendulum

__all__ = ["AIRFLOW_ALIASES", "EPOCH", "Window", "on_clocks", "rfc3339"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

AIRFLOW_ALIASES = frozenset({"data_interval_start", "data_interval_end", "logical_date", "ds", "ds_nodash", "ts"})
"""Airflow's own names for a window's ends, which routes with a schedule may use too."""


def rfc3339(moment: datetime) -> str:
    """``2026-01-31T23:05:00Z``: RFC 3339 in UTC; microseconds only where there are some."""
    moment = moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{moment.microsecond:06d}Z" if moment.microsecond else "Z")


def _plain(moment: datetime) -> datetime:
    """In UTC, and no pendulum moment: those forget their zone where it is Python's and hours are added."""
    found = moment.astimezone(UTC)
    return datetime.combine(found.date(), found.time(), UTC)


def on_clocks(moment: datetime, zone: ZoneInfo, *, late: bool = False) -> datetime:
    """When the clocks of a zone show a time, in UTC.

    Of a time that they show twice the earlier, or with ``late`` the later one. Of one that they skip, what it is on
    the clocks from before or from after the change, the earlier or the later.
    """
    return sorted(moment.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))[late]


@dataclass(frozen=True, slots=True)
class Window:
    """``start`` belongs to the window, ``end`` does not. Both are in UTC, whatever zone they were given in.

    In another zone Python adds hours on its clocks, and compares what they show: both are wrong where clocks change.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window's ends carry a time zone, such as 2026-01-31T00:00:00Z")
        object.__setattr__(self, "start", _plain(self.start))
        object.__setattr__(self, "end", _plain(self.end))
        if self.start > self.end:
            raise ValueError(f"the window starts at {rfc3339(self.start)}, after its end {rfc3339(self.end)}")

    @classmethod
    def parse(cls, start: str, end: str) -> Window:
        """From two RFC 3339 texts, as :meth:`dump` writes them."""
        return cls(datetime.fromisoformat(start), datetime.fromisoformat(end))

    def dump(self) -> tuple[str, str]:
        return rfc3339(self.start), rfc3339(self.end)

    def names(self) -> WindowNames:
        """What expressions and templates see as ``window``."""
        return _names(self)

    def aliases(self) -> dict[str, Any]:
        """The same under Airflow's own names: :data:`AIRFLOW_ALIASES`."""
        return dict(_aliases(self))

    def __str__(self) -> str:
        return " → ".join(self.dump())


@lru_cache(maxsize=64)
def _names(window: Window) -> WindowNames:
    import pendulum  # takes longer than all that commands without a window do

    return WindowNames(pendulum.instance(window.start).in_tz("UTC"), pendulum.instance(window.end).in_tz("UTC"))


@lru_cache(maxsize=64)
def _aliases(window: Window) -> dict[str, Any]:
    names = window.names()
    day = names.start.strftime("%Y-%m-%d")
    return {
        "data_interval_start": names.start,
        "data_interval_end": names.end,
        "logical_date": names.start,
        "ds": day,
        "ds_nodash": day.replace("-", ""),
        "ts": rfc3339(window.start),
    }


@dataclass(frozen=True, slots=True)
class WindowNames:
    """``window.start`` and ``window.end`` for expressions; two pendulum moments in UTC."""

    start: pendulum.DateTime
    end: pendulum.DateTime

    def __iter__(self) -> Iterator[str]:
        return iter(("start", "end"))
