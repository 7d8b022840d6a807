"""Hashes and identifiers that are the same for the same text, in every run.

There is no HMAC among them: it needs a secret, and secrets are in Connections alone. A request is signed by its
Connection (``sign``).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.evaluation.guards import text_of
from airflow_integrations.expressions.functions.catalogue import function

__all__ = ["md5", "sha256", "sha384", "sha512", "uuid5"]

_WRITERS: dict[str, Callable[[bytes], str]] = {
    "hex": bytes.hex,
    "base64": lambda digest: base64.b64encode(digest).decode(),
    "base64url": lambda digest: base64.urlsafe_b64encode(digest).decode().rstrip("="),
}


def _encoding(constants: dict[str, Any], given: Any) -> None:
    if (word := constants.get("encoding", "hex")) not in _WRITERS:
        raise ValueError(f"unknown encoding {word!r}; one of {', '.join(_WRITERS)}")


def _digest(algorithm: str, value: Any, encoding: Any) -> str:
    if not isinstance(encoding, str) or encoding not in _WRITERS:
        raise EntityError(f"the encoding is one of {', '.join(_WRITERS)}")
    content = text_of(value).encode("utf-8", "surrogatepass")
    return _WRITERS[encoding](hashlib.new(algorithm, content, usedforsecurity=False).digest())


@function("Hashes", returns="text", builds="nothing", checked=_encoding, is_plain=True)
def sha256(value: Any, encoding: str = "hex") -> str:
    """SHA-256 of a text or number, 64 hexadecimal digits. `encoding`: hex, base64 or base64url."""
    return _digest("sha256", value, encoding)


@function("Hashes", returns="text", builds="nothing", checked=_encoding, is_plain=True)
def sha384(value: Any, encoding: str = "hex") -> str:
    """SHA-384 of a text or number, 96 hexadecimal digits. `encoding`: hex, base64 or base64url."""
    return _digest("sha384", value, encoding)


@function("Hashes", returns="text", builds="nothing", checked=_encoding, is_plain=True)
def sha512(value: Any, encoding: str = "hex") -> str:
    """SHA-512 of a text or number, 128 hexadecimal digits. `encoding`: hex, base64 or base64url."""
    return _digest("sha512", value, encoding)


@function("Hashes", returns="text", builds="nothing", is_plain=True)
def md5(value: Any) -> str:
    """MD5 of a text or number, 32 hexadecimal digits: for the ids of older systems, not for secrets."""
    return hashlib.md5(text_of(value).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


@function("Hashes", returns="text", builds="nothing", is_plain=True)
def uuid5(value: Any, namespace: str = "url") -> str:
    """The UUID that RFC 9562 derives from a name. `namespace`: dns, url, oid, x500, or a UUID."""
    import uuid

    known = {
        "dns": uuid.NAMESPACE_DNS,
        "url": uuid.NAMESPACE_URL,
        "oid": uuid.NAMESPACE_OID,
        "x500": uuid.NAMESPACE_X500,
    }
    try:
        space = known.get(namespace) or uuid.UUID(namespace)
    except (ValueError, AttributeError, TypeError):
        raise EntityError("the namespace of uuid5() is dns, url, oid, x500, or a UUID") from None
    return str(uuid.uuid5(space, text_of(value)))
