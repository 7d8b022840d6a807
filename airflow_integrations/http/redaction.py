"""Takes an endpoint's secrets out of texts: a server may say back what it was sent."""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urlsplit, urlunsplit

from airflow_integrations.http.auth import ApiKey, Basic, Bearer, OAuth2ClientCredentials
from airflow_integrations.http.endpoint import Endpoint

__all__ = ["Redact", "Redaction", "url_without_secrets"]

Redact = Callable[[str], str]

_SHORTEST = 4
"""A shorter text says nothing by itself, and would be found everywhere."""
_HARMLESS = frozenset(
    {"accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "content-type", "user-agent"}
)
"""Headers of a Connection that hold no secret; every other one may."""


class Redaction:
    """Callable: a text with ``***`` in place of every secret of the endpoint, in the forms it travels in."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._found: list[str] = []
        auth = endpoint.auth
        if isinstance(auth, Basic):
            self.add(auth.password, auth.header[1].removeprefix("Basic "))
        elif isinstance(auth, Bearer):
            self.add(auth.token)
        elif isinstance(auth, ApiKey):
            self.add(auth.value)
        elif isinstance(auth, OAuth2ClientCredentials):
            joined = f"{quote_plus(auth.client_id)}:{quote_plus(auth.client_secret)}".encode()
            self.add(auth.client_secret, base64.b64encode(joined).decode("ascii"))
        self.add(*(text for name, text in endpoint.headers.items() if name.lower() not in _HARMLESS))

    def add(self, *secrets: str) -> None:
        """Know more secrets, such as a token that was just fetched."""
        for secret in secrets:
            if len(secret) >= _SHORTEST:
                forms = {secret, quote(secret, safe=""), quote_plus(secret)}
                self._found.extend(form for form in forms if form not in self._found)
        self._found.sort(key=len, reverse=True)  # one may be a part of another

    def __call__(self, text: str) -> str:
        for secret in self._found:
            if secret in text:
                text = text.replace(secret, "***")
        return text


def url_without_secrets(url: str, redact: Redact) -> str:
    """The URL without the parameters of its query that hold a secret, such as our key in a server's next link."""
    if redact(url) == url:
        return url
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if redact(value) == value]
    return urlunsplit(parts._replace(query=urlencode(kept, quote_via=quote)))
