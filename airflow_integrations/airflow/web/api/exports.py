"""Files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from airflow_integrations.airflow.web.api.dependencies import Route, described_by
from airflow_integrations.airflow.web.dependencies import ConsoleDep
from airflow_integrations.airflow.web.security.access import Signed
from airflow_integrations.airflow.web.views.entity_search import Description
from airflow_integrations.airflow.web.views.exports import Format, export_entities, export_errors

__all__ = ["router"]

router = APIRouter(tags=["exports"])
TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
As = Annotated[Format, Query(description="csv, or JSON lines", alias="format")]
Described = Annotated[Description, Depends(described_by)]


@router.get("/routes/{route}/export", summary="Entities as a file", response_class=StreamingResponse)
def entities(
    console: ConsoleDep,
    who: Signed,
    route: Route,
    wanted: Described,
    form: As = "csv",
    payloads: Annotated[bool, Query(description="With what is staged of open entities, masked")] = False,
) -> StreamingResponse:
    """All that fit, however many. A file that was cut off, because the ledger went away meanwhile, ends within a
    transfer that was not completed: clients tell it as an error."""
    return _file(export_entities(console, who, route, wanted, form, payloads=payloads), form, f"{route}-entities")


@router.get("/errors/export", summary="Groups of errors as a file", response_class=StreamingResponse)
def errors(
    console: ConsoleDep,
    who: Signed,
    form: As = "csv",
    route: Annotated[str | None, Query(max_length=250, description="Only this route's")] = None,
) -> StreamingResponse:
    return _file(export_errors(console, who, form, route), form, "errors")


def _file(content: Iterator[bytes], form: Format, name: str) -> StreamingResponse:
    safe = "".join(character if character.isalnum() or character in "-_." else "_" for character in name)
    headers = {"Content-Disposition": f'attachment; filename="{safe.encode("ascii", "replace").decode()}.{form}"'}
    return StreamingResponse(content, media_type=TYPES[form], headers=headers)
