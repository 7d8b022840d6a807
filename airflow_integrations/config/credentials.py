"""Recognize headers and query parameters that carry credentials: they belong in the Connection, not in a route."""

from __future__ import annotations

import re

__all__ = ["carries_credentials", "credentials_remedy", "is_always_credentials"]

_ALWAYS = frozenset({"authorization", "proxyauthorization", "cookie"})
_NAMES = frozenset(
    {"auth", "authentication", "credentials", "jwt", "passwd", "pwd", "secret", "token", "xauth", "xtoken"}
)
_ENDINGS = (
    "accesskey",
    "accesstoken",
    "apikey",
    "apisecret",
    "apitoken",
    "appkey",
    "appsecret",
    "apptoken",
    "authkey",
    "authtoken",
    "bearertoken",
    "clientsecret",
    "consumerkey",
    "consumersecret",
    "password",
    "privatetoken",
    "secretkey",
    "securitytoken",
    "sessiontoken",
    "subscriptionkey",
)  # not "token" or "key" alone: page_token, sync_token and Idempotency-Key are not credentials


def is_always_credentials(name: str) -> bool:
    """Whether a header can hold nothing else, whatever its value is made of."""
    return _plain(name) in _ALWAYS


def carries_credentials(name: str) -> bool:
    """Whether a header or query parameter of this name holds credentials, such as ``X-Api-Key`` and ``token``."""
    plain = _plain(name)
    return plain in _ALWAYS or plain in _NAMES or plain.endswith(_ENDINGS)


def credentials_remedy(name: str, *, query: bool = False) -> str:
    """The message for a header or parameter that holds credentials."""
    how = "with login and password, or auth and password"
    if not is_always_credentials(name):
        place = ', "place": "query"' if query else ""
        how = f'as password, with {{"integrations": {{"auth": "api_key", "name": "{name[:60]}"{place}}}}} in its extra'
    return f"credentials belong to the Connection, not to the route; take {name[:60]} out and set it there, {how}"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
