"""Sends requests to one endpoint: again where that helps and harms nothing, otherwise with a clear error."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from airflow_integrations.errors import AnswerError, OutageError, SetupError, UnknownOutcome
from airflow_integrations.http.auth.exchange import exchange
from airflow_integrations.http.auth.expiring import SignInError
from airflow_integrations.http.auth.sign_in import SignIn, Worn
from airflow_integrations.http.content.body import TooLargeError, whole
from airflow_integrations.http.content.content_encoding import CodingError
from airflow_integrations.http.content.stream import BROKEN, Streamed, cause, shown, too_large
from airflow_integrations.http.endpoint import Endpoint
from airflow_integrations.http.errors import Refused, UnreadableError, reason_phrase
from airflow_integrations.http.limits import HeldTooLongError, Limits, Pace
from airflow_integrations.http.message import Answer, Request
from airflow_integrations.http.observer import Attempt, Observer, Why
from airflow_integrations.http.redaction import Redaction
from airflow_integrations.http.redirects import MOST_REDIRECTS, REDIRECTS, is_final, is_followed
from airflow_integrations.http.retry import Verdict, asked_wait, back_off, quota_wait, trouble_of, verdict
from airflow_integrations.http.session import open_session
from airflow_integrations.http.stats import Stats
from airflow_integrations.http.url import LeadsAwayError, Targets, redirected
from airflow_integrations.http.wire.session import Session
from airflow_integrations.plurals import counted

__all__ = ["HttpClient", "Streamed"]

_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


@dataclass(slots=True)
class _Failure:
    """An attempt that brought no answer. ``sent`` says whether the request may have arrived."""

    cause: str
    sent: bool
    error: Exception | None


class HttpClient:
    """One keep-alive session to one endpoint, for any number of concurrent requests.

    Rate limit and concurrency count within this client, unless ``pace`` shares the first. Use it as an asynchronous
    context manager.
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
        watch: Observer | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.stats = Stats()
        self.limits = Limits(
            requests_per_second=endpoint.requests_per_second,
            concurrency=endpoint.concurrency,
            sleep=sleep,
            now=now,
            pace=pace,
        )
        self._sleep = sleep
        self._now = now
        self._rng = rng or random.Random()  # noqa: S311 - dice for back-off
        self._log = log or logging.getLogger("airflow_integrations.http")
        self._watch = watch
        self._session: Session | None = None
        self._targets = Targets(endpoint)
        self.redact = Redaction(endpoint)
        """Takes the endpoint's secrets out of texts."""
        sign_in = SignIn(endpoint, self._ask_to_sign_in, now, self.redact)
        self._sign_in = sign_in if sign_in.does_anything else None

    async def __aenter__(self) -> Self:
        self._session = open_session(self.endpoint)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.limits.close()
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._sign_in is not None:
            await self._sign_in.close()

    async def send(
        self,
        request: Request,
        *,
        again: Callable[[Answer], bool] | None = None,
        rule: Callable[[Answer], Verdict | None] | None = None,
    ) -> Answer:
        """The answer, of whatever final status, after retries within the endpoint's budget.

        ``again`` may find that an answer means *later*: the request is then sent again as after a 503. ``rule`` is
        asked for the answer to every attempt, but for a redirect that is followed: FINAL hands the answer back, AGAIN
        sends the request again as after a 503, and None leaves it to the status.

        Raises OutageError when the budget is used up, UnknownOutcome when the request may have taken effect and must
        not be repeated, Refused (a SetupError) for 401 and 403, AnswerError for an answer that is too large, coded in
        an unknown way, or a redirect that is not followed.
        """
        answer = await self._deliver(request, stream=False, again=again, rule=rule)
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
            self.limits.slots.release()

    async def _deliver(
        self,
        request: Request,
        *,
        stream: bool,
        again: Callable[[Answer], bool] | None = None,
        rule: Callable[[Answer], Verdict | None] | None = None,
    ) -> Answer | Streamed:
        url = self._targets.of(request)
        spent, attempts, redirects, renewed = 0.0, 0, 0, False
        while True:
            if not self.limits.free:
                spent += await self._turn(request, spent)
            attempts += 1
            began = self._now()
            got = await self._attempt(request, url, stream=stream)
            took = max(0.0, self._now() - began)
            spent += took
            self.stats.answering += took
            if self._watch is not None:
                heard, why = (None, got.cause) if isinstance(got, _Failure) else (got.status, "")
                name = self.endpoint.name
                self._watch.attempted(Attempt(name, request.method, request.path, heard, began, took, why))
            answered: Answer | None = None
            if isinstance(got, _Failure):
                trouble, wait = got.cause, None
                if got.sent and not request.repeatable:
                    raise UnknownOutcome(f"{self.say(request)}: {trouble}; it may have taken effect") from got.error
            else:
                status = got.status
                self.stats.statuses[status] += 1
                if not renewed and isinstance(got, Answer) and got.signed_out:
                    renewed = True  # what it carried had ended before its time: nothing was done
                    continue
                got.attempts = attempts
                followed = status in REDIRECTS and is_followed(request, got, redirects)
                ruled = rule(got) if rule is not None and isinstance(got, Answer) and not followed else None
                if ruled is None and isinstance(got, Answer) and got.signed_out and status < 400:
                    raise self._refused(request, got)
                if ruled is None and status in REDIRECTS and isinstance(got, Answer):
                    url = self._redirect(request, got, url, redirects)
                    redirects += 1
                    continue
                if ruled is Verdict.FINAL or (ruled is None and self._settles(request, got, again)):
                    return got
                assert isinstance(got, Answer)
                trouble, wait, answered = trouble_of(got), asked_wait(got.headers, self._now()), got
            spent += await self._pause(request, wait, spent, attempts, trouble, answered)
            self.stats.retries += 1

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
                    f"{self.say(request)}: {trouble_of(got)}; it may have taken effect", status=status, answer=got
                )
            if decided is Verdict.AGAIN:
                return False
        return again is None or isinstance(got, Streamed) or not again(got)

    async def _turn(self, request: Request, spent: float) -> float:
        """Wait until the server's hold is over and it is our turn; returns what counts against the budget."""
        try:
            held = await self.limits.released(self.endpoint.retry_budget - spent)
        except HeldTooLongError as error:
            raise OutageError(
                f"{self.say(request)}: the server asks to wait {error.seconds:.0f} s, longer than the "
                f"{self.endpoint.retry_budget:g} s of retry_budget",
                retry_after=error.seconds,
            ) from None
        turned = await self.limits.turn()
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
                f"{self.say(request)}: {trouble}; gave up after {counted(attempts, 'attempt')} "
                f"in {spent:.1f} s{said} (retry_budget {budget:g} s)",
                retry_after=asked,
                status=answer.status if answer else None,
                answer=answer,
            )
        self._log.info(
            "%s: %s; attempt %d follows in %.1f s", self.say(request), trouble.partition(":")[0], attempts + 1, wait
        )
        if asked:
            self.limits.hold(wait)  # what it asks of one request it means for all; the loop waits for the hold
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
        worn: Worn | None = None
        if self._sign_in is not None:  # before there is a slot: whoever signs in needs none, and others wait for it
            try:
                worn = await self._sign_in.current(request)
            except SignInError as error:
                return _Failure(str(error), False, error)
        await self.limits.slots.acquire()
        keep = False
        response = None
        try:
            headers = dict(request.headers)
            if request.content_type is not None:
                headers["Content-Type"] = request.content_type
            signed = url
            if self._sign_in is not None and worn is not None:
                signed = self._sign_in.ready(worn, request.method, url, headers, request.body)
            self.stats.requests += 1
            began = self._now()
            response = await self._session.request(
                request.method,
                signed,
                body=request.body,
                headers=headers,
            )
            if self._sign_in is not None and worn is not None:
                self._sign_in.heard(worn, response.headers)
            if stream and is_final(response.status):
                most, name = self.endpoint.max_answer_bytes, self.endpoint.name
                head = Streamed(response, request, str(url), name, most, self.redact, arrived=self.stats.arrived)
                if (over := await self._over_in(head, worn)) is not None:
                    return over
                keep = True
                return head
            most = self.endpoint.max_answer_bytes
            content = await whole(response, most, self.endpoint.content_timeout)
            elapsed = self._now() - began
            self.stats.arrived(len(content))
            answer = Answer(
                response.status, response.headers, content, str(url), request, 1, elapsed, self.redact, limit=most
            )
            if self._sign_in is not None and worn is not None:
                answer.signed_out = self._sign_in.expired(worn, answer)
            return answer
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ServerFingerprintMismatch) as error:
            raise SetupError(f"{self.say(request)}: its certificate is not trusted: {cause(error)}") from error
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
                self.limits.slots.release()

    async def _over_in(self, head: Streamed, worn: Worn | None) -> Answer | None:
        """What came of an answer that is read as it arrives, if that says that the session is over."""
        if self._sign_in is None or worn is None or not self._sign_in.looks_into_answers:
            return None
        async with asyncio.timeout(self.endpoint.content_timeout):
            return await self._sign_in.ended(worn, head)

    async def _ask_to_sign_in(self, request: Request, worn: Worn | None) -> Answer:
        """One request of our own. Raises SignInError where later may help."""
        assert self._session is not None
        headers = dict(request.headers)
        if request.content_type is not None:
            headers["Content-Type"] = request.content_type
        url = self._targets.of(request)
        if self._sign_in is not None and worn is not None:
            url = self._sign_in.ready(worn, request.method, url, headers, request.body)
        what = f"answer to {request}, which signs in"
        asked = self._session.request(request.method, url, body=request.body, headers=headers)
        return await exchange(asked, request, url, endpoint=self.endpoint, redact=self.redact, what=what)

    def _unreadable(self, request: Request, status: int, why: str) -> AnswerError | UnknownOutcome:
        text = f"{self.say(request)}: {reason_phrase(status)}: {why}"
        if 400 <= status < 500:
            return AnswerError(text)
        if not request.repeatable:
            return UnknownOutcome(f"{text}; it may have taken effect", status=status)
        return UnreadableError(text) if status < 300 else AnswerError(text)

    def _mind_quota(self, got: Answer | Streamed) -> None:
        """The server says that the quota is used up: wait for its reset rather than be refused, if that is soon."""
        wait = quota_wait(got.headers, self._now())
        if wait and wait <= self.endpoint.retry_budget:
            self.limits.hold(wait)

    def _redirect(self, request: Request, answer: Answer, url: URL, redirects: int) -> URL:
        location = answer.headers.get("Location", "")
        if not is_followed(request, answer, redirects):
            many = f" {MOST_REDIRECTS} times" if redirects >= MOST_REDIRECTS else ""
            raise AnswerError(
                f"{self.say(request)}: redirected{many} ({reason_phrase(answer.status)}) to "
                f"{self.redact(location.partition('?')[0])[:200]!r}; give the right address in the Connection or path",
                answer=answer,
            )
        try:
            return redirected(self.endpoint, url, location)
        except LeadsAwayError as away:
            text = f"{away}; asked was {self.redact(str(request))}"
            raise LeadsAwayError(text, away.url, away.origin, redirect=True) from None
        except AnswerError as error:
            raise AnswerError(f"{error}; asked was {self.redact(str(request))}") from None

    def _refused(self, request: Request, answer: Answer) -> Refused:
        name = self.endpoint.name
        remedy = f"check the credentials of Connection {name!r}"
        if answer.status == 403:
            remedy = f"the login of Connection {name!r} lacks a permission"
        elif answer.status < 400:
            remedy = (
                f"the session of Connection {name!r} was over twice in a row: check the credentials and expired_when"
            )
        said = f". It said: {answer.said()}" if answer.content else ""
        return Refused(f"{self.say(request)}: {reason_phrase(answer.status)}; {remedy}{said}", answer)

    def say(self, request: Request) -> str:
        """``shop: GET /orders``: for messages. A URL that the server gave may repeat a secret in its path."""
        return f"{self.endpoint.name}: {self.redact(str(request))}"
