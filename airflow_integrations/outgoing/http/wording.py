"""How messages speak of the options that somebody wrote: those of this kind, or of a kind that is built on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["HTTP", "Wording"]


@dataclass(frozen=True, slots=True)
class Wording:
    """``own`` names, for places below :class:`HttpOptions`, what the route says there instead, such as ``find`` for
    ``upsert.find``; None where the route has these very options."""

    kind: str = "outgoing.http"
    own: Mapping[str, str] | None = None
    no_verify: str = "outgoing.http has no verify to ask the target whether it has arrived"

    def place(self, inner: str) -> str:
        """``outgoing.http.upsert.find`` for ``upsert.find``."""
        short = self.short(inner)
        return f"{self.kind}.{short}" if short else self.kind

    def short(self, inner: str) -> str:
        """The same below the kind's options; empty where all of them have a part in it."""
        return inner if self.own is None else self.own.get(inner, "")

    def about(self, inner: str) -> str:
        """As :meth:`short`, to begin a message with."""
        return self.short(inner) or self.kind

    def remedy(self, text: str) -> str:
        """``text``, which tells to write an option, where the route has that option."""
        return text if self.own is None else ""


HTTP = Wording()
