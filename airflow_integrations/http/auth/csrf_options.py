"""A token against forged requests, which changes need besides the credentials: SAP Gateway, Django and others."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_integrations.http.message import Answer

__all__ = ["READING", "Csrf"]

READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that need no token."""


@dataclass(frozen=True, slots=True)
class Csrf:
    """A GET of ``path`` that asks for a token in ``header``, and sends it back there with every change.

    Where ``cookie`` is given the token is that cookie's value, as Django has it; what is percent-encoded in it is
    decoded, as browsers' programs do for Laravel. The answer's cookies go along. ``login``: a session's log-in needs
    one as well.
    """

    path: str
    header: str = "X-CSRF-Token"
    cookie: str | None = None
    login: bool = False

    def refused(self, answer: Answer) -> bool:
        """Whether a change was refused for its token: 403 with ``X-CSRF-Token: Required``; with a cookie any 403, and
        Laravel's 419."""
        if answer.status not in (403, 419):
            return False
        return self.cookie is not None or answer.headers.get(self.header, "").strip().lower() == "required"
