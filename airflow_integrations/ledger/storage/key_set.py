"""The keys of a claim as one compressed value: a newline between them, which no key can hold."""

from __future__ import annotations

import io
from collections.abc import Iterable

from airflow_integrations.staging.compression import compress, open_reader

__all__ = ["pack", "unpack"]


def pack(keys: Iterable[str]) -> bytes:
    """The keys, compressed; :func:`unpack` gives them back in this order."""
    return compress("\n".join(keys).encode())


def unpack(packed: bytes) -> list[str]:
    """What :func:`pack` was given. No keys at all and one empty key are the same: an empty key does not exist."""
    with open_reader(io.BytesIO(packed)) as stream:
        text = stream.read().decode()
    return text.split("\n") if text else []
