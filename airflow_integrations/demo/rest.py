"""A small JSON client for the demo's own traffic: the shop's truth, the ERP's books, Airflow's REST API."""

from __future__ import annotations

import base64
import http.client
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from airflow_integrations.formats.json import decode, encode

__all__ = ["Rest", "RestError", "basic"]


class RestError(RuntimeError):
    """No answer, or one that is not a success. ``status`` is 0 where there was no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def basic(user: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Rest:
    """One service at ``url`` on this machine. Every call raises RestError unless it succeeds."""

    def __init__(self, url: str, *, headers: Mapping[str, str] | None = None, timeout: float = 30) -> None:
        self.url = url
        self.headers = dict(headers or {})
        self.timeout = timeout

    def get(self, path: str, **query: object) -> Any:
        return self.call("GET", f"{path}?{urlencode(query)}" if query else path)

    def call(self, method: str, path: str, document: Any = None) -> Any:
        """The decoded answer, with exact numbers; None where it is empty."""
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=self.timeout)
        body = None if document is None else encode(document)
        headers = {**self.headers, **({} if body is None else {"Content-Type": "application/json"})}
        try:
            connection.request(method, path, body=body, headers=headers)
            given = connection.getresponse()
            content = given.read()
        except (OSError, http.client.HTTPException) as error:
            raise RestError(f"{method} {self.url}{path}: {error or type(error).__name__}") from None
        finally:
            connection.close()
        if not 200 <= given.status < 300:
            raise RestError(f"{method} {self.url}{path}: {given.status} {content[:300]!r}", given.status)
        try:
            return decode(content) if content else None
        except msgspec.DecodeError as error:
            raise RestError(f"{method} {self.url}{path}: no JSON, {error}") from None
