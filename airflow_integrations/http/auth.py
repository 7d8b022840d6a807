"""How an endpoint knows us. Secrets are left out of every repr."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["ApiKey", "Auth", "Basic", "Bearer", "OAuth2ClientCredentials"]


@dataclass(frozen=True, slots=True)
class Basic:
    """``Authorization: Basic …`` (RFC 7617, UTF-8)."""

    login: str
    password: str = field(default="", repr=False)

    @property
    def header(self) -> tuple[str, str]:
        return "Authorization", "Basic " + base64.b64encode(f"{self.login}:{self.password}".encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class Bearer:
    """``Authorization: Bearer …`` with a token that does not change (RFC 6750)."""

    token: str = field(repr=False)

    @property
    def header(self) -> tuple[str, str]:
        return "Authorization", f"Bearer {self.token}"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key under a name of the API's choice, in a header or in the query."""

    name: str
    value: str = field(repr=False)
    place: Literal["header", "query"] = "header"

    @property
    def header(self) -> tuple[str, str] | None:
        return (self.name, self.value) if self.place == "header" else None


@dataclass(frozen=True, slots=True)
class OAuth2ClientCredentials:
    """OAuth 2 client credentials (RFC 6749 §4.4). The token is kept until shortly before it expires.

    ``token_url`` may be on another origin than the endpoint: it is sent the client's id and secret and nothing else.
    ``send_secret`` says whether they go as basic authentication (the RFC's choice) or in the form.
    ``parameters`` are more fields of the form, such as ``audience`` or ``resource``.
    """

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None
    send_secret: Literal["header", "body"] = "header"  # noqa: S105 - a place, no secret
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def header(self) -> None:
        return None


Auth = Basic | Bearer | ApiKey | OAuth2ClientCredentials
