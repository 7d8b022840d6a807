"""Everything that one client does to be known: what it holds at present, and how a request gets it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from yarl import URL

from airflow_integrations.http.auth.cookies import joined_cookies
from airflow_integrations.http.auth.csrf import CsrfSource
from airflow_integrations.http.auth.csrf_options import READING
from airflow_integrations.http.auth.expiring import Held, Renewed
from airflow_integrations.http.auth.fixed import ApiKey
from airflow_integrations.http.auth.oauth2 import OAuth2, TokenEndpoint
from airflow_integrations.http.auth.session_login import Session, SessionLogin
from airflow_integrations.http.auth.signatures import AwsSignature, HmacSignature, OAuth1, Signer
from airflow_integrations.http.content.stream import Streamed
from airflow_integrations.http.endpoint import Endpoint
from airflow_integrations.http.message import Answer, Request
from airflow_integrations.http.redaction import Redaction

__all__ = ["SignIn", "Worn"]

_Ask = Callable[[Request, "Worn | None"], Awaitable[Answer]]


LOOKED_INTO = 64 * 1024
"""Bytes of an answer that is read as it arrives by which is judged whether a session is over."""


class Worn(NamedTuple):
    """What one attempt carried."""

    credentials: Held | None
    csrf: Held | None

    @property
    def headers(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for held in self:
            if held is not None:
                cookies = found.get("Cookie")
                found |= held.headers
                if cookies is not None and "Cookie" in held.headers:
                    found["Cookie"] = joined_cookies(cookies, dict(_pairs(held.headers["Cookie"])))
        return found


class SignIn:
    """The credentials of one client. ``ask`` sends a request of our own, with what it is given, and without retries.

    What is the same in every header needs none of this: the session has it.
    """

    def __init__(self, endpoint: Endpoint, ask: _Ask, now: Callable[[], float], redact: Redaction) -> None:
        auth, csrf = endpoint.auth, endpoint.csrf
        self._now = now
        self._ask = ask
        self._with_token = csrf is not None and csrf.login
        self.looks_into_answers = False
        """Whether the content of an answer may mean that what was carried counts no longer."""
        self._tokens: TokenEndpoint | None = None
        self._session: Session | None = None
        self._credentials: Renewed | None = None
        self._csrf: Renewed | None = None
        self._signer: Signer | None = auth if isinstance(auth, HmacSignature | OAuth1 | AwsSignature) else None
        self._query = {auth.name: auth.value} if isinstance(auth, ApiKey) and auth.place == "query" else None
        if isinstance(auth, OAuth2):
            self._tokens = TokenEndpoint(auth, endpoint, now, redact)
            self._credentials = Renewed(self._tokens.obtain, now, _unauthorized)
        elif isinstance(auth, SessionLogin):
            over = auth.expired
            before = None
            if csrf is not None and csrf.login:
                before = CsrfSource(csrf, endpoint.name, self._without, now, redact).obtain
            self._session = Session(auth, endpoint.name, self._without, now, redact, before)
            self.looks_into_answers = over is not None
            self._credentials = Renewed(
                self._session.obtain,
                now,
                _unauthorized if over is None else lambda answer: _unauthorized(answer) or over(answer),
            )
        if csrf is not None:
            source = CsrfSource(csrf, endpoint.name, self._with_credentials, now, redact)
            self._csrf = Renewed(source.obtain, now, csrf.refused)

    @property
    def does_anything(self) -> bool:
        return any(each is not None for each in (self._credentials, self._csrf, self._signer, self._query))

    async def current(self, request: Request) -> Worn:
        """What the request has to carry. Raises SignInError where later may help, SetupError where it will not."""
        credentials = await self._credentials.current() if self._credentials is not None else None
        csrf = await self._csrf.current() if self._csrf is not None and request.method not in READING else None
        return Worn(credentials, csrf)

    def ready(self, worn: Worn, method: str, url: URL, headers: dict[str, str], body: bytes | None) -> URL:
        """Put it on a request that is about to leave."""
        headers.update(worn.headers)
        if self._signer is not None:
            self._signer.sign(method, url, headers, body, self._now())
        return url if self._query is None else url.update_query(self._query)

    def expired(self, worn: Worn, answer: Answer) -> bool:
        """Whether the answer means that what was carried counts no longer: then it is given up."""
        signed_out = _counts_no_longer(self._credentials, worn.credentials, answer)
        if signed_out and self._csrf is not None and worn.csrf is not None:
            self._csrf.refused(worn.csrf)  # it belonged to what is over
        refused = _counts_no_longer(self._csrf, worn.csrf, answer)
        if refused and self._with_token and self._credentials is not None and worn.credentials is not None:
            self._credentials.refused(worn.credentials)  # token and session began together, and may have ended so
        return signed_out or refused

    async def ended(self, worn: Worn, head: Streamed) -> Answer | None:
        """The beginning of an answer that is read as it arrives, if that means that what was carried counts no longer.

        Raises what aiohttp raises for a broken connection, and CodingError.
        """
        answer = head.answer(await head.begin(LOOKED_INTO))
        if not self.expired(worn, answer):
            return None
        answer.signed_out = True
        return answer

    def heard(self, worn: Worn, headers: Mapping[str, str]) -> None:
        """The head of an answer: a session may have got other cookies."""
        if self._session is not None and self._credentials is not None and worn.credentials is not None:
            new = self._session.follow(worn.credentials, headers)
            if new is not None:
                self._credentials.replace(worn.credentials, new)

    async def close(self) -> None:
        if self._tokens is not None:
            await self._tokens.close()

    async def _without(self, request: Request) -> Answer:
        return await self._ask(request, None)

    async def _with_credentials(self, request: Request) -> Answer:
        """Once more with others, where those at hand have expired."""
        answer = await self._ask(request, worn := await self.current(request))
        return await self._ask(request, await self.current(request)) if self.expired(worn, answer) else answer


def _counts_no_longer(renewed: Renewed | None, held: Held | None, answer: Answer) -> bool:
    if renewed is None or held is None or not renewed.expired(answer):
        return False
    renewed.refused(held)
    return True


def _unauthorized(answer: Answer) -> bool:
    return answer.status == 401


def _pairs(cookies: str) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (part.partition("=") for part in cookies.split("; "))]
