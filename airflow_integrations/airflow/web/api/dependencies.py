"""The parameters of endpoints: routes, keys, periods, descriptions of entities."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import Path, Query

from airflow_integrations.airflow.web.views.entity_search import Description
from airflow_integrations.ledger.status import Status

__all__ = ["After", "Hours", "Key", "Limit", "Moment", "Route", "described_by", "seconds"]


Route = Annotated[str, Path(description="The route's name", max_length=250)]
Key = Annotated[str, Path(description="The entity's key, percent-encoded; it may hold slashes", max_length=512)]
Hours = Annotated[float, Query(gt=0, le=24 * 366, description="How far back counts go")]
Limit = Annotated[int, Query(ge=1, le=1_000, description="The highest number on one page")]
After = Annotated[str | None, Query(max_length=512, description="`after` of the page before")]
Moment = Annotated[datetime | None, Query(description="RFC 3339, such as 2026-01-31T06:00:00Z; without a zone: UTC")]


def seconds(moment: datetime | None) -> float | None:
    """Since the epoch."""
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def described_by(
    status: Annotated[list[Status] | None, Query(description="One of these; may be given several times")] = None,
    error: Annotated[str | None, Query(max_length=16, description="The fingerprint of an error")] = None,
    text: Annotated[str | None, Query(max_length=200, description="In the error's message")] = None,
    prefix: Annotated[str | None, Query(max_length=512, description="The key begins so")] = None,
    inside: Annotated[str | None, Query(max_length=512, description="A part of the key, in any case")] = None,
    target_id: Annotated[str | None, Query(max_length=512, description="The id that the target gave it")] = None,
    since: Moment = None,
    until: Moment = None,
) -> Description:
    """``since`` and ``until`` bound when the last fate was decided."""
    return Description(
        statuses=tuple(status or ()),
        fingerprint=error,
        text=text,
        prefix=prefix,
        inside=inside,
        target_id=target_id,
        since=seconds(since),
        until=seconds(until),
    )


Format = Literal["csv", "jsonl"]
