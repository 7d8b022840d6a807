"""From a request to the URL it goes to; never away from the endpoint's origin."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode, urljoin

from yarl import URL

from airflow_integrations.errors import AnswerError
from airflow_integrations.http.endpoint import Endpoint
from airflow_integrations.http.message import Request
from airflow_integrations.http.origin import Origin, is_absolute

__all__ = ["at_home", "joined", "redirected", "target"]

_PLAIN = re.compile(r"[A-Za-z0-9!$%&'()*+,/:;=?@\[\]~._\-]*")
_PLAIN_MARKS = "!$%&'()*+,/:;=?@[]~"
_QUERY_MARKS = "$:,/@()*!~"
"""Marks that may stand in a query as they are (RFC 3986 §3.4) and that no form decoder takes for a separator."""


def target(endpoint: Endpoint, request: Request) -> URL:
    """The URL of a request, without credentials. Raises AnswerError for an absolute path that leaves the origin."""
    path = _encoded(request.path)
    if is_absolute(path):
        at_home(endpoint, path, what=f"{request.method} request")
        text = path
    elif not path or path[0] in "/?":
        text = endpoint.base_url + path
    else:
        text = f"{endpoint.base_url}/{path}"
    if request.query:
        text += ("&" if "?" in text else "?") + urlencode(request.query, quote_via=quote, safe=_QUERY_MARKS)
    return URL(text, encoded=True)


def _encoded(text: str) -> str:
    """Without a fragment, which is never sent, and without any character that a request line may not hold."""
    text = text.partition("#")[0]
    return text if _PLAIN.fullmatch(text) else quote(text, safe=_PLAIN_MARKS)


def redirected(endpoint: Endpoint, came_from: URL, location: str) -> URL:
    """Where a redirect leads. Raises AnswerError where it leads away."""
    try:
        text = _encoded(joined(str(came_from), location))
    except AnswerError as error:
        raise AnswerError(f"{endpoint.name}: {error}") from None
    at_home(endpoint, text, what="redirect")
    return URL(text, encoded=True)


def joined(base: str, reference: str) -> str:
    """The absolute URL that a reference found at ``base`` means. Raises AnswerError where it means none."""
    try:
        return urljoin(base, reference.strip())
    except ValueError:
        path = reference.partition("?")[0][:200]
        raise AnswerError(f"what {base.partition('?')[0]} leads on to is no URL: {path!r}") from None


def at_home(endpoint: Endpoint, url: URL | str, *, what: str) -> None:
    """Raises AnswerError, naming both origins, unless the URL is of the endpoint's origin."""
    try:
        origin = Origin.of(url)
    except ValueError as error:
        raise AnswerError(f"{endpoint.name}: a {what} leads to a URL that cannot be used: {error}") from None
    if origin != endpoint.origin:
        raise AnswerError(
            f"{endpoint.name}: a {what} leads to {origin}, but the credentials of Connection {endpoint.name!r} "
            f"stay at {endpoint.origin}; if the service has moved, change the Connection"
        )
