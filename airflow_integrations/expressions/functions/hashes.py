"""Hashes and identifiers that are the same for the same text, in every run."""

from __future__ import annotations

import hashlib
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.functions.catalogue import function
from airflow_integrations.expressions.guards import text_of

__all__ = ["md5", "sha256", "uuid5"]


@function("Hashes", returns="text")
def sha256(value: Any) -> str:
    """SHA-256 of a text or number, 64 hexadecimal digits."""
    return hashlib.sha256(text_of(value).encode("utf-8", "surrogatepass")).hexdigest()


@function("Hashes", returns="text")
def md5(value: Any) -> str:
    """MD5 of a text or number, 32 hexadecimal digits: for the ids of older systems, not for secrets."""
    return hashlib.md5(text_of(value).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


@function("Hashes", returns="text")
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
