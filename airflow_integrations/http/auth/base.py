"""The base of all ways of signing in."""

from __future__ import annotations

from abc import ABC, abstractmethod

__all__ = ["Auth"]


class Auth(ABC):
    """How an endpoint knows us. Secrets are left out of every repr."""

    __slots__ = ()

    @property
    def header(self) -> tuple[str, str] | None:
        """A header that is the same in every request, where this way has one."""
        return None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not stand in any text."""
        return ()

    @property
    @abstractmethod
    def how(self) -> str:
        """For people, without secrets: ``basic authentication``."""
