"""The last request and answer about an entity, for people who look why it did not arrive."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

__all__ = ["TEXT_LENGTH", "Exchange", "ExchangeFactory"]

TEXT_LENGTH = 64_000
"""Characters that an outgoing kind gives of a body at most; fewer of them are kept."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request and the answer to it. Without credentials; texts may be the beginning of what they were."""

    at: float
    """Seconds since the epoch when it was over."""
    request: str
    """``POST https://erp.example/orders``, or what else says in one line what was asked of whom."""
    request_headers: dict[str, str] = {}
    """Those that the route gives; what looks like a credential is ``***``."""
    request_body: str | None = None
    part: str | None = None
    """The entity's own part of a batch's request, where only the beginning of the request was kept."""
    status: int | None = None
    """None: there was no answer."""
    headers: dict[str, str] = {}
    body: str | None = None
    seconds: float | None = None
    """How long the last attempt took."""
    attempts: int | None = None
    """How often it was sent until this answer."""
    entities: int | None = None
    """How many entities the batch had that it was sent for; None: one, or nobody counted."""
    error: str | None = None
    """Why there is no answer, or none that is of use."""


ExchangeFactory: TypeAlias = Callable[[], Exchange]
"""Makes it, for those of which it is kept: where thousands fail alike, the others cost nothing."""
