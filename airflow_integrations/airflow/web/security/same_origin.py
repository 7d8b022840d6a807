"""Whether a browser's request comes from a page of this server.

Airflow's cookie is sent along by every page of the same site, and there is no CSRF token: what changes something is
taken with the cookie only where the browser itself says that a page of the same origin asks. Two headers that no page
can set say so: Sec-Fetch-Site (https://www.w3.org/TR/fetch-metadata/), which browsers send to HTTPS and to the loopback
interface, and Origin (https://www.rfc-editor.org/rfc/rfc6454).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

__all__ = ["SAFE_METHODS", "bearer", "same_origin"]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def bearer(headers: Mapping[str, str]) -> bool:
    """Whether the request carries a token in its own right: no other site can make a browser send one.

    Only a Bearer token counts, as with Airflow: beside any other Authorization it is the cookie that says who asks.
    """
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    return scheme.lower() == "bearer" and bool(token.strip())


def same_origin(headers: Mapping[str, str], origins: Collection[str]) -> bool:
    """``origins``: those that this server has, ``scheme://host[:port]``. ``headers``: names in lower case.

    A request that has neither header is refused: no browser that is in use sends a POST without Origin.
    """
    if (site := headers.get("sec-fetch-site")) is not None:
        return site == "same-origin"
    return headers.get("origin", "").lower() in origins
