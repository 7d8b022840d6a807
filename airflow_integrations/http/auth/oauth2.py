"""OAuth 2 access tokens (RFC 6749, 7523): by client credentials, by a password, by a signed assertion."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote_plus, urlencode

import aiohttp
import msgspec

from airflow_integrations.errors import SetupError
from airflow_integrations.http.auth.answer_credentials import Taken
from airflow_integrations.http.auth.base import Auth
from airflow_integrations.http.auth.exchange import exchange
from airflow_integrations.http.auth.expiring import Held, good_for
from airflow_integrations.http.auth.fixed import Basic
from airflow_integrations.http.auth.refresh import Refreshed, Vault
from airflow_integrations.http.endpoint import Endpoint
from airflow_integrations.http.errors import reason_phrase
from airflow_integrations.http.message import Answer, Request
from airflow_integrations.http.origin import Origin
from airflow_integrations.http.redaction import Redaction, names_a_secret
from airflow_integrations.http.session import open_token_session

__all__ = ["Assertion", "OAuth2", "TokenEndpoint"]

Grant = Literal["client_credentials", "password", "jwt_bearer", "refresh_token"]
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class Assertion:
    """The claims of a signed JWT (RFC 7523 §3) with which ``jwt_bearer`` asks for a token."""

    issuer: str
    audience: str
    subject: str | None = None
    algorithm: str = "RS256"
    key_id: str | None = None
    life: float = 300.0
    """Seconds."""
    claims: Mapping[str, Any] = field(default_factory=dict)

    def signed(self, key: str, now: float) -> str:
        """Raises ValueError for a key that does not fit the algorithm."""
        import jwt

        claims = {"iss": self.issuer, "aud": self.audience, "iat": int(now), "exp": int(now + self.life)}
        claims |= {"jti": secrets.token_hex(16)} | ({"sub": self.subject} if self.subject is not None else {})
        headers = {"kid": self.key_id} if self.key_id is not None else None
        try:
            return jwt.encode(claims | dict(self.claims), key, algorithm=self.algorithm, headers=headers)
        except (jwt.PyJWTError, ValueError, TypeError, NotImplementedError):
            raise ValueError(
                f"the password is not a key for {self.algorithm}: a PEM text that begins with -----BEGIN for RS, PS, "
                "ES and EdDSA, a long secret for HS"
            ) from None


@dataclass(frozen=True, slots=True)
class OAuth2(Auth):
    """The token is kept until shortly before it expires.

    ``token_url`` may be on another origin than the endpoint: it is sent the client's id and secret and nothing else.
    ``client_auth`` says whether they go as basic authentication (the RFC's choice), in the body, or not at all; of
    ``jwt_bearer`` the secret is the private key and is never sent. ``parameters`` are more fields of the request, such
    as ``audience``, or ``username`` and ``password``. ``read`` takes the token from answers of another shape than the
    RFC's. Raises SetupError for parameters that would be overwritten.
    """

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None
    client_auth: Literal["header", "body", "none"] = "header"
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    grant: Grant = "client_credentials"
    send_as: Literal["form", "json"] = "form"
    read: Callable[[Answer], Taken] | None = None
    assertion: Assertion | None = None
    authorize_url: str | None = None
    """Where a person allows it in a browser; what that gives is kept in ``vault``."""
    vault: Vault | None = None
    """Where the tokens of the grant ``refresh_token`` are kept; that of ``parameters`` is only the first one."""
    header_name: str = "Authorization"
    """The header that carries the token."""
    value: str = "Bearer {token}"
    """Its text, where ``{token}`` stands for the token."""

    def __post_init__(self) -> None:
        own = {"grant_type"} | ({"scope"} if self.scope is not None else set())
        own |= {"client_id", "client_secret"} if self.client_auth == "body" else set()
        own |= {"assertion"} if self.assertion is not None else set()
        if doubled := sorted(own & set(self.parameters)):
            raise SetupError(
                f"auth oauth2: parameters has {', '.join(doubled)}, which its own option sets; leave it out there"
            )

    @property
    def secrets(self) -> tuple[str, ...]:
        joined = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}".encode()
        given = (text for name, text in self.parameters.items() if names_a_secret(name))
        return (self.client_secret, base64.b64encode(joined).decode("ascii"), *given)

    @property
    def how(self) -> str:
        return f"OAuth 2, {self.grant.replace('_', ' ')}, tokens from {self.token_url.partition('?')[0]}"

    def carried(self, token: str) -> dict[str, str]:
        """The headers of a request that carries the token."""
        return {self.header_name: self.value.replace("{token}", token)}

    def fields(self, now: float) -> dict[str, str]:
        """What the token request says."""
        told = {name: text for name, text in self.parameters.items() if name != "refresh_token"}
        told["grant_type"] = self.grant
        if self.assertion is not None:
            told |= {"grant_type": _JWT_BEARER, "assertion": self.assertion.signed(self.client_secret, now)}
        if self.scope is not None:
            told["scope"] = self.scope
        if self.client_auth == "body":
            told["client_id"] = self.client_id
            if self.assertion is None:
                told["client_secret"] = self.client_secret
        return told


class _Grant(msgspec.Struct):
    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the type's name
    expires_in: float | str | None = None
    refresh_token: str | None = None


class TokenEndpoint:
    """Where the tokens of one client come from."""

    def __init__(self, auth: OAuth2, endpoint: Endpoint, now: Callable[[], float], redact: Redaction) -> None:
        try:
            self._origin = Origin.of(auth.token_url)
        except ValueError as error:
            raise SetupError(f"Connection {endpoint.name!r}: token_url: {error}") from None
        self._auth = auth
        self._endpoint = endpoint
        self._now = now
        self._redact = redact
        self._session: aiohttp.ClientSession | None = None
        self._refreshed: Refreshed | None = None
        if auth.grant == "refresh_token":
            if auth.vault is None:
                raise SetupError(
                    f"Connection {endpoint.name!r}: the grant refresh_token needs a ledger to keep tokens in"
                )
            first = auth.parameters.get("refresh_token")
            self._refreshed = Refreshed(
                auth.vault, first, self._refresh, auth.carried, name=endpoint.name, now=now, redact=redact
            )

    async def obtain(self) -> Held:
        """A fresh token. Raises SignInError where later may help, SetupError where it will not."""
        if self._refreshed is not None:
            return await self._refreshed.obtain()
        taken = await self.ask({})
        self._redact.add(taken.text)
        return Held(self._auth.carried(taken.text), self._now() + good_for(taken.life))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _refresh(self, token: str) -> Taken:
        return await self.ask({"refresh_token": token})

    async def ask(self, more: Mapping[str, str]) -> Taken:
        """What the token endpoint gives for the fields of the grant and ``more``. Raises as :meth:`obtain` does."""
        auth, headers = self._auth, {}
        try:
            fields = auth.fields(self._now()) | dict(more)
        except ValueError as error:
            raise SetupError(f"{self._place}: {error}") from None
        if auth.client_auth == "header":  # RFC 6749 §2.3.1: both are form-encoded before they are joined
            name, text = Basic(quote_plus(auth.client_id), quote_plus(auth.client_secret)).header
            headers[name] = text
        if auth.send_as == "json":
            headers["Content-Type"], body = "application/json", msgspec.json.encode(fields)
        else:
            headers["Content-Type"], body = "application/x-www-form-urlencoded", urlencode(fields).encode()
        if self._session is None:
            self._session = open_token_session(self._endpoint, self._origin)
        answer = await exchange(
            self._session.post(auth.token_url, data=body, headers=headers, allow_redirects=False),
            Request("POST", auth.token_url, body=body),
            auth.token_url,
            endpoint=self._endpoint,
            redact=self._redact,
            what=f"token from {self._origin}",
        )
        if answer.status >= 300:
            raise SetupError(
                f"{self._place}: {self._origin} gave no token: {reason_phrase(answer.status)}; "
                f"{self._remedy}. "
                f"It said: {answer.said()}"
            )
        try:
            return auth.read(answer) if auth.read is not None else _by_the_rfc(answer)
        except ValueError as error:
            raise SetupError(f"{self._place}: the answer of {self._origin} {error}") from None

    @property
    def _place(self) -> str:
        return f"Connection {self._endpoint.name!r}"

    @property
    def _remedy(self) -> str:
        if self._refreshed is not None:
            return (
                "where it says that the refresh token is not valid any more, a person has to allow it again: "
                f"`airflow-integrations connect {self._endpoint.name}`"
            )
        return f"check {'issuer, audience and key' if self._auth.assertion else 'client id, secret and scope'}"


def _by_the_rfc(answer: Answer) -> Taken:
    """Raises ValueError for an answer that has no token in the place where RFC 6749 §5.1 puts it."""
    try:
        grant = msgspec.json.decode(answer.content, type=_Grant)
    except msgspec.MsgspecError:
        raise ValueError(
            "has no access_token in it (RFC 6749 §5.1); check token_url, or say where the token stands, such as "
            "read: body.data.token. "
            f"It said: {answer.said()}"
        ) from None
    if grant.token_type.lower() != "bearer":
        raise ValueError(f"is a {grant.token_type[:40]!r} token; only Bearer is understood")
    try:
        life = float(grant.expires_in) if grant.expires_in is not None else None
    except ValueError:
        life = None
    return Taken.of(grant.access_token, life, grant.refresh_token)
