"""One HTTP client per Connection: retries, limits, credentials that stay at home. Usable without a route or Airflow.

    async with HttpClient(Endpoint("shop", "https://shop.example/api", auth=Bearer("…"))) as client:
        answer = await client.send(Request("GET", "/orders"))

Names are imported on first use, so that reading a route does not load aiohttp.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_integrations.http.auth.answer_credentials import Taken
    from airflow_integrations.http.auth.base import Auth
    from airflow_integrations.http.auth.csrf_options import Csrf
    from airflow_integrations.http.auth.fixed import ApiKey, Basic, Bearer, Digest
    from airflow_integrations.http.auth.oauth2 import Assertion, OAuth2
    from airflow_integrations.http.auth.session_login import SessionLogin
    from airflow_integrations.http.auth.signatures import AwsSignature, HmacSignature, OAuth1
    from airflow_integrations.http.client import HttpClient, Streamed
    from airflow_integrations.http.endpoint import Endpoint
    from airflow_integrations.http.errors import Refused
    from airflow_integrations.http.limits import Limits
    from airflow_integrations.http.message import Answer, Request

__all__ = [
    "Answer",
    "ApiKey",
    "Assertion",
    "Auth",
    "AwsSignature",
    "Basic",
    "Bearer",
    "Csrf",
    "Digest",
    "Endpoint",
    "HmacSignature",
    "HttpClient",
    "Limits",
    "OAuth1",
    "OAuth2",
    "Refused",
    "Request",
    "SessionLogin",
    "Streamed",
    "Taken",
]

_HOMES = {
    "Answer": "message",
    "ApiKey": "auth.fixed",
    "Assertion": "auth.oauth2",
    "Auth": "auth.base",
    "AwsSignature": "auth.signatures",
    "Basic": "auth.fixed",
    "Bearer": "auth.fixed",
    "Csrf": "auth.csrf_options",
    "Digest": "auth.fixed",
    "Endpoint": "endpoint",
    "HmacSignature": "auth.signatures",
    "HttpClient": "client",
    "Limits": "limits",
    "OAuth1": "auth.signatures",
    "OAuth2": "auth.oauth2",
    "Refused": "errors",
    "Request": "message",
    "SessionLogin": "auth.session_login",
    "Streamed": "client",
    "Taken": "auth.answer_credentials",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
