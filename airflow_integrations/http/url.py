"""From a request to the URL it goes to; never away from the endpoint's origin."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode, urljoin

from yarl import URL

from airflow_integrations.errors import AnswerError
from airflow_integrations.http.endpoint import Endpoint
from airflow_integrations.http.message import Request
from airflow_integrations.http.origin import Origin, is_absolute

__all__ = ["LeadsAwayError", "Targets", "at_home", "joined", "redirected", "target"]


class LeadsAwayError(AnswerError):
    """A URL that a server gave is not of the endpoint's origin. ``redirect``: it was a redirect's."""

    def __init__(self, message: str, url: str, origin: Origin, *, redirect: bool = False) -> None:
        super().__init__(message)
        self.url = url
        self.origin = origin
        self.redirect = redirect


_MOST_KEPT = 20
_PLAIN = re.compile(r"[A-Za-z0-9!$%&'()*+,/:;=?@\[\]~._\-]*")
_PLAIN_MARKS = "!$%&'()*+,/:;=?@[]~"
_QUERY_MARKS = "$:,/@()*!~"
"""Marks that may stand in a query as they are (RFC 3986 §3.4) and that no form decoder takes for a separator."""


def target(endpoint: Endpoint, request: Request) -> URL:
    """The URL of a request, without credentials. Raises AnswerError for an absolute path that leaves the origin."""
    path = _encoded(request.path)
    if is_absolute(path):
        text = at_home(endpoint, path, what=f"{request.method} request")
    elif not path or path[0] in "/?":
        text = endpoint.base_url + path
    else:
        text = f"{endpoint.base_url}/{path}"
    if request.query:
        text += ("&" if "?" in text else "?") + urlencode(request.query, quote_via=quote, safe=_QUERY_MARKS)
    return URL(text, encoded=True)


class Targets:
    """The URLs of requests to one endpoint. Some are kept: a push asks the same ones again and again."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._kept: dict[tuple[str, tuple[tuple[str, str], ...]], URL] = {}

    def of(self, request: Request) -> URL:
        """As :func:`target`."""
        asked = request.path, request.query
        url = self._kept.get(asked)
        if url is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            url = self._kept[asked] = target(self._endpoint, request)
        return url


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
    return URL(at_home(endpoint, text, what="redirect"), encoded=True)


def joined(base: str, reference: str) -> str:
    """The absolute URL that a reference found at ``base`` means. Raises AnswerError where it means none."""
    try:
        return urljoin(base, reference.strip())
    except ValueError:
        path = reference.partition("?")[0][:200]
        raise AnswerError(f"what {base.partition('?')[0]} leads on to is not a URL: {path!r}") from None


def at_home(endpoint: Endpoint, url: str, *, what: str) -> str:
    """The URL, on the endpoint's origin. Raises AnswerError, naming both origins, for one that leads away.

    A server behind a proxy that ends TLS often takes itself for ``http://``. Such a link to the very host of an
    ``https://`` Connection is followed over TLS: at the same port where the link names it, or else at the default one.
    """
    try:
        origin = Origin.of(url)
    except ValueError as error:
        raise AnswerError(f"{endpoint.name}: a {what} leads to a URL that cannot be used: {error}") from None
    home = endpoint.origin
    if origin == home:
        return url
    same_host = origin.host == home.host
    if same_host and (origin.scheme, home.scheme) == ("http", "https"):
        if origin.port == home.port:
            return "https" + url[len("http") :]
        if (origin.port, home.port) == (80, 443):
            return str(URL(url, encoded=True).with_port(None).with_scheme("https"))
    remedy = "if the service has moved, change the Connection"
    if same_host:
        remedy = (
            f"if the service is really at {origin}, change the Connection; otherwise make the service write its "
            f"links for {home} (behind a proxy: the headers X-Forwarded-Proto, -Host and -Port)"
        )
    raise LeadsAwayError(
        f"{endpoint.name}: a {what} leads to {origin}, but the credentials of Connection {endpoint.name!r} "
        f"stay at {home}; {remedy}",
        url,
        origin,
        redirect=what == "redirect",
    )
