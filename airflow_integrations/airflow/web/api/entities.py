"""Entities: a list, a search in payloads, and one of them with everything."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Response

from airflow_integrations.airflow.web.api.dependencies import After, Key, Limit, Route, described_by
from airflow_integrations.airflow.web.api.json_response import answer, described
from airflow_integrations.airflow.web.console import Console
from airflow_integrations.airflow.web.dependencies import ConsoleDep
from airflow_integrations.airflow.web.security.access import Signed
from airflow_integrations.airflow.web.views.entity import EntityView, entity_view
from airflow_integrations.airflow.web.views.entity_search import Description, entities, payload_search
from airflow_integrations.ledger.queries.search import Found

__all__ = ["router"]

router = APIRouter(tags=["entities"], prefix="/routes/{route}")
Described = Annotated[Description, Depends(described_by)]
AnyKey = Annotated[str, Query(max_length=512)]


@router.get("/entities", summary="A route's entities, in the order of their keys", responses=described(Found))
def its_entities(
    console: ConsoleDep,
    who: Signed,
    route: Route,
    wanted: Described,
    payload: Annotated[str | None, Query(min_length=2, max_length=200, description="In an open one's payload")] = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """A page may have fewer than ``limit`` with ``searched: false``: a search through many entities stops after a
    fraction of a second, at ``after``, and goes on there when it is asked again."""
    if payload is not None:
        return answer(payload_search(console, who, route, payload, wanted, limit=limit, after=after))
    return answer(entities(console, who, route, wanted, limit=limit, after=after))


@router.get("/entity", summary="One entity, whatever its key is", responses=described(EntityView))
def by_any_key(console: ConsoleDep, who: Signed, route: Route, key: AnyKey) -> Response:
    """For keys that a path cannot carry, such as ``..`` or one with ``//``: programs on the way tidy paths up."""
    return _one(console, who, route, key)


@router.get("/entities/{key:path}", summary="One entity with its history and payloads", responses=described(EntityView))
def one(console: ConsoleDep, who: Signed, route: Route, key: Key) -> Response:
    return _one(console, who, route, key)


def _one(console: Console, who: Signed, route: str, key: str) -> Response:
    view = entity_view(console, who, route, key)
    if view is None:
        raise HTTPException(404, f"the ledger does not know {key} of the route {route}")
    return answer(view)
