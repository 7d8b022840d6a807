"""Sends requests to one endpoint: again where that helps and harms nothing, otherwise with a clear error."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from airflow_integrations.errors import AnswerError, OutageError, SetupError, UnknownOutcome
from airflow_integrations.http.auth import ApiKey, OAuth2ClientCredentials
from airflow_integrations.http.body import TooLargeError, whole
from airflow_integrations.http.coding import CodingError
from airflow_integrations.http.endpoint import MIB, Endpoint
from airflow_integrations.http.limits import HeldTooLongError, Limits
from airflow_integrations.http.message import Answer, Request
from airflow_integrations.http.redaction import Redaction
from airflow_integrations.http.refusal import Refused, UnreadableError, reason_phrase
from airflow_integrations.http.retry import Verdict, asked_wait, back_off, quota_wait, verdict
from airflow_integrations.http.session import open_session
from airflow_integrations.http.stream import BROKEN, Streamed, cause, shown, too_large
from airflow_integrations.http.target import redirected, target
from airflow_integrations.http.tokens import TokenError, Tokens
from airflow_integrations.watch import Attempt, Watch, Why

__all__ = ["HttpClient", "Stats", "Streamed"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


@dataclass(slots=True)
class Stats:
    """What a client has done so far. ``waited`` is in seconds: for the pace, for back-off, for the server's holds."""

    requests: int = 0
    retries: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    waited: float = 0.0


@dataclass(slots=True)
class _Failure:
    """An attempt that brought no answer. ``sent`` says whether the request may have arrived."""

    cause: str
    sent: bool
    error: Exception | None


