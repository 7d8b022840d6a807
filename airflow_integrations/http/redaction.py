"""Takes an endpoint's secrets out of texts: a server may say back what it was sent."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from airflow_integrations.http.endpoint import Endpoint
from airflow_integrations.http.escaped_secrets import SecretFinder

__all__ = ["Redact", "Redaction", "names_a_secret", "url_without_secrets"]

Redact = Callable[[str], str]

_HARMLESS = frozenset(
    {"accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "content-type", "user-agent"}
)
"""Headers of a Connection that hold no secret; every other one may."""
_CREDENTIAL = re.compile(r"secret|token|password|assertion|key|credential", re.IGNORECASE)
"""In the name of a field of a token request."""


PASSING = 100


class Redaction:
    """Callable: a text with ``***`` in place of every secret of the endpoint, in whatever form it was said back."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._finder = SecretFinder()
        self._passing: deque[str] = deque(maxlen=PASSING)
        self._passing_finder: SecretFinder | None = None
        if endpoint.auth is not None:
            self.add(*endpoint.auth.secrets)
        self.add(*(text for name, text in endpoint.headers.items() if name.lower() not in _HARMLESS))
        self.add(*(text.rpartition(" ")[2] for name, text in endpoint.headers.items() if name.lower() not in _HARMLESS))
        if endpoint.proxy is not None:
            self.add(unquote(urlsplit(endpoint.proxy).password or ""))

    def add(self, *secrets: str) -> None:
        """Know more secrets, such as a token that was just fetched."""
        self._finder.add(*secrets)

    def add_passing(self, *secrets: str) -> None:
        """Know secrets that take the place of others, such as the cookies of a session: the last PASSING of them."""
        self._passing.extend(secrets)
        self._passing_finder = None

    def __call__(self, text: str) -> str:
        text = self._finder.hide(text)
        if not self._passing:
            return text
        if self._passing_finder is None:  # made when a text is shown: cookies may change with every answer
            self._passing_finder = SecretFinder(self._passing)
        return self._passing_finder.hide(text)


def names_a_secret(name: str) -> bool:
    """Whether a field of a token request with this name holds a secret."""
    return _CREDENTIAL.search(name) is not None


def url_without_secrets(url: str, redact: Redact) -> str:
    """The URL without the parameters of its query that hold a secret, such as our key in a server's next link."""
    if redact(url) == url:
        return url
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if redact(value) == value]
    return urlunsplit(parts._replace(query=urlencode(kept, quote_via=quote)))
