"""Options by which a Connection signs in to its system, in extra under ``integrations``."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.expressions.expression import Expression
from airflow_integrations.http.auth.signatures import SIGNED_NAMES
from airflow_integrations.http.origin import is_absolute

__all__ = ["AnswerExpression", "SignInOptions", "SignedExpression"]

Positive = Annotated[float, Field(gt=0)]


def _at_home(path: str) -> str:
    if is_absolute(path):
        raise ValueError("write a path behind the Connection's host, such as /auth/login; credentials stay at its host")
    return path


HomePath = Annotated[str, AfterValidator(_at_home)]
_ANSWER_NAMES = ("status", "headers", "body")


def _seeing(expression: Expression, names: Any) -> Expression:
    if unknown := sorted(expression.names - set(names)):
        raise ValueError(f"unknown name {unknown[0]!r}; the expression can use {', '.join(names)}")
    return expression


class _Checked:
    """An expression that sees only some names."""

    def __init__(self, names: Any) -> None:
        self.names = names

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        def made(text: Any) -> Expression:
            if isinstance(text, bool) or not isinstance(text, str | int | float):
                raise ValueError("is an expression, written as text")
            return _seeing(Expression(str(text), "answer"), self.names)

        return core_schema.no_info_plain_validator_function(made)


AnswerExpression = Annotated[Expression, _Checked(_ANSWER_NAMES)]
SignedExpression = Annotated[Expression, _Checked(SIGNED_NAMES)]


class LoginRequest(Model):
    """The request that logs in. ``{login}`` and ``{password}`` in a value stand for those of the Connection."""

    path: HomePath
    """Where, behind the Connection's host and path: ``/auth/login``."""
    method: Literal["POST", "GET", "PUT"] = "POST"
    """The method."""
    query: dict[str, str] = Field(default_factory=dict)
    """Query parameters."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Headers."""
    body: Any = None
    """A JSON body: ``{"user": "{login}", "password": "{password}"}``."""
    form: dict[str, str] | None = None
    """The fields of a form, in the place of ``body``."""
    basic: bool = False
    """Whether login and password go as basic authentication."""

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.body is not None and self.form is not None:
            raise ValueError("has body and form; a request has one of them")
        return self


class SendHeader(Model):
    """The header that carries what the log-in gave."""

    header: str = "Authorization"
    """Its name."""
    value: str = "Bearer {token}"
    """Its text, where ``{token}`` stands for the token."""

    @model_validator(mode="after")
    def _with_token(self) -> Self:
        if "{token}" not in self.value:
            raise ValueError("value has no {token} in it, such as 'Bearer {token}'")
        return self


class SendCookies(Model):
    """The cookies of the log-in's answer."""

    cookies: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of cookies without which nobody is logged in."""


class Signing(Model):
    """The recipe of an HMAC."""

    header: str
    """The header that carries the signature."""
    over: SignedExpression
    """The text that is signed: ``method + "\\n" + path + "\\n" + body``."""
    algorithm: Literal["md5", "sha1", "sha256", "sha384", "sha512"] = "sha256"
    """The hash."""
    encoding: Literal["hex", "base64"] = "hex"
    """How the signature is written."""
    key_encoding: Literal["text", "hex", "base64"] = "text"
    """How the key, the password, is written."""
    value: str = "{signature}"
    """The header's text, where ``{signature}`` and ``{login}`` stand for themselves."""
    headers: dict[str, SignedExpression] = Field(default_factory=dict)
    """More headers, such as the time that was signed: ``{"X-Timestamp": "timestamp"}``."""


