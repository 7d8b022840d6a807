"""An auth manager that knows less and more than Airflow's simple one: who may read which DAG, and who its XComs.

Loaded by the API server of these tests. A user's name says it: ``orders_only`` may read the DAG ``orders`` alone,
``no_payloads`` everything but XComs; the others have what their role gives.
"""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class PickyAuthManager(SimpleAuthManager):
    def is_authorized_dag(self, *, method: Any, user: Any, access_entity: Any = None, details: Any = None) -> bool:
        name = user.get_name()
        if name == "orders_only" and (details is None or details.id != "orders"):
            return False
        if name == "no_payloads" and access_entity == DagAccessEntity.XCOM:
            return False
        return super().is_authorized_dag(method=method, user=user, access_entity=access_entity, details=details)
