"""Payloads of one entity as people may see them."""

from __future__ import annotations

from typing import Any

from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import encode, read
from airflow_integrations.masking import HIDDEN, Mask, hide

__all__ = ["masked"]


def masked(mask: Mask, *payloads: bytes | None) -> tuple[tuple[bytes | None, ...], frozenset[str]]:
    """JSON of one entity in several forms, none of which tells what is hidden in another; and what was hidden.

    What is no JSON, as a source may have given it, is hidden as a whole: no path leads into it.
    """
    if not mask:
        return payloads, frozenset()
    values = [None if payload is None else _value(payload) for payload in payloads]
    secrets = mask.secrets(*values)
    shown = [hide(mask.value(value), secrets) for value in values]
    told = zip(payloads, shown, strict=True)
    return tuple(None if payload is None else encode(value) for payload, value in told), secrets


def _value(payload: bytes) -> Any:
    try:
        return read(payload)
    except ContentError:
        return HIDDEN
