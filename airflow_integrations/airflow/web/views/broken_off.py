"""The answer that broke a run's stage off, for those who may see payloads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airflow_integrations.airflow.web.views.definitions import mask_of
from airflow_integrations.airflow.web.views.run_staging import staging_of
from airflow_integrations.engine.broken_stage import broken_off

if TYPE_CHECKING:
    from airflow_integrations.airflow.web.console import Console
    from airflow_integrations.airflow.web.security.access import Who

__all__ = ["BrokenOffView", "broken_off_view"]


class BrokenOffView(msgspec.Struct, frozen=True):
    stage: str
    answer: str | None
    """Up to 4 KB of it. None: the user may not see it, as ``why`` says."""
    why: str | None = None


def broken_off_view(console: Console, who: Who, route: str, run_id: str) -> BrokenOffView | None:
    """None: no stage of the run waits, or none met an answer."""
    who.to_read(route)
    found = broken_off(staging_of(console, route, run_id))
    if found is None:
        return None
    if not who.may_see_payloads(route):
        return BrokenOffView(found.stage, None, "you may not see payloads")
    if mask_of(console, route):  # it may be about many entities, whose fields stand nobody knows where
        return BrokenOffView(
            found.stage, None, "the route hides fields, which the answer may hold; the task's log has it"
        )
    return BrokenOffView(found.stage, found.answer)
