"""API endpoints for actions on entities."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from airflow_integrations.airflow.web.actions import actions
from airflow_integrations.airflow.web.actions.actions import Done
from airflow_integrations.airflow.web.api.dependencies import Key, Route
from airflow_integrations.airflow.web.api.json_response import answer, described
from airflow_integrations.airflow.web.dependencies import ConsoleDep
from airflow_integrations.airflow.web.security.access import Signed
from airflow_integrations.airflow.web.views.overview import readable_routes
from airflow_integrations.ledger.actions.bulk_jobs import Job
from airflow_integrations.ledger.actions.payload_edits import LARGEST_PAYLOAD
from airflow_integrations.ledger.actions.selection import Selection
from airflow_integrations.ledger.records import MOST_KEYS
from airflow_integrations.ledger.status import Status

__all__ = ["router"]

router = APIRouter(tags=["actions"])
OfRoute = "/routes/{route}"
RESPONSES = described(Done, "Done") | described(
    Done, "A job was begun: GET /jobs/{job} tells how far it is", status=202
)
AnyKey = Annotated[str, Query(max_length=512)]


class Selected(BaseModel):
    """Which entities: all that is given has to fit, and at least one of them is given."""

    model_config = ConfigDict(extra="forbid")

    keys: list[Annotated[str, Field(min_length=1, max_length=512)]] | None = Field(None, max_length=MOST_KEYS)
    statuses: list[Status] | None = None
    error: str | None = Field(None, max_length=16, description="The fingerprint of an error")

    def selection(self, route: str) -> Selection:
        """Raises RunError where nothing says which."""
        return Selection(
            route,
            keys=frozenset(self.keys) if self.keys else None,
            statuses=frozenset(self.statuses) if self.statuses else None,
            fingerprint=self.error,
        )


class Retried(Selected):
    send: bool = Field(False, description="Start a run of the route for them now")
    from_step: str | None = Field(
        None, max_length=300, description="Send this confirmed step once more, too, and those behind it"
    )


class Skipped(Selected):
    reason: str = Field(min_length=1, max_length=1000, description="It stays in the entities' history")


class Confirmed(Selected):
    became: Literal["delivered", "failed"] = "delivered"
    reason: str | None = Field(None, max_length=1000, description="Needed where they failed")
    target_id: str | None = Field(None, max_length=512, description="The target's id of the one entity")


class Fetched(BaseModel):
    model_config = ConfigDict(extra="forbid")

    key: str = Field(min_length=1, max_length=512)


class Released(BaseModel):
    model_config = ConfigDict(extra="forbid")

    run_id: str = Field(max_length=250)
    force: bool = Field(False, description="Also where Airflow says that the run is under way")


@router.post(OfRoute + "/retry", summary="Send entities again", responses=RESPONSES)
def retry(console: ConsoleDep, who: Signed, route: Route, asked: Retried) -> Response:
    """At most 1,000 ``keys`` are done at once; anything else is a job."""
    return _done(actions.retry(console, who, asked.selection(route), send=asked.send, from_step=asked.from_step))


@router.post(OfRoute + "/skip", summary="Close entities undelivered", responses=RESPONSES)
def skip(console: ConsoleDep, who: Signed, route: Route, asked: Skipped) -> Response:
    return _done(actions.skip(console, who, asked.selection(route), asked.reason))


@router.post(OfRoute + "/confirm", summary="Mark entities as delivered, or as failed", responses=RESPONSES)
def confirm(console: ConsoleDep, who: Signed, route: Route, asked: Confirmed) -> Response:
    """For entities that are waiting or in doubt: only the target knows what became of them."""
    selection = asked.selection(route)
    return _done(actions.confirm(console, who, selection, asked.became, reason=asked.reason, target_id=asked.target_id))


@router.post(OfRoute + "/fetch", summary="Fetch an entity again", responses=described(Done))
def fetch(console: ConsoleDep, who: Signed, route: Route, asked: Fetched) -> Response:
    """Starts a run of the route with this key; it needs create on the DAG's runs."""
    return answer(actions.fetch(console, who, route, asked.key))


@router.post(OfRoute + "/release", summary="Give back what a dead run has in flight", responses=described(Done))
def release(console: ConsoleDep, who: Signed, route: Route, asked: Released) -> Response:
    return answer(actions.release(console, who, route, asked.run_id, force=asked.force))


async def _payload(request: Request) -> bytes:
    """The body as it is: read as JSON by anybody else, its numbers would lose digits."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_PAYLOAD:
            raise HTTPException(413, f"a payload has at most {LARGEST_PAYLOAD} bytes")
    return bytes(body)


Payload = Annotated[bytes, Depends(_payload)]
BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


@router.put(OfRoute + "/entity", summary="Edit a payload, whatever the key is", status_code=204, openapi_extra=BODY)
def edit_any(console: ConsoleDep, who: Signed, route: Route, key: AnyKey, payload: Payload) -> Response:
    actions.edit(console, who, route, key, payload)
    return Response(status_code=204)


@router.put(OfRoute + "/entities/{key:path}", summary="Edit a payload", status_code=204, openapi_extra=BODY)
def edit(console: ConsoleDep, who: Signed, route: Route, key: Key, payload: Payload) -> Response:
    """The body is the whole payload. It is kept and goes out instead of the staged one; retry sends it."""
    actions.edit(console, who, route, key, payload)
    return Response(status_code=204)


@router.get("/jobs", summary="The newest jobs", responses=described(list[Job]))
def job_list(
    console: ConsoleDep, who: Signed, route: Annotated[str | None, Query(max_length=250, description="Only its")] = None
) -> Response:
    if route is not None:
        who.to_read(route)
    routes = readable_routes(console, who) if route is None else frozenset([route])
    return answer(actions.job_list(console, who, routes))


@router.get("/jobs/{job}", summary="How far a job is", responses=described(Job))
def job(console: ConsoleDep, who: Signed, job: int) -> Response:
    found = actions.job(console, who, job)
    if found is None:
        raise HTTPException(404, f"there is no job {job}")
    return answer(found)


def _done(done: Done) -> Response:
    return answer(done, 200 if done.job is None else 202)
