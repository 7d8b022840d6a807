"""The cookies of a session: those that an answer sets, as a request sends them back (RFC 6265)."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

__all__ = ["cookie_header", "cookies_of", "joined_cookies"]

_MOST = 50
"""Cookies of one answer; browsers keep as many for a site."""


def cookies_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Name and value, as they are written, of each cookie that is set and not taken back."""
    found: dict[str, str] = {}
    lines = headers.getall("Set-Cookie", []) if hasattr(headers, "getall") else []
    for line in lines[:_MOST]:
        try:
            morsels = SimpleCookie(line).items()
        except CookieError:
            continue
        found |= {name: morsel.coded_value for name, morsel in morsels if morsel.value and morsel["max-age"] != "0"}
    return found


def cookie_header(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def joined_cookies(ours: str, others: Mapping[str, str]) -> str:
    """Our header with the others in it, which count where both have a name."""
    known = dict(part.split("=", 1) for part in ours.split("; ") if "=" in part)
    return cookie_header({**known, **others})
