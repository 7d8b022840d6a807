"""Reasons without what a route's mask hides: they go into the ledger, the journal and logs, and may quote a payload."""

from __future__ import annotations

from typing import Any, overload

import msgspec

from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import read
from airflow_integrations.masking.mask import Mask, hide

__all__ = ["Hiding"]


class Hiding:
    """Costs nothing for a route without a mask."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask

    def __bool__(self) -> bool:
        """Whether the route hides anything."""
        return bool(self._mask)

    @overload
    def reason(self, reason: str, *payloads: Any) -> str: ...
    @overload
    def reason(self, reason: str | None, *payloads: Any) -> str | None: ...
    def reason(self, reason: str | None, *payloads: Any) -> str | None:
        """``payloads``: the entity in the forms that the reason may quote, as values or as JSON."""
        if not self._mask or reason is None:
            return reason
        return hide(reason, self.secrets(*payloads))  # type: ignore[no-any-return]

    def secrets(self, *payloads: Any) -> frozenset[str]:
        """What the mask names in these payloads, as texts."""
        return self._mask.secrets(*map(_value, payloads))

    @property
    def names(self) -> frozenset[str]:
        """Of the mask: see :attr:`Mask.names`."""
        return self._mask.names


def _value(payload: Any) -> Any:
    if isinstance(payload, bytes | msgspec.Raw):
        try:
            return read(bytes(payload))
        except ContentError:
            return None
    return payload
