"""Access tokens by a refresh token, which many systems exchange for another each time (RFC 6749 §6)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, TypeGuard

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.http.auth.answer_credentials import Taken
from airflow_integrations.http.auth.expiring import Held, SignInError, good_for
from airflow_integrations.http.redaction import Redaction

__all__ = ["Kept", "Refreshed", "Vault", "print_of"]

_PATIENCE = 60.0
"""Seconds that the token endpoint may take, and that we wait for another process."""
_LEASE = 180.0
"""Seconds until another process may exchange it: longer than the exchange and the note of it take together."""
_LOOK = 0.2
_PAUSES = 0.5, 2.0, 5.0, 10.0
"""Seconds between attempts to keep what was given."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a system gave last."""

    refresh_token: str = field(repr=False)
    access_token: str = field(default="", repr=False)
    good_until: float = 0.0
    """Unix seconds until which the access token is used."""
    first: str = ""
    """:func:`print_of` the first token that the Connection had when this began. Where it has another one now, a person
    has put it there, and that counts."""


def print_of(token: str | None) -> str:
    """What tells two tokens apart, and is none."""
    return hashlib.sha256(token.encode()).hexdigest() if token else ""


class Vault(Protocol):
    """Where the tokens of one Connection are kept: encrypted, and for all processes. Its methods block."""

    def read(self) -> Kept | None:
        """None: nothing is kept yet. Raises SetupError where it cannot be decrypted, OutageError."""
        ...

    def claim(self, now: float, until: float) -> bool:
        """Whether this process may exchange the token; nobody else does until then."""
        ...

    def keep(self, kept: Kept, now: float) -> None:
        """For good, before it returns."""
        ...

    def give_back(self) -> None:
        """It was not exchanged."""
        ...


class Refreshed:
    """Takes what is kept while that is good; otherwise exchanges it, one process at a time, and keeps it first.

    ``exchange`` asks the token endpoint with a refresh token, ``carried`` makes the headers that carry an access token.
    A process that is killed between the answer and the note of it loses the new token; what is kept then is the old
    one, which most systems take once more within some minutes.
    """

    def __init__(
        self,
        vault: Vault,
        first: str | None,
        exchange: Callable[[str], Awaitable[Taken]],
        carried: Callable[[str], dict[str, str]],
        *,
        name: str,
        now: Callable[[], float],
        redact: Redaction,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._vault = vault
        self._first = first
        self._exchange = exchange
        self._carried = carried
        self._name = name
        self._now = now
        self._redact = redact
        self._sleep = sleep
        self._last = ""
        """The access token that was given out last: it is asked for another when that is refused."""

    async def obtain(self) -> Held:
        """Raises SignInError where later may help, SetupError where it will not."""
        waited = 0.0
        while True:
            kept = await self._read()
            if self._is_good(kept):
                return self._held(kept)
            now = self._now()
            if await asyncio.to_thread(self._vault.claim, now, now + _LEASE):
                # A stage that ends meanwhile must not lose what the system gave.
                return self._held(await _finished(self._exchanged()))
            if waited >= _PATIENCE:
                raise SignInError(f"another process has exchanged the token of {self._name} for {waited:.0f} s")
            await self._sleep(_LOOK)
            waited += _LOOK

    async def _exchanged(self) -> Kept:
        try:
            kept = await self._read()
            if self._is_good(kept):
                await asyncio.to_thread(self._vault.give_back)
                return kept  # somebody was faster
            current = kept.refresh_token if kept is not None else self._first
            if not current:
                raise SetupError(
                    f"Connection {self._name!r} has no refresh token yet: run "
                    f"`airflow-integrations connect {self._name}`, or put one into parameters"
                )
            self._redact.add(current)
            async with asyncio.timeout(_PATIENCE):
                taken = await self._exchange(current)
        except TimeoutError:
            with suppress(Exception):
                await asyncio.to_thread(self._vault.give_back)
            raise SignInError(f"the token endpoint of {self._name} took over {_PATIENCE:.0f} s") from None
        except BaseException:
            with suppress(Exception):
                await asyncio.to_thread(self._vault.give_back)
            raise
        new = Kept(
            taken.refresh_token or current, taken.text, self._now() + good_for(taken.life), print_of(self._first)
        )
        self._redact.add(new.refresh_token)
        for pause in _PAUSES:
            try:
                await asyncio.to_thread(self._vault.keep, new, self._now())
                return new
            except OutageError:  # what the system gave is nowhere else
                await self._sleep(pause)
        await asyncio.to_thread(self._vault.keep, new, self._now())
        return new

    async def _read(self) -> Kept | None:
        kept = await asyncio.to_thread(self._vault.read)
        return kept if kept is not None and kept.first == print_of(self._first) else None

    def _is_good(self, kept: Kept | None) -> TypeGuard[Kept]:
        return kept is not None and kept.access_token != self._last and self._now() < kept.good_until

    def _held(self, kept: Kept) -> Held:
        self._last = kept.access_token
        self._redact.add(kept.access_token)
        return Held(self._carried(kept.access_token), kept.good_until)


async def _finished(work: Awaitable[Kept]) -> Kept:
    """Its result; a cancellation waits until it is done."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(Exception):
            await task
        raise
