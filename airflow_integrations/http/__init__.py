"""One HTTP client per Connection: retries, limits, credentials that stay at home. Usable without a route or Airflow.

    async with HttpClient(Endpoint("shop", "https://shop.example/api", auth=Bearer("…"))) as client:
        answer = await client.send(Request("GET", "/orders"))

Names are imported on first use, so that reading a route does not load aiohttp.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_integrations.http.auth import ApiKey, Auth, Basic, Bearer, OAuth2ClientCredentials
    from airflow_integrations.http.client import HttpClient, Streamed
    from airflow_integrations.http.endpoint import Endpoint
    from airflow_integrations.http.limits import Limits
    from airflow_integrations.http.message import Answer, Request
    from airflow_integrations.http.refusal import Refused

__all__ = [
    "Answer",
    "ApiKey",
    "Auth",
    "Basic",
    "Bearer",
    "Endpoint",
    "HttpClient",
    "Limits",
    "OAuth2ClientCredentials",
    "Refused",
    "Request",
    "Streamed",
]

_HOMES = {
    "Answer": "message",
    "ApiKey": "auth",
    "Auth": "auth",
    "Basic": "auth",
    "Bearer": "auth",
    "Endpoint": "endpoint",
    "HttpClient": "client",
    "Limits": "limits",
    "OAuth2ClientCredentials": "auth",
    "Refused": "refusal",
    "Request": "message",
    "Streamed": "client",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
