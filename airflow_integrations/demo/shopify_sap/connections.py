"""The Connections of the example routes, for processes of the check, which run without Airflow; and for Airflow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_integrations.errors import SetupError
from airflow_integrations.webhooks.secrets import Secret

if TYPE_CHECKING:
    from airflow_integrations.http import Endpoint

__all__ = ["SAP_USER", "RoomConnections", "airflow_variables"]

SAP_USER = "INTEGRATION"
_CSRF = {"sap": "API_SALES_ORDER_SRV", "sap_partners": "API_BUSINESS_PARTNER"}
_ROOT = "/sap/opu/odata/sap"
_TOKEN_HEADER = "X-Shopify-Access-Token"  # noqa: S105 - the name of a header


class RoomConnections:
    """By the variables that :class:`~airflow_integrations.demo.shopify_sap.room.Room` sets for its processes."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    def endpoint(self, connection: str) -> Endpoint:
        from airflow_integrations.http import Endpoint
        from airflow_integrations.http.auth.csrf_options import Csrf
        from airflow_integrations.http.auth.fixed import ApiKey, Basic

        env = self._env
        if connection == "shopify":
            return Endpoint("shopify", env["DEMO_SHOPIFY_URL"], auth=ApiKey(_TOKEN_HEADER, env["DEMO_SHOPIFY_TOKEN"]))
        if connection in _CSRF:
            auth = Basic(env["DEMO_SAP_USER"], env["DEMO_SAP_PASSWORD"])
            csrf = Csrf(f"{_ROOT}/{_CSRF[connection]}/")
            return Endpoint(connection, env["DEMO_SAP_URL"], auth=auth, csrf=csrf)
        raise SetupError(f"there is no Connection {connection!r}")

    def variable(self, name: str) -> str | None:
        return None

    def secret(self, connection: str) -> Secret:
        """For webhooks."""
        if connection != "shopify_webhook":
            raise SetupError(f"there is no Connection {connection!r}")
        return Secret("", self._env["DEMO_SHOPIFY_SECRET"])


def airflow_variables(env: Mapping[str, str]) -> dict[str, str]:
    """The same as Airflow Connections in environment variables: they are in no database and no file."""
    key = {"auth": "api_key", "name": _TOKEN_HEADER}
    found: dict[str, dict[str, Any]] = {
        "shopify": {
            "host": env["DEMO_SHOPIFY_URL"],
            "password": env["DEMO_SHOPIFY_TOKEN"],
            "extra": {"integrations": key},
        },
        "shopify_webhook": {"conn_type": "generic", "password": env["DEMO_SHOPIFY_SECRET"]},
    }
    for name, service in _CSRF.items():
        found[name] = {
            "host": env["DEMO_SAP_URL"],
            "login": env["DEMO_SAP_USER"],
            "password": env["DEMO_SAP_PASSWORD"],
            "extra": {"integrations": {"csrf": {"path": f"{_ROOT}/{service}/"}}},
        }
    return {
        f"AIRFLOW_CONN_{name.upper()}": json.dumps({"conn_type": "http", **fields}) for name, fields in found.items()
    }
