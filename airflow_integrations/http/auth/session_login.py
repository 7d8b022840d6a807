"""A log-in of the system's own: a request with login and password, answered with a token or with cookies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from airflow_integrations.errors import SetupError
from airflow_integrations.http.auth.answer_credentials import Taken
from airflow_integrations.http.auth.base import Auth
from airflow_integrations.http.auth.cookies import cookies_of, joined_cookies
from airflow_integrations.http.auth.expiring import Held, good_for
from airflow_integrations.http.errors import reason_phrase
from airflow_integrations.http.message import Answer, Request
from airflow_integrations.http.redaction import Redaction

__all__ = ["Session", "SessionLogin"]

_LONGEST = 24 * 3600.0
"""Seconds that a session is used whose life nobody tells: an expiry in between is seen when the server refuses."""


@dataclass(frozen=True, slots=True)
class SessionLogin(Auth):
    """``login`` is sent to the endpoint itself; what its answer gives goes with every request after it.

    ``read`` takes the token, which is sent as ``header`` with the text ``value``, where ``{token}`` stands for it.
    Without ``read`` the answer's cookies are sent; ``cookies`` names those that have to be there. ``failed`` finds that
    an answer with a good status is a refusal. ``expired`` finds that an answer to any request means that the session
    is over; 401 does so anyway.
    """

    login: Request
    secret: tuple[str, ...] = field(default=(), repr=False)
    read: Callable[[Answer], Taken] | None = None
    header_name: str = "Authorization"
    value: str = "Bearer {token}"
    cookies: tuple[str, ...] = ()
    life: float | None = None
    """Seconds, where the answer does not tell."""
    failed: Callable[[Answer], bool] | None = None
    expired: Callable[[Answer], bool] | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        return self.secret

    @property
    def how(self) -> str:
        return f"a session that {self.login} opens, by {'a token' if self.read else 'cookies'}"


class Session:
    """Opens it, and follows its cookies."""

    def __init__(
        self,
        auth: SessionLogin,
        name: str,
        ask: Callable[[Request], Awaitable[Answer]],
        now: Callable[[], float],
        redact: Redaction,
        before: Callable[[], Awaitable[Held]] | None = None,
    ) -> None:
        """``before`` gives what the log-in itself has to carry."""
        self._before = before
        self._auth = auth
        self._name = name
        self._ask = ask
        self._now = now
        self._redact = redact

    async def obtain(self) -> Held:
        """Log in. Raises SignInError where later may help, SetupError where it will not."""
        auth, login, ours = self._auth, self._auth.login, ""
        if self._before is not None:
            carried = (await self._before()).headers
            ours = carried.get("Cookie", "")
            login = replace(login, headers={**login.headers, **carried})
        answer = await self._ask(login)
        cookies = cookies_of(answer.headers)
        moved = answer.status in (302, 303) and auth.read is None and bool(cookies)  # as a form in a web page does
        if (answer.status >= 300 and not moved) or (auth.failed is not None and auth.failed(answer)):
            raise self._refused(answer, f"{reason_phrase(answer.status)}; check login and password")
        if auth.read is None:
            missing = [name for name in auth.cookies if name not in cookies]
            if missing or not cookies:
                lacks = f"does not set the cookie {', '.join(missing)}" if missing else "sets no cookie"
                raise self._refused(answer, f"its answer ({answer.status}) {lacks}; check login and password")
            self._redact.add(*cookies.values())
            return Held({"Cookie": joined_cookies(ours, cookies)}, self._until(auth.life))
        try:
            taken = auth.read(answer)
        except ValueError as error:
            raise self._refused(answer, f"its answer ({answer.status}) {error}") from None
        self._redact.add(taken.text)
        headers = {auth.header_name: auth.value.replace("{token}", taken.text)}
        return Held(headers, self._until(taken.life if taken.life is not None else auth.life))

    def follow(self, held: Held, headers: Mapping[str, str]) -> Held | None:
        """What is held once an answer's cookies took the place of ours; None where nothing changes."""
        ours = held.headers.get("Cookie")
        if ours is None or "Set-Cookie" not in headers:
            return None
        new = joined_cookies(ours, cookies_of(headers))
        if new == ours:
            return None
        self._redact.add_passing(*cookies_of(headers).values())
        return Held({"Cookie": new}, held.good_until)

    def _until(self, life: float | None) -> float:
        return self._now() + (_LONGEST if life is None else good_for(life))

    def _refused(self, answer: Answer, why: str) -> SetupError:
        said = f". It said: {answer.said()}" if answer.content.strip() else ""
        return SetupError(f"Connection {self._name!r}: {self._auth.login} did not log in: {why}{said}")