class JwtClaims(Model):
    """The assertion of the grant ``jwt_bearer``; its key is the Connection's password."""

    audience: str
    """``aud``."""
    issuer: str | None = None
    """``iss``; the Connection's login where it is left out."""
    subject: str | None = None
    """``sub``, such as the user to act for."""
    algorithm: Literal["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "HS256", "HS512"] = "RS256"
    """How it is signed."""
    key_id: str | None = None
    """``kid`` in its head."""
    life: Annotated[float, Field(gt=0, le=3600)] = 300.0
    """Seconds until its ``exp``."""
    claims: dict[str, Any] = Field(default_factory=dict)
    """More claims."""


class CsrfOptions(Model):
    """How a token against forged requests is had; every request but GET, HEAD and OPTIONS carries it."""

    path: HomePath
    """Where it is asked for, with GET."""
    header: str = "X-CSRF-Token"
    """The header that asks for it, gives it and carries it."""
    cookie: str | None = None
    """The cookie that gives it, where no header does."""
    login: bool = False
    """Whether the log-in of ``auth: session`` needs one as well."""


_WAYS = "basic", "bearer", "api_key", "digest", "oauth2", "session", "hmac", "oauth1", "aws", "none"
_BELONGS = {
    "name": ("api_key",),
    "place": ("api_key",),
    "token_url": ("oauth2",),
    "grant": ("oauth2",),
    "scope": ("oauth2",),
    "authorize_url": ("oauth2",),
    "client_auth": ("oauth2",),
    "send_as": ("oauth2",),
    "jwt": ("oauth2",),
    "parameters": ("oauth2", "oauth1", "aws"),
    "read": ("oauth2", "session"),
    "expires": ("oauth2", "session"),
    "life": ("session",),
    "login": ("session",),
    "send": ("oauth2", "session"),
    "failed_when": ("session",),
    "expired_when": ("session",),
    "sign": ("hmac",),
    "algorithm": ("oauth1",),
    "realm": ("oauth1",),
    "region": ("aws",),
    "service": ("aws",),
}
_NEEDS = {
    "api_key": {"name": "the header or query parameter that carries the key"},
    "oauth2": {"token_url": "where tokens are asked for"},
    "session": {"login": "the request that logs in"},
    "hmac": {"sign": "the recipe of the signature"},
    "aws": {"region": "such as eu-west-1", "service": "such as execute-api"},
}


class SignInOptions(Model):
    """Who we are. Secrets stand in the Connection's password, which Airflow encrypts and hides."""

    auth: Literal[_WAYS] | None = None  # type: ignore[valid-type]
    """``basic`` (login and password; the default where there is a login), ``bearer`` (the token is the password),
    ``api_key`` (the key is the password), ``digest`` (login and password), ``oauth2`` (login is the client's id,
    password its secret), ``session`` (a log-in of the system's own), ``hmac`` (the key is the password), ``oauth1``
    (login and password are the consumer's key and secret), ``aws`` (login is the access key's id, password the secret
    key), ``none``."""
    name: str | None = None
    """For ``api_key``: the header or query parameter that carries the key."""
    place: Literal["header", "query"] = "header"
    """For ``api_key``: where the key goes."""
    token_url: str | None = None
    """For ``oauth2``: where tokens are asked for."""
    grant: Literal["client_credentials", "password", "jwt_bearer", "refresh_token"] = "client_credentials"
    """For ``oauth2``: by what right. ``password`` takes ``username`` and ``password`` in ``parameters``,
    ``refresh_token`` the first token there, or from ``airflow-integrations connect``."""
    authorize_url: str | None = None
    """For ``oauth2`` with ``refresh_token``: where a person allows it, in a browser."""
    scope: str | None = None
    """For ``oauth2``: the scopes, separated by spaces."""
    client_auth: Literal["header", "body", "none"] | None = None
    """For ``oauth2``: whether the client's id and secret go as basic authentication, in the body, or not at all. The
    default is ``header``, and ``none`` with ``jwt_bearer``."""
    send_as: Literal["form", "json"] = "form"
    """For ``oauth2``: how the token request is written."""
    jwt: JwtClaims | None = None
    """For ``oauth2`` with the grant ``jwt_bearer``: what the assertion claims."""
    parameters: dict[str, str] = Field(default_factory=dict)
    """For ``oauth2``: more fields of the token request, such as ``audience``. For ``oauth1``: ``access_token`` and
    ``access_token_secret``. For ``aws``: ``session_token``."""
    read: AnswerExpression | None = None
    """For ``session`` and ``oauth2``: where the answer holds the token: ``body.data.token``,
    ``headers["x-auth-token"]``. It sees ``status``, ``headers`` and ``body``."""
    expires: AnswerExpression | None = None
    """For ``session`` and ``oauth2``: how long it lives: seconds, a moment, or Unix time. The ``exp`` of a JWT counts
    by itself."""
    life: Positive | None = None
    """For ``session``: seconds that it lives, where the answer does not tell."""
    login: LoginRequest | None = None
    """For ``session``: the request that logs in."""
    send: Literal["cookies"] | SendCookies | SendHeader = SendHeader.model_construct()
    """For ``session`` and ``oauth2``: what later requests carry: ``{header, value}``; of a session also ``cookies``, or
    ``{cookies: [names]}``."""
    failed_when: AnswerExpression | None = None
    """For ``session``: true for an answer with a good status that did not log in: ``body.error``."""
    expired_when: AnswerExpression | None = None
    """For ``session``: true for an answer to any request that means that the session is over. 401 does anyway."""
    sign: Signing | None = None
    """For ``hmac``: the recipe of the signature."""
    algorithm: Literal["HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512"] = "HMAC-SHA256"
    """For ``oauth1``: how requests are signed."""
    realm: str | None = None
    """For ``oauth1``: the realm in the header, which NetSuite needs."""
    region: str | None = None
    """For ``aws``: the region."""
    service: str | None = None
    """For ``aws``: the service's name in the signature."""
    csrf: CsrfOptions | None = None
    """A token against forged requests, with whatever ``auth``."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for option, ways in _BELONGS.items():
            if option in self.model_fields_set and self.auth not in ways:
                has = f"auth is {self.auth}" if self.auth else "auth is not set"
                raise ValueError(f"{option} belongs to auth {' or '.join(ways)}, and {has}")
        for option, what in _NEEDS.get(self.auth or "", {}).items():
            if not getattr(self, option):
                raise ValueError(f"auth {self.auth} needs {option}: {what}")
        if self.auth == "oauth2" and not isinstance(self.send, SendHeader):
            raise ValueError(
                "auth oauth2 sends its token in a header, such as send: {header: X-Access-Token, value: '{token}'}; "
                "cookies are those of auth session"
            )
        if self.auth == "session" and self.read is None and isinstance(self.send, SendHeader):
            raise ValueError("auth session needs read, where the answer holds the token, or send: cookies")
        if self.csrf is not None and self.csrf.login and self.auth != "session":
            raise ValueError("csrf.login is about the log-in of auth session; leave it out")
        if (self.grant == "jwt_bearer") != (self.jwt is not None):
            raise ValueError("grant jwt_bearer and jwt belong together")
        if self.authorize_url is not None and self.grant != "refresh_token":
            raise ValueError("authorize_url belongs to the grant refresh_token")
        if self.grant == "password" and not {"username", "password"} <= set(self.parameters):
            raise ValueError("grant password needs username and password in parameters")
        if self.auth == "oauth1" and set(self.parameters) != {"access_token", "access_token_secret"}:
            raise ValueError("auth oauth1 needs parameters with access_token and access_token_secret")
        if self.auth == "aws" and set(self.parameters) - {"session_token"}:
            raise ValueError("of parameters auth aws knows session_token alone")
        return self
