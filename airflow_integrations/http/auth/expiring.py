"""Credentials that end: obtained when they are first needed, kept until shortly before they expire, obtained anew."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from airflow_integrations.http.message import Answer

__all__ = ["Held", "Renewed", "SignInError", "good_for"]

_LEEWAY = 30.0
"""Seconds before its expiry that a token is no longer used: it has to arrive while it is valid."""
_UNTOLD_LIFE = 300.0
"""Seconds that a token is used whose life nobody tells."""


class SignInError(Exception):
    """Whoever gives the credentials is away or failing: the request that needs them was not sent; later may help."""


@dataclass(slots=True, eq=False)
class Held:
    """What requests carry, and until when (Unix seconds)."""

    headers: Mapping[str, str] = field(repr=False)
    good_until: float


class Renewed:
    """What is held at present. Concurrent requests share one attempt to obtain it.

    ``obtain`` raises SignInError where later may help, and SetupError where it will not. ``expired`` finds that an
    answer means that what was held counts no longer.
    """

    def __init__(
        self,
        obtain: Callable[[], Awaitable[Held]],
        now: Callable[[], float],
        expired: Callable[[Answer], bool],
    ) -> None:
        self._obtain = obtain
        self._now = now
        self._lock = asyncio.Lock()
        self._held: Held | None = None
        self.expired = expired

    async def current(self) -> Held:
        """What is still good."""
        held = self._held
        if held is not None and self._now() < held.good_until:
            return held
        async with self._lock:
            if self._held is None or self._now() >= self._held.good_until:
                self._held = await self._obtain()
            return self._held

    def refused(self, held: Held) -> None:
        """The server did not accept this: the next request obtains other credentials, unless one has done so since."""
        if self._held is held:
            self._held = None

    def replace(self, old: Held, new: Held) -> None:
        """The server gave another in the place of this one."""
        if self._held is old:
            self._held = new


def good_for(life: float | None) -> float:
    """Seconds that credentials with so many seconds to live are used."""
    if life is None:
        life = _UNTOLD_LIFE
    return life - min(_LEEWAY, life / 2)