class HttpClient:
    """One keep-alive session to one endpoint, for any number of concurrent requests.

    Rate limit and concurrency count within this client. Use it as an asynchronous context manager.
    ``sleep``, ``now`` (Unix seconds) and ``rng`` are its only clock and dice. ``watch`` hears of attempts and waits.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.time,
        rng: random.Random | None = None,
        log: logging.Logger | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.stats = Stats()
        self._limits = Limits(
            requests_per_second=endpoint.requests_per_second, concurrency=endpoint.concurrency, sleep=sleep, now=now
        )
        self._sleep = sleep
        self._now = now
        self._rng = rng or random.Random()  # noqa: S311 - dice for back-off
        self._log = log or logging.getLogger("airflow_integrations.http")
        self._watch = watch
        self._session: aiohttp.ClientSession | None = None
        self._last_target: tuple[tuple[str, tuple[tuple[str, str], ...]], URL] | None = None
        self.redact = Redaction(endpoint)
        """Takes the endpoint's secrets out of texts."""
        auth = endpoint.auth
        self._tokens = Tokens(auth, endpoint, now, self.redact) if isinstance(auth, OAuth2ClientCredentials) else None
        self._secret_query = {auth.name: auth.value} if isinstance(auth, ApiKey) and auth.place == "query" else None

    async def __aenter__(self) -> Self:
        self._session = open_session(self.endpoint)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._tokens is not None:
            await self._tokens.close()

    async def send(self, request: Request, *, again: Callable[[Answer], bool] | None = None) -> Answer:
        """The answer, of whatever final status, after retries within the endpoint's budget.

        ``again`` may find that an answer means *later*: the request is then sent again as after a 503.

        Raises OutageError when the budget is used up, UnknownOutcome when the request may have taken effect and must
        not be repeated, Refused (a SetupError) for 401 and 403, AnswerError for an answer that is too large, coded in
        an unknown way, or a redirect that is not followed.
        """
        answer = await self._deliver(request, stream=False, again=again)
        assert isinstance(answer, Answer)
        return answer

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Streamed]:
        """As :meth:`send` until the head of the answer has arrived; its content is then read with ``chunks``.

        The request keeps its slot until the block ends.
        """
        head = await self._deliver(request, stream=True)
        assert isinstance(head, Streamed)
        try:
            yield head
        finally:
            head.close()
            self._limits.slots.release()

    async def _deliver(
        self, request: Request, *, stream: bool, again: Callable[[Answer], bool] | None = None
    ) -> Answer | Streamed:
        url = self._target(request)
        spent, attempts, redirects, fresh_token = 0.0, 0, 0, False
        while True:
            if not self._limits.free:
                spent += await self._turn(request, spent)
            attempts += 1
            began = self._now()
            got = await self._attempt(request, url, stream=stream)
            took = max(0.0, self._now() - began)
            spent += took
            if self._watch is not None:
                heard = None if isinstance(got, _Failure) else got.status
                self._watch.attempted(Attempt(self.endpoint.name, request.method, request.path, heard, began, took))
            answered: Answer | None = None
            if isinstance(got, _Failure):
                trouble, wait = got.cause, None
                if got.sent and not request.repeatable:
                    raise UnknownOutcome(f"{self._say(request)}: {trouble}; it may have taken effect") from got.error
            else:
                status = got.status
                self.stats.statuses[status] += 1
                if status in _REDIRECTS and isinstance(got, Answer):
                    url = self._redirect(request, got, url, redirects)
                    redirects += 1
                    continue
                if status == 401 and self._tokens is not None and not fresh_token:
                    fresh_token = True  # the token was taken back before its time
                    continue
                if self._settles(request, got, again):
                    got.attempts = attempts
                    return got
                assert isinstance(got, Answer)
                got.attempts = attempts
                trouble, wait, answered = _trouble(got), asked_wait(got.headers, self._now()), got
            spent += await self._pause(request, wait, spent, attempts, trouble, answered)
            self.stats.retries += 1

    def _target(self, request: Request) -> URL:
        """Where the request goes. The last address is kept: a push asks the same one again and again."""
        asked = request.path, request.query
        if self._last_target is None or self._last_target[0] != asked:
            self._last_target = asked, target(self.endpoint, request)
        return self._last_target[1]

    def _settles(self, request: Request, got: Answer | Streamed, again: Callable[[Answer], bool] | None) -> bool:
        """Whether this answer is the last word; raises where it must be an error."""
        status = got.status
        if status < 300:
            self._mind_quota(got)
        elif status in (401, 403):
            assert isinstance(got, Answer)
            raise self._refused(request, got)
        else:
            decided = verdict(status, repeatable=request.repeatable)
            if decided is Verdict.UNKNOWN:
                assert isinstance(got, Answer)
                raise UnknownOutcome(
                    f"{self._say(request)}: {_trouble(got)}; it may have taken effect", status=status, answer=got
                )
            if decided is Verdict.AGAIN:
                return False
        return again is None or isinstance(got, Streamed) or not again(got)

    async def _turn(self, request: Request, spent: float) -> float:
        """Wait until the server's hold is over and it is our turn; returns what counts against the budget."""
        try:
            held = await self._limits.released(self.endpoint.retry_budget - spent)
        except HeldTooLongError as error:
            raise OutageError(
                f"{self._say(request)}: the server asks to wait {error.seconds:.0f} s, longer than the "
                f"{self.endpoint.retry_budget:g} s of retry_budget",
                retry_after=error.seconds,
            ) from None
        turned = await self._limits.turn()
        self._waited("hold", held)
        self._waited("pace", turned)
        return held

    async def _pause(
        self, request: Request, asked: float | None, spent: float, attempts: int, trouble: str, answer: Answer | None
    ) -> float:
        """Wait before the next attempt; raises OutageError where the budget does not allow one."""
        budget = self.endpoint.retry_budget
        wait = asked * self._rng.uniform(1.0, 1.1) if asked else back_off(attempts, self._rng)
        if spent + wait > budget:
            said = f"; the server asks to wait {asked:.0f} s" if asked else ""
            raise OutageError(
                f"{self._say(request)}: {trouble}; gave up after {attempts} attempt{'s' * (attempts != 1)} "
                f"in {spent:.1f} s{said} (retry_budget {budget:g} s)",
                retry_after=asked,
                status=answer.status if answer else None,
                answer=answer,
            )
        self._log.info(
            "%s: %s; attempt %d follows in %.1f s", self._say(request), trouble.partition(":")[0], attempts + 1, wait
        )
        if asked:
            self._limits.hold(wait)  # what it asks of one request it means for all; the loop waits for the hold
            return 0.0
        await self._sleep(wait)
        self._waited("back_off", wait)
        return wait

    def _waited(self, why: Why, seconds: float) -> None:
        self.stats.waited += seconds
        if seconds and self._watch is not None:
            self._watch.waited(self.endpoint.name, why, seconds)

    async def _attempt(self, request: Request, url: URL, *, stream: bool) -> Answer | Streamed | _Failure:
        """One request. The slot is kept for an answer whose content is still to be read, else given back."""
        assert self._session is not None, "use HttpClient as an asynchronous context manager"
        await self._limits.slots.acquire()
        keep = False
        response = None
        try:
            headers = dict(request.headers)
            if request.content_type is not None:
                headers["Content-Type"] = request.content_type
            token = None
            if self._tokens is not None:
                token = await self._tokens.current()
                headers["Authorization"] = f"Bearer {token}"
            self.stats.requests += 1
            began = self._now()
            response = await self._session.request(
                request.method,
                url if self._secret_query is None else url.update_query(self._secret_query),
                data=_payload(request.body),
                headers=headers,
                allow_redirects=False,
            )
            if response.status == 401 and token is not None and self._tokens is not None:
                self._tokens.refused(token)
            if stream and _is_final(response.status):
                keep = True
                return Streamed(
                    response, request, str(url), self.endpoint.name, self.endpoint.max_answer_bytes, self.redact
                )
            content = await whole(response, self.endpoint.max_answer_bytes, self.endpoint.content_timeout)
            elapsed = self._now() - began
            return Answer(response.status, response.headers, content, str(url), request, 1, elapsed, self.redact)
        except TokenError as error:
            return _Failure(str(error), False, error)
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ServerFingerprintMismatch) as error:
            raise SetupError(f"{self._say(request)}: its certificate is not trusted: {cause(error)}") from error
        except _NOT_SENT as error:
            return _Failure(cause(error), False, error)
        except BROKEN as error:
            return _Failure(self.redact(cause(error)), True, shown(error))
        except TooLargeError:
            assert response is not None
            raise self._unreadable(request, response.status, too_large(self.endpoint.max_answer_bytes)) from None
        except CodingError as error:
            if error.early:
                return _Failure(str(error), True, error)
            assert response is not None
            raise self._unreadable(request, response.status, str(error)) from None
        finally:
            if not keep:
                if response is not None and not response.closed:
                    response.release()
                self._limits.slots.release()

    def _unreadable(self, request: Request, status: int, why: str) -> AnswerError | UnknownOutcome:
        text = f"{self._say(request)}: {reason_phrase(status)}: {why}"
        if 400 <= status < 500:
            return AnswerError(text)
        if not request.repeatable:
            return UnknownOutcome(f"{text}; it may have taken effect", status=status)
        return UnreadableError(text) if status < 300 else AnswerError(text)

    def _mind_quota(self, got: Answer | Streamed) -> None:
        """The server says that the quota is used up: wait for its reset rather than be refused, if that is soon."""
        wait = quota_wait(got.headers, self._now())
        if wait and wait <= self.endpoint.retry_budget:
            self._limits.hold(wait)

    def _redirect(self, request: Request, answer: Answer, url: URL, redirects: int) -> URL:
        location = answer.headers.get("Location", "")
        if request.method not in ("GET", "HEAD") or redirects >= _MOST_REDIRECTS or not location:
            many = f" {_MOST_REDIRECTS} times" if redirects >= _MOST_REDIRECTS else ""
            raise AnswerError(
                f"{self._say(request)}: redirected{many} ({reason_phrase(answer.status)}) to "
                f"{self.redact(location.partition('?')[0])[:200]!r}; give the right address in the Connection or path"
            )
        try:
            return redirected(self.endpoint, url, location)
        except AnswerError as error:
            raise AnswerError(f"{error}; asked was {request}") from None

    def _refused(self, request: Request, answer: Answer) -> Refused:
        remedy = (
            f"check the credentials of Connection {self.endpoint.name!r}"
            if answer.status == 401
            else f"the login of Connection {self.endpoint.name!r} lacks a permission"
        )
        said = f". It said: {answer.excerpt(200)}" if answer.content else ""
        return Refused(f"{self._say(request)}: {reason_phrase(answer.status)}; {remedy}{said}", answer)

    def _say(self, request: Request) -> str:
        return f"{self.endpoint.name}: {request}"


def _is_final(status: int) -> bool:
    return status not in _REDIRECTS and status not in (401, 403) and verdict(status, repeatable=True) is Verdict.FINAL


def _trouble(answer: Answer) -> str:
    phrase = reason_phrase(answer.status)
    return f"{phrase}: {answer.excerpt(200)}" if answer.content else phrase


def _payload(body: bytes | None) -> Any:
    """Large bodies are written in pieces, so that the event loop is not held up."""
    if body is None:
        return None
    return BytesIO(body) if len(body) > MIB else aiohttp.BytesPayload(body)
