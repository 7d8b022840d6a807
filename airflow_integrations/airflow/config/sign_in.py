"""From what a Connection says to what signs its requests."""

from __future__ import annotations

import base64
import binascii
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_integrations.airflow.config.ledger_vault import LedgerVault
from airflow_integrations.airflow.config.sign_in_options import SendCookies, SendHeader, SignInOptions
from airflow_integrations.errors import EntityError, SetupError

if TYPE_CHECKING:
    from airflow_integrations.expressions import Expression
    from airflow_integrations.http import Answer, Auth, Csrf, Request, Taken
    from airflow_integrations.http.auth.refresh import Vault

__all__ = ["auth_of", "csrf_of"]

_LACKING = {
    "basic": "login",
    "bearer": "password, the token",
    "api_key": "password, the key",
    "digest": "password",
    "oauth2": "password, the client's secret",
    "session": "password",
    "hmac": "password, the key",
    "oauth1": "password, the consumer's secret",
    "aws": "password, the secret key",
}
_WITH_LOGIN = {"digest": "the user", "oauth2": "the client's id", "oauth1": "the consumer's key", "aws": "the key's id"}


def csrf_of(options: SignInOptions) -> Csrf | None:
    from airflow_integrations.http import Csrf

    found = options.csrf
    return None if found is None else Csrf(found.path, found.header, found.cookie, found.login)


def auth_of(
    connection: str, login: str, password: str, options: SignInOptions, now: Callable[[], float]
) -> Auth | None:
    """Raises SetupError where login or password are missing, or are not what they have to be."""
    kind = options.auth or ("basic" if login else "none")
    if kind == "none":
        return None
    if not (login if kind == "basic" else password):
        raise SetupError(f"Connection {connection!r}: auth {kind} needs its {_LACKING[kind]}")
    if kind in _WITH_LOGIN and not login:
        raise SetupError(f"Connection {connection!r}: auth {kind} needs its login, {_WITH_LOGIN[kind]}")
    try:
        if kind == "oauth2":
            vault = LedgerVault(connection) if options.grant == "refresh_token" else None
            return _oauth2(login, password, options, now, vault)
        return _MAKERS[kind](login, password, options, now)
    except ValueError as error:
        raise SetupError(f"Connection {connection!r}: {error}") from None


def _basic(login: str, password: str, _: SignInOptions, __: Any) -> Auth:
    from airflow_integrations.http import Basic
    from airflow_integrations.http.auth.fixed import login_is_secret

    if login_is_secret(login, password):
        _hide(login)  # Airflow hides passwords alone
    return Basic(login, password)


def _hide(secret: str) -> None:
    """In Airflow's logs, where this process has them: a command that did not load Airflow has none."""
    if "airflow.sdk" in sys.modules:
        from airflow.sdk.log import mask_secret

        mask_secret(secret)


def _bearer(_: str, password: str, __: SignInOptions, ___: Any) -> Auth:
    from airflow_integrations.http import Bearer

    return Bearer(password)


def _api_key(_: str, password: str, options: SignInOptions, __: Any) -> Auth:
    from airflow_integrations.http import ApiKey

    return ApiKey(options.name or "", password, options.place)


def _digest(login: str, password: str, _: SignInOptions, __: Any) -> Auth:
    from airflow_integrations.http import Digest

    return Digest(login, password)


def _oauth2(login: str, password: str, options: SignInOptions, now: Callable[[], float], vault: Vault | None) -> Auth:
    from airflow_integrations.http import Assertion, OAuth2

    jwt = options.jwt
    assertion = None
    if jwt is not None:
        assertion = Assertion(
            jwt.issuer or login, jwt.audience, jwt.subject, jwt.algorithm, jwt.key_id, jwt.life, jwt.claims
        )
    return OAuth2(
        options.token_url or "",
        login,
        password,
        options.scope,
        options.client_auth or ("none" if jwt else "header"),
        options.parameters,
        options.grant,
        options.send_as,
        _reader(options, now) if options.read or options.expires else None,
        assertion,
        options.authorize_url,
        vault,
        *_header_of(options),
    )


def _header_of(options: SignInOptions) -> tuple[str, str]:
    """The header that carries a token, and its text."""
    send = options.send if isinstance(options.send, SendHeader) else SendHeader()
    return send.header, send.value


def _session(login: str, password: str, options: SignInOptions, now: Callable[[], float]) -> Auth:
    from airflow_integrations.http import SessionLogin

    assert options.login is not None
    send, secrets = options.send, [password]
    request = _login_request(options, login, password, secrets)
    return SessionLogin(
        request,
        tuple(secrets),
        _reader(options, now) if options.read is not None else None,
        *_header_of(options),
        send.cookies if isinstance(send, SendCookies) else (),
        options.life,
        _condition(options.failed_when),
        _condition(options.expired_when),
    )


