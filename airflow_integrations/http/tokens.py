"""OAuth 2 access tokens by client credentials: fetched when first needed, kept until shortly before they expire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import quote_plus

import aiohttp
import msgspec

from airflow_integrations.errors import SetupError
from airflow_integrations.http.auth import Basic, OAuth2ClientCredentials
from airflow_integrations.http.body import TooLargeError, whole
from airflow_integrations.http.coding import CodingError
from airflow_integrations.http.endpoint import Endpoint
from airflow_integrations.http.message import excerpt_of
from airflow_integrations.http.origin import Origin
from airflow_integrations.http.redaction import Redaction
from airflow_integrations.http.refusal import reason_phrase
from airflow_integrations.http.session import open_token_session
from airflow_integrations.http.stream import cause, shown

__all__ = ["TokenError", "Tokens"]

_LEEWAY = 30.0
"""Seconds before its expiry that a token is no longer used: it has to arrive while it is valid."""
_UNTOLD_LIFE = 300.0
_MOST_BYTES = 1024 * 1024


class TokenError(Exception):
    """The token endpoint is away or failing: the request that needs a token was not sent; later may help."""


class _Grant(msgspec.Struct):
    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the type's name
    expires_in: float | str | None = None


class Tokens:
    """The current token of one client. Concurrent requests share one fetch."""

    def __init__(
        self, auth: OAuth2ClientCredentials, endpoint: Endpoint, now: Callable[[], float], redact: Redaction
    ) -> None:
        try:
            self._origin = Origin.of(auth.token_url)
        except ValueError as error:
            raise SetupError(f"Connection {endpoint.name!r}: token_url: {error}") from None
        self._auth = auth
        self._endpoint = endpoint
        self._now = now
        self._redact = redact
        self._lock = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self._token: str | None = None
        self._good_until = 0.0

    async def current(self) -> str:
        """A token that is still good. Raises TokenError where later may help, SetupError where it will not."""
        if self._token is not None and self._now() < self._good_until:
            return self._token
        async with self._lock:
            if self._token is None or self._now() >= self._good_until:
                grant = await self._fetch()
                self._token = grant.access_token
                self._redact.add(grant.access_token)
                self._good_until = self._now() + _usable_for(grant.expires_in)
            return self._token

    def refused(self, token: str) -> None:
        """The server did not accept this token: the next request fetches another, unless one has been since."""
        if self._token == token:
            self._token = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _fetch(self) -> _Grant:
        auth, form, headers = self._auth, dict(self._auth.parameters), {}
        form["grant_type"] = "client_credentials"
        if auth.scope is not None:
            form["scope"] = auth.scope
        if auth.send_secret == "body":  # noqa: S105 - a place, no secret
            form |= {"client_id": auth.client_id, "client_secret": auth.client_secret}
        else:  # RFC 6749 §2.3.1: both are form-encoded before they are joined
            name, text = Basic(quote_plus(auth.client_id), quote_plus(auth.client_secret)).header
            headers[name] = text
        if self._session is None:
            self._session = open_token_session(self._endpoint, self._origin)
        try:
            async with self._session.post(
                auth.token_url, data=form, headers=headers, allow_redirects=False
            ) as response:
                status, content = response.status, await whole(response, _MOST_BYTES, self._endpoint.content_timeout)
        except (aiohttp.ClientError, TimeoutError, OSError, CodingError) as error:
            raise TokenError(f"no token from {self._origin}: {self._redact(cause(error))}") from shown(error)
        except TooLargeError:
            raise SetupError(
                f"{self._place}: the answer of {self._origin} is no token: it has over {_MOST_BYTES} bytes"
            ) from None
        if status in (408, 429) or status >= 500:
            raise TokenError(f"no token from {self._origin}: {reason_phrase(status)}")
        if status != 200:
            raise SetupError(
                f"{self._place}: {self._origin} gave no token: {reason_phrase(status)}; "
                f"check client id, secret and scope. It said: {self._without_secret(content)}"
            )
        return self._read(content)

    def _read(self, content: bytes) -> _Grant:
        try:
            grant = msgspec.json.decode(content, type=_Grant)
        except msgspec.MsgspecError:
            raise SetupError(
                f"{self._place}: the answer of {self._origin} is no token (RFC 6749 §5.1); check token_url"
            ) from None
        if grant.token_type.lower() != "bearer":
            raise SetupError(
                f"{self._place}: {self._origin} gave a {grant.token_type[:40]!r} token; only Bearer is understood"
            )
        if not grant.access_token.isascii() or not grant.access_token.isprintable() or not grant.access_token:
            raise SetupError(f"{self._place}: {self._origin} gave a token that cannot stand in a header")
        return grant

    @property
    def _place(self) -> str:
        return f"Connection {self._endpoint.name!r}"

    def _without_secret(self, content: bytes) -> str:
        return excerpt_of(content, redact=self._redact)


def _usable_for(expires_in: float | str | None) -> float:
    try:
        life = float(expires_in) if expires_in is not None else _UNTOLD_LIFE
    except ValueError:
        life = _UNTOLD_LIFE
    return life - min(_LEEWAY, life / 2)
