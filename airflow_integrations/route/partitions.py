"""Which partitions a run of a route has, which tasks fetch them, and what they cannot be combined with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow_integrations.route.incremental import MOST, Partition
from airflow_integrations.window import EPOCH, Window

if TYPE_CHECKING:
    from airflow_integrations.route.definition import Route

__all__ = ["fetch_tasks", "partition_mistakes", "partitions_of", "told_by_source"]


def told_by_source(route: Route) -> bool:
    """Whether only the source can tell which partitions there are, such as its files: by ``parts`` of the kind."""
    options = getattr(route.incoming.config, "partitions", None)
    return options is not None and not hasattr(options, "all")


def partitions_of(route: Route, window: Window) -> Sequence[Partition]:
    """Those of a run with this window, always the same; empty where the route has none. Raises RunError where there are
    too many. Not for routes of which they are :func:`told_by_source`."""
    options = getattr(route.incoming.config, "partitions", None)
    found: Sequence[Partition] = options.all(window) if options is not None else ()
    return found


def fetch_tasks(route: Route) -> tuple[str, ...]:
    """The ids of the tasks that fetch partitions, the first one first; empty where one task fetches everything."""
    options = getattr(route.incoming.config, "partitions", None)
    if options is None or route.tasks.single or route.tasks.fetch_spread == 1:
        return ()
    count = min(route.tasks.fetch_spread, _known_count(route, options))
    return tuple(f"fetch_{number}" for number in range(1, count + 1)) if count > 1 else ()


def _known_count(route: Route, options: Any) -> int:
    """How many partitions each run has; the most that there may be where its window or the source says how many."""
    if told_by_source(route):
        return MOST
    ranges = getattr(options, "ranges", options)
    fixed = ranges is None or (ranges.from_ is not None and ranges.to is not None)
    return len(options.all(Window(EPOCH, EPOCH))) if fixed else MOST


def partition_mistakes(route: Route) -> Iterator[tuple[tuple[str, ...], str]]:
    """What the partitions of a route cannot be combined with."""
    place = ("incoming", route.incoming.kind, "partitions")
    if route.missing != "ignore":
        yield (
            place,
            (
                "an entity that moves from one partition to another while they are fetched, or whose file is replaced, "
                "may be in none of them, and missing would delete it; leave missing at ignore, or partitions out"
            ),
        )
    if route.entity.group is not None:
        yield (
            place,
            "the lines of one entity may be in several partitions, and entity.group needs all of them; leave one out",
        )
