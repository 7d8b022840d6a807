"""Credentials stay at home: whether a URL belongs to the origin of a Connection (RFC 6454)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from yarl import URL

__all__ = ["Origin", "is_absolute"]

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")


def is_absolute(target: str) -> bool:
    """Whether a target names a scheme: ``https://…``, ``file:…``. ``/orders:search`` does not."""
    return _ABSOLUTE.match(target) is not None


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port; compared as browsers do."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str | URL) -> Origin:
        """Raises ValueError for what is not an absolute http(s) URL, or one with a login in it."""
        parsed = URL(url) if isinstance(url, str) else url
        if parsed.scheme not in ("http", "https") or not parsed.host or parsed.port is None:
            raise ValueError("not an absolute http:// or https:// URL")
        if parsed.user is not None or parsed.password is not None:
            raise ValueError("a URL must not hold a login; the Connection has fields for it")
        return cls(parsed.scheme, parsed.host.rstrip(".").lower(), parsed.port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = {"http": 80, "https": 443}[self.scheme]
        return f"{self.scheme}://{host}" + ("" if self.port == default else f":{self.port}")
