"""Credentials that are the same in every request."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Literal

from airflow_integrations.http.auth.base import Auth
from airflow_integrations.http.escaped_secrets import SHORTEST

__all__ = ["ApiKey", "Basic", "Bearer", "Digest", "login_is_secret"]

_KEY_LENGTH = 20
"""Characters from which on a login is taken for a key, whatever it is made of."""


@dataclass(frozen=True, slots=True)
class Basic(Auth):
    """``Authorization: Basic …`` (RFC 7617, UTF-8)."""

    login: str
    password: str = field(default="", repr=False)

    @property
    def header(self) -> tuple[str, str]:
        return "Authorization", "Basic " + base64.b64encode(f"{self.login}:{self.password}".encode()).decode("ascii")

    @property
    def secrets(self) -> tuple[str, ...]:
        keys = (self.password, self.header[1].removeprefix("Basic "))
        return (*keys, self.login) if login_is_secret(self.login, self.password) else keys

    @property
    def how(self) -> str:
        return "basic authentication"


@dataclass(frozen=True, slots=True)
class Bearer(Auth):
    """``Authorization: Bearer …`` with a token that does not change (RFC 6750)."""

    token: str = field(repr=False)

    @property
    def header(self) -> tuple[str, str]:
        return "Authorization", f"Bearer {self.token}"

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.token,)

    @property
    def how(self) -> str:
        return "a bearer token"


@dataclass(frozen=True, slots=True)
class ApiKey(Auth):
    """A key under a name of the API's choice, in a header or in the query."""

    name: str
    value: str = field(repr=False)
    place: Literal["header", "query"] = "header"

    @property
    def header(self) -> tuple[str, str] | None:
        return (self.name, self.value) if self.place == "header" else None

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.value,)

    @property
    def how(self) -> str:
        return (
            f"a key in the {self.place} {self.name}"
            if self.place == "header"
            else f"a key as query parameter {self.name}"
        )


@dataclass(frozen=True, slots=True)
class Digest(Auth):
    """``Authorization: Digest …`` (RFC 7616): the password itself is never sent."""

    login: str
    password: str = field(repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.password,)

    @property
    def how(self) -> str:
        return "digest authentication"


def login_is_secret(login: str, password: str) -> bool:
    """Whether the login of basic authentication is a key: the password is missing or a dummy, or it reads like no name.

    Many APIs take their key as the login, with an empty password or an ``x``. A name stays in texts, where it helps.
    """
    if len(password) < SHORTEST:
        return True
    return "@" not in login and (len(login) >= _KEY_LENGTH or (len(login) >= 8 and bool(re.search(r"\d", login))))
