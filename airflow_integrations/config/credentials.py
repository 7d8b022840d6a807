"""Recognize headers and query parameters that carry credentials: they belong in the Connection, not in a route."""

from __future__ import annotations

import re
from itertools import pairwise

__all__ = [
    "carries_credentials",
    "credentials_remedy",
    "is_always_credentials",
    "looks_like_secret",
    "secret_remedy",
]

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


_ISSUED = re.compile(
    r"(?:whsec|sk|pk|rk|ghp|gho|ghs|github_pat|glpat|shpss|shpat|shpca|xox[abprs]|xapp|npm|pat|shippo_(?:live|test))[_-]"
    r"[\w-]*\d[\w-]{8,}|AKIA[0-9A-Z]{12,}|AIza[\w-]{30,}|eyJ[\w-]{10,}\..*|SG\.[\w-]{10,}\..*"
)
"""What issuers begin their secrets with."""
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


def looks_like_secret(text: str) -> bool:
    """Whether a text is made by chance: nobody calls a Connection so, and it is a secret that was pasted.

    A name such as ``azure-eu-west-1-production2`` is none: its words have no letters and digits that alternate.
    """
    if _ISSUED.fullmatch(text) or _UUID.fullmatch(text):
        return True
    for word in re.split(r"[_.\-]", text):
        if len(word) >= 24 and re.fullmatch(r"(?=.*\d)[0-9a-f]+|(?=.*\d)[0-9A-F]+", word):
            return True
        kinds = ["0" if each.isdigit() else "A" if each.isupper() else "a" for each in word]
        changes = sum(one != other for one, other in pairwise(kinds))
        if len(word) >= 16 and "0" in kinds and changes >= len(word) // 4:
            return True
    return False


def secret_remedy() -> str:
    """The message for a secret in place of a Connection's id. It does not repeat the text."""
    return (
        "this looks like a secret, and route files hold none: put it into an Airflow Connection as its password, and "
        "write the Connection's id here, such as shop_webhook"
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
