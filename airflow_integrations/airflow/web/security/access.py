"""Who asks, and what they may: Airflow's own authentication and permissions. The only file that knows their modules.

Reading a route needs read on its DAG, acting needs edit on its DAG runs, sending at once needs to create them, and
payloads need read on its XComs, which is where Airflow keeps what tasks hand on.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.models.dag import DagModel
from airflow.sdk.configuration import conf
from airflow.utils.session import create_session
from fastapi import Depends, HTTPException, Request
from sqlalchemy import select

from airflow_integrations.airflow.web.security.same_origin import SAFE_METHODS, bearer, same_origin

__all__ = ["Signed", "Who", "signed_in"]


@dataclass(frozen=True)
class Who:
    """A user who is signed in. What one request asks twice is looked up once."""

    name: str
    user: Any = field(repr=False)
    _answers: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def readable(self, routes: Collection[str]) -> frozenset[str]:
        """Those of the routes that the user may read. One whose DAG is gone needs read on all DAGs."""
        known, allowed = self._dags()
        orphans = set(routes) - known if known <= allowed else set()
        return frozenset((allowed & set(routes)) | {route for route in orphans if self._may("GET", None, route)})

    def dags(self) -> frozenset[str]:
        """All DAGs that the user may read, routes or not."""
        return self._dags()[1]

    def may_read(self, route: str) -> bool:
        return route in self.readable([route])

    def may_act(self, route: str) -> bool:
        """Retry, edit, skip, confirm, release."""
        return self.may_read(route) and self._may("PUT", DagAccessEntity.RUN, route)

    def may_trigger(self, route: str) -> bool:
        """Start a run of it."""
        return self.may_act(route) and self._may("POST", DagAccessEntity.RUN, route)

    def may_see_payloads(self, route: str) -> bool:
        """What is in its entities; others see keys, statuses and errors."""
        return self.may_read(route) and self._may("GET", DagAccessEntity.XCOM, route)

    def to_read(self, route: str) -> None:
        """Raises HTTPException 403, whether there is such a route or not."""
        if not self.may_read(route):
            raise HTTPException(403, f"{self.name} may not read a DAG {route}, or there is none")

    def to_act(self, route: str) -> None:
        """Raises HTTPException 403."""
        self.to_read(route)
        if not self.may_act(route):
            raise HTTPException(403, f"{self.name} may read {route}; to act on it needs edit on its DAG runs")

    def to_trigger(self, route: str) -> None:
        """Raises HTTPException 403."""
        self.to_act(route)
        if not self.may_trigger(route):
            raise HTTPException(403, f"{self.name} may act on {route}; to start a run needs create on its DAG runs")

    def to_see_payloads(self, route: str) -> None:
        """Raises HTTPException 403."""
        self.to_read(route)
        if not self.may_see_payloads(route):
            raise HTTPException(403, f"{self.name} may read {route}; its payloads need read on its XComs")

    def _may(self, method: Any, entity: DagAccessEntity | None, route: str) -> bool:
        asked = (method, entity, route)
        if asked not in self._answers:
            details = DagDetails(id=route, team_name=DagModel.get_team_name(route))
            manager: Any = get_auth_manager()
            self._answers[asked] = bool(
                manager.is_authorized_dag(method=method, access_entity=entity, details=details, user=self.user)
            )
        return bool(self._answers[asked])

    def _dags(self) -> tuple[frozenset[str], frozenset[str]]:
        """All DAGs that Airflow knows, and those of them that the user may read."""
        if "dags" not in self._answers:
            manager: Any = get_auth_manager()
            with create_session() as session:
                known = frozenset(session.scalars(select(DagModel.dag_id)))
            self._answers["dags"] = (known, frozenset(manager.get_authorized_dag_ids(user=self.user, method="GET")))
        found: tuple[frozenset[str], frozenset[str]] = self._answers["dags"]
        return found


def signed_in(request: Request, user: GetUserDep) -> Who:
    """The dependency of every endpoint. 401: nobody is signed in. 403: another site may have asked for a change."""
    changes = request.method not in SAFE_METHODS
    if changes and not bearer(request.headers) and not same_origin(request.headers, _origins(request)):
        raise HTTPException(
            403,
            "a change is taken with Airflow's cookie only from a page of this server (headers Sec-Fetch-Site or "
            "Origin); a program sends its token: Authorization: Bearer …",
        )
    return Who(str(user.get_name()), user)


Signed = Annotated[Who, Depends(signed_in)]


def _origins(request: Request) -> set[str]:
    """The address that the request came to, and the one that Airflow is configured to have, as behind a proxy."""
    configured = urlsplit(str(conf.get("api", "base_url", fallback="") or ""))
    own = f"{request.url.scheme}://{request.headers.get('host', '')}".lower()
    return {own, f"{configured.scheme}://{configured.netloc}".lower()} - {"://"}
