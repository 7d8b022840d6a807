"""Begin to watch the values of a fetch that moves its route's cursor, or go on with what an earlier attempt saw."""

from __future__ import annotations

from typing import Literal

from airflow_integrations.engine.fetch.cursor.pages import CursorPages
from airflow_integrations.engine.fetch.cursor.watch import CursorWatch
from airflow_integrations.engine.fetch.start import Begun, cursor_options
from airflow_integrations.engine.fetch.windows import moves_cursor
from airflow_integrations.run import Services
from airflow_integrations.staging.manifest import Manifest, PagesSeen

__all__ = ["cursor_watch"]


def cursor_watch(begun: Begun, services: Services, manifest: Manifest) -> CursorWatch | None:
    """None where the route has no cursor, or the run does not move it. Called before the first request."""
    run, went_on = begun.run, manifest.resume is not None
    options = cursor_options(run.route)
    if options is None or not moves_cursor(run):
        return None
    now, worked, began = services.now(), manifest.seconds, services.monotonic()
    seen = manifest.pages_seen
    if seen is None:  # a place that an older version saved says nothing of the first page
        seen = PagesSeen(known=begun.newest, began=now, pages=2 if went_on else 0)
    first = seen.began

    def taken() -> float:
        """Seconds since before the first request, though the clock was put back meanwhile."""
        return max(services.now() - first, worked + services.monotonic() - began)

    way: Literal["ordered", "pages", "apart"] = getattr(run.route.incoming.config, "cursor_reading", "apart")
    if run.partition is None and getattr(run.route.incoming.config, "partitions", None) is not None:
        way = "apart"  # of one partition after the other: each is read as the kind says, all together are not
    pages = CursorPages(way, seen, taken, went_on=went_on)
    return CursorWatch(options, seen.known, now, staged=manifest.newest or manifest.cursor, pages=pages)
