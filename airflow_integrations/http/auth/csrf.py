"""Fetches tokens against forged requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from airflow_integrations.errors import SetupError
from airflow_integrations.http.auth.answer_credentials import Taken
from airflow_integrations.http.auth.cookies import cookie_header, cookies_of
from airflow_integrations.http.auth.csrf_options import Csrf
from airflow_integrations.http.auth.expiring import Held
from airflow_integrations.http.errors import reason_phrase
from airflow_integrations.http.message import Answer, Request
from airflow_integrations.http.redaction import Redaction

__all__ = ["CsrfSource"]

_LIFE = 1800.0
"""Seconds; a token that ends before is refused, and fetched again then."""


class CsrfSource:
    """Where the tokens of one client come from."""

    def __init__(
        self,
        csrf: Csrf,
        name: str,
        ask: Callable[[Request], Awaitable[Answer]],
        now: Callable[[], float],
        redact: Redaction,
    ) -> None:
        self._csrf = csrf
        self._name = name
        self._ask = ask
        self._now = now
        self._redact = redact

    async def obtain(self) -> Held:
        """Raises SignInError where later may help, SetupError where it will not."""
        csrf = self._csrf
        answer = await self._ask(Request("GET", csrf.path, headers={csrf.header: "Fetch"}))
        cookies = cookies_of(answer.headers)
        place = f"cookie {csrf.cookie}" if csrf.cookie else f"header {csrf.header}"
        found = unquote(cookies.get(csrf.cookie, "")) if csrf.cookie else answer.headers.get(csrf.header, "")
        try:
            if answer.status >= 400:
                raise ValueError(f"answered {reason_phrase(answer.status)}")
            taken = Taken.of(found.strip(), None)
        except ValueError as error:
            said = f". It said: {answer.said()}" if answer.content.strip() else ""
            raise SetupError(
                f"Connection {self._name!r}: no token against forged requests: GET {csrf.path} {error} ({place}); "
                f"check csrf and the credentials{said}"
            ) from None
        self._redact.add(taken.text, *cookies.values())
        headers = {csrf.header: taken.text} | ({"Cookie": cookie_header(cookies)} if cookies else {})
        return Held(headers, self._now() + _LIFE)