def _login_request(options: SignInOptions, login: str, password: str, secrets: list[str]) -> Request:
    """``secrets`` gets what is sent and is not the password itself."""
    from urllib.parse import urlencode

    from airflow_integrations.http import Basic, Request

    assert options.login is not None
    said = options.login
    headers: dict[str, str] = _filled(said.headers, login, password)
    if said.basic:
        basic = Basic(login, password)
        secrets += basic.secrets
        headers[basic.header[0]] = basic.header[1]
    body, content_type = None, None
    if said.body is not None:
        body, content_type = msgspec.json.encode(_filled(said.body, login, password)), "application/json"
    elif said.form is not None:
        body = urlencode(_filled(said.form, login, password)).encode()
        content_type = "application/x-www-form-urlencoded"
    query = tuple(_filled(said.query, login, password).items())
    return Request(said.method, said.path, query, {"Accept": "application/json", **headers}, body, content_type)


def _hmac(login: str, password: str, options: SignInOptions, _: Any) -> Auth:
    from airflow_integrations.http import HmacSignature

    sign = options.sign
    assert sign is not None
    try:
        key = {
            "text": lambda: password.encode(),
            "hex": lambda: bytes.fromhex(password),
            "base64": lambda: base64.b64decode(password, validate=True),
        }[sign.key_encoding]()
    except (ValueError, binascii.Error):
        raise ValueError(f"the password is not a key in {sign.key_encoding}") from None
    more = {name: _text(made) for name, made in sign.headers.items()}
    return HmacSignature(
        sign.header, key, _text(sign.over), sign.algorithm, sign.encoding, sign.value, login, more, password
    )


def _oauth1(login: str, password: str, options: SignInOptions, _: Any) -> Auth:
    from airflow_integrations.http import OAuth1

    given = options.parameters
    return OAuth1(
        login, password, given["access_token"], given["access_token_secret"], options.algorithm, options.realm
    )


def _aws(login: str, password: str, options: SignInOptions, _: Any) -> Auth:
    from airflow_integrations.http import AwsSignature

    session = options.parameters.get("session_token")
    return AwsSignature(login, password, options.region or "", options.service or "", session)


_MAKERS: Mapping[str, Callable[[str, str, SignInOptions, Callable[[], float]], Auth]] = {
    "basic": _basic,
    "bearer": _bearer,
    "api_key": _api_key,
    "digest": _digest,
    "session": _session,
    "hmac": _hmac,
    "oauth1": _oauth1,
    "aws": _aws,
}


def _filled(value: Any, login: str, password: str) -> Any:
    """With login and password in the place of their names, in every text below."""
    if isinstance(value, str):
        return password.join(part.replace("{login}", login) for part in value.split("{password}"))
    if isinstance(value, dict):
        return {name: _filled(each, login, password) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, login, password) for each in value]
    return value


def _names(answer: Answer) -> dict[str, Any]:
    from airflow_integrations.formats import ContentError
    from airflow_integrations.formats.answer import decode_json

    try:
        body = decode_json(answer.content, answer.headers.get("Content-Type")) if answer.content.strip() else None
    except ContentError:
        body = answer.content.decode("utf-8", "replace").strip()
    return {"status": answer.status, "headers": answer.headers, "body": body}


def _condition(expression: Expression | None) -> Callable[[Answer], bool] | None:
    """What an expression says of an answer; one that reads what the answer does not have says no."""
    if expression is None:
        return None
    decide = expression.compile()

    def holds(answer: Answer) -> bool:
        try:
            return bool(decide(_names(answer)))
        except EntityError:
            return False

    return holds


def _text(expression: Expression) -> Callable[[Mapping[str, Any]], str]:
    make = expression.compile()

    def made(names: Mapping[str, Any]) -> str:
        try:
            return str(make(names))
        except EntityError as error:
            raise SetupError(f"sign: {expression.text}: {error}") from None

    return made


def _reader(options: SignInOptions, now: Callable[[], float]) -> Callable[[Answer], Taken]:
    read = options.read.compile() if options.read is not None else None
    expires = options.expires.compile() if options.expires is not None else None

    def taken(answer: Answer) -> Taken:
        from airflow_integrations.http import Taken

        names = _names(answer)
        try:
            found = read(names) if read is not None else names["body"]["access_token"]
        except (EntityError, KeyError, TypeError):
            raise ValueError("has no token where it was looked for") from None
        try:
            life = _life(expires(names), now()) if expires is not None else None
        except (EntityError, ValueError, OverflowError) as error:
            raise ValueError(
                f"does not tell when it expires ({options.expires and options.expires.text}): {error}"
            ) from None
        more = names["body"].get("refresh_token") if isinstance(names["body"], dict) else None
        return Taken.of(found, life if life is not None else _life_of_jwt(found, now()), more)

    return taken


def _life(value: Any, now: float) -> float:
    """Seconds from now. Numbers from 10^8 on are Unix time, from 10^11 on in milliseconds; a text may be a moment."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        if not isinstance(value, str):
            raise ValueError(f"{type(value).__name__} is not a time") from None
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
    if not number < 1e15:
        raise ValueError("that is not a time")
    if number >= 1e8:
        number = (number / 1000 if number >= 1e11 else number) - now
    return max(0.0, number)


def _life_of_jwt(text: Any, now: float) -> float | None:
    """Until the ``exp`` of a token that is a JWT. Its signature is the server's matter."""
    import jwt

    if not isinstance(text, str) or text.count(".") != 2:
        return None
    try:
        expires = jwt.decode(text, options={"verify_signature": False, "verify_exp": False}).get("exp")
    except (jwt.PyJWTError, ValueError):
        return None
    return max(0.0, float(expires) - now) if isinstance(expires, int | float) else None
