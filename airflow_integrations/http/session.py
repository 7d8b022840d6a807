"""aiohttp's session for one endpoint: certificates, proxies, time-outs, bounds."""

from __future__ import annotations

import ssl
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from airflow_integrations.errors import SetupError
from airflow_integrations.http.auth.fixed import Digest
from airflow_integrations.http.content.content_encoding import ACCEPTED
from airflow_integrations.http.endpoint import Endpoint
from airflow_integrations.http.origin import Origin
from airflow_integrations.http.wire.connections import CheckedConnector
from airflow_integrations.http.wire.session import LINE_BYTES, Session
from airflow_integrations.version import __version__

__all__ = ["open_session", "open_token_session"]


def open_session(endpoint: Endpoint) -> Session:
    """A session whose every request carries the endpoint's headers and fixed credentials: only for its own origin.

    Raises SetupError for certificates that cannot be read. Call it inside a running event loop.
    """
    headers = {"User-Agent": f"airflow-integrations/{__version__}", "Accept": "*/*", "Accept-Encoding": ACCEPTED}
    headers.update({name.title() if name.islower() else name: text for name, text in endpoint.headers.items()})
    if endpoint.auth is not None and endpoint.auth.header is not None:
        name, text = endpoint.auth.header
        headers[name] = text
    digest = endpoint.auth if isinstance(endpoint.auth, Digest) else None
    whole = _session(endpoint, endpoint.origin, headers, cert=endpoint.client_cert, digest=digest)
    plain = digest is None and _proxy(endpoint, endpoint.origin) is None
    return Session(whole, URL(endpoint.base_url), headers, timeout=_timeout(endpoint), plain=plain)


def open_token_session(endpoint: Endpoint, origin: Origin) -> aiohttp.ClientSession:
    """A session for the token endpoint, perhaps elsewhere: it carries nothing of the endpoint's own."""
    headers = {
        "User-Agent": f"airflow-integrations/{__version__}",
        "Accept": "application/json",
        "Accept-Encoding": ACCEPTED,
    }
    return _session(endpoint, origin, headers, cert=endpoint.client_cert if origin == endpoint.origin else None)


def _session(
    endpoint: Endpoint,
    origin: Origin,
    headers: dict[str, str],
    *,
    cert: str | tuple[str, str] | None,
    digest: Digest | None = None,
) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=CheckedConnector(limit=0, ssl=_trust(endpoint, cert) if origin.scheme == "https" else True),
        timeout=_timeout(endpoint),
        headers=headers,
        middlewares=() if digest is None else (aiohttp.DigestAuthMiddleware(digest.login, digest.password),),
        cookie_jar=aiohttp.DummyCookieJar(),  # requests stand for themselves; nothing is carried from one to the next
        auto_decompress=False,
        proxy=_proxy(endpoint, origin),
        max_line_size=LINE_BYTES,
        max_field_size=LINE_BYTES,
    )


def _timeout(endpoint: Endpoint) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=None,  # a timer of its own for each request; what it would stop, whole() stops
        sock_connect=endpoint.connect_timeout,
        sock_read=endpoint.read_timeout,
    )


def _trust(endpoint: Endpoint, cert: str | tuple[str, str] | None) -> ssl.SSLContext | bool:
    if endpoint.verify is True and cert is None:
        return True
    try:
        context = ssl.create_default_context(cafile=endpoint.verify if isinstance(endpoint.verify, str) else None)
        if cert is not None:
            context.load_cert_chain(*((cert,) if isinstance(cert, str) else cert))
    except (OSError, ssl.SSLError) as error:
        raise SetupError(f"Connection {endpoint.name!r}: verify or client_cert cannot be read: {error}") from None
    if endpoint.verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _proxy(endpoint: Endpoint, origin: Origin) -> str | None:
    # asked once: aiohttp's trust_env asks for every request in a thread, and reads logins from ~/.netrc
    if endpoint.proxy:
        return endpoint.proxy
    return None if proxy_bypass(f"{origin.host}:{origin.port}") else getproxies().get(origin.scheme)
