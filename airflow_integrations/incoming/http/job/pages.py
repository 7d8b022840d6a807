"""An export job: created, asked after until it is ready, downloaded.

The saved place holds the job's id and how far its download came, so that a fetch that goes on asks after the same job.
"""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_integrations.config.types import duration_text
from airflow_integrations.errors import AnswerError, OutageError, PostponedError, RunError
from airflow_integrations.formats.answer import AnswerFormat
from airflow_integrations.incoming import Page
from airflow_integrations.incoming.http.job.options import Job
from airflow_integrations.incoming.http.request_template import RequestTemplate
from airflow_integrations.incoming.http.requester import Requester, Response
from airflow_integrations.incoming.http.walk import Plan, Walk
from airflow_integrations.run import Services

if TYPE_CHECKING:
    from airflow_integrations.http import HttpClient
    from airflow_integrations.http.origin import Origin

__all__ = ["job_pages"]

KEEP_SECONDS = 60.0
"""While a job is waited for its place is saved anew at least this often, so that it does not grow too old."""
LONGEST_AWAY = 1800.0
"""Seconds that a task is away at most: what it has saved must not grow too old."""
MOST_FILES = 10_000
MOST_MOVES = 5
"""Redirects to other hosts that one download follows."""


async def job_pages(
    job: Job, plan: Plan, client: HttpClient, base: Mapping[str, Any], services: Services, resume: Any = None
) -> AsyncGenerator[Page, None]:
    """The records of what is downloaded. A page without records comes as soon as there is a job, so that its id is
    saved, and others as long as it is waited for.

    Raises AnswerError where the job fails, OutageError where it is not ready in time.
    """
    work = _Work(job, plan, client, base, services)
    state = _State.restore(resume) if resume is not None else None
    if state is None:
        state = await work.create()
        yield Page([], state.dump(), urgent=True)
    else:
        services.log.info("%s: goes on with job %s", client.endpoint.name, state.id)
    async with aclosing(work.wait(state, resumed=resume is not None)) as waiting:
        async for page in waiting:
            yield page
    if work.empty:
        yield Page([])
        return
    async with aclosing(work.files(state)) as pages:
        async for page in pages:
            yield page


@dataclass(frozen=True, slots=True)
class _State:
    id: str | int
    until: float
    """When the attempt that waits for it gives up (Unix seconds)."""
    file: int = 0
    page: Any = None

    def dump(self) -> dict[str, Any]:
        return {"v": 1, "job": self.id, "until": self.until, "file": self.file, "page": self.page}

    @classmethod
    def restore(cls, saved: Any) -> _State:
        try:
            if saved["v"] != 1 or not isinstance(saved["job"], str | int):
                raise ValueError
            return cls(saved["job"], float(saved["until"]), int(saved["file"]), saved["page"])
        except (KeyError, TypeError, ValueError):
            raise AnswerError("job: the saved place is of another kind than this incoming's") from None


class _Work:
    def __init__(self, job: Job, plan: Plan, client: HttpClient, base: Mapping[str, Any], services: Services) -> None:
        self._job = job
        self._plan = plan
        self._client = client
        self._base = base
        self._services = services
        self._last: Response | None = None
        self.empty = False
        """The job is ready, and has no records."""

    def _asking(self, names: Mapping[str, Any]) -> Requester:
        return Requester(self._client, names, _AS_IT_SAYS, None, None)

    async def create(self) -> _State:
        job, services = self._job, self._services
        request = RequestTemplate.render(job.create, self._base, _told("create")).request()
        said = await self._asking(self._base).ask(request)
        given = said.evaluate(job.id, "job.id")
        if isinstance(given, bool) or not isinstance(given, str | int) or given == "":
            raise AnswerError(f"{said.place}: job.id: {job.id.text} gives no text or number: {said.answer.said()}")
        if isinstance(given, str) and said.answer.redact(given) != given:
            raise AnswerError(f"{said.place}: job.id: what it gives holds a secret and cannot be saved")
        services.log.info("%s: began job %s", said.place, given)
        return _State(given, services.now() + job.poll.timeout.total_seconds())

    async def wait(self, state: _State, *, resumed: bool) -> AsyncGenerator[Page, None]:
        """Until the job is ready; asked at once where it may be."""
        poll, services = self._job.poll, self._services
        names = {**self._base, "job": {"id": state.id}}
        asking = self._asking(names)
        request = RequestTemplate.render(poll, names, _told("poll")).request()
        if services.now() >= state.until:  # an attempt of its own has its own time
            state = replace(state, until=services.now() + poll.timeout.total_seconds())
        saved, first, wait = services.now(), resumed, poll.every.total_seconds()
        while True:
            if not first:
                if services.waits_at_most is not None and wait > services.waits_at_most:
                    yield Page([], state.dump(), urgent=True)
                    pause = min(wait, LONGEST_AWAY)
                    told = f"{asking.place(request)}: job {state.id} is asked after again in {pause:.0f} s"
                    raise PostponedError(told, services.now() + pause)
                while wait > 0:
                    pause = min(wait, KEEP_SECONDS)
                    await services.sleep(pause)
                    wait -= pause
                    if wait > 0:
                        saved = services.now()
                        yield Page([], state.dump(), urgent=True)
            first = False
            said = await asking.ask(request, resumed=resumed)
            self._last = said
            if poll.failed is not None and said.evaluate(poll.failed, "job.poll.failed"):
                raise AnswerError(
                    f"{said.place}: job {state.id} has failed, as failed says ({poll.failed.text}): "
                    f"{said.answer.said()}",
                    answer=said.answer,
                )
            if said.evaluate(poll.until, "job.poll.until"):
                self.empty = poll.empty_when is not None and bool(said.evaluate(poll.empty_when, "job.poll.empty_when"))
                return
            wait = max(poll.every.total_seconds(), _asked(said, services.now()))
            now = services.now()
            if now + wait > state.until:
                raise OutageError(
                    f"{said.place}: job {state.id} was not ready within {duration_text(poll.timeout)} "
                    f"(job.poll.timeout); the next attempt goes on with it. It said last: {said.answer.said()}",
                    answer=said.answer,
                )
            if now - saved >= KEEP_SECONDS:
                saved = now
                yield Page([], state.dump(), urgent=True)

    async def files(self, state: _State) -> AsyncGenerator[Page, None]:
        """What is downloaded, one file after the other."""
        assert self._last is not None
        names = {**self._last.names, "job": {"id": state.id}}
        urls = self._urls(self._last)
        count = 1 if urls is None else len(urls)
        if state.file >= count:
            raise AnswerError(f"{self._last.place}: the job has fewer files than it had ({count})")
        inner = state.page
        for number in range(state.file, count):
            if urls is None:
                draft = RequestTemplate.render(self._job.download, names, _told("download"))
                client = self._client
            else:
                client, draft = await self._elsewhere(urls[number])
            last = None if number + 1 == count else replace(state, file=number + 1, page=None).dump()
            async with aclosing(self._file(client, draft, names, inner)) as pages:
                async for page in pages:
                    behind = last if page.resume is None else replace(state, file=number, page=page.resume).dump()
                    yield replace(page, resume=behind)
                    if page.resume is None:
                        break
            inner = None

    async def _file(
        self, client: HttpClient, draft: RequestTemplate, names: Mapping[str, Any], resume: Any
    ) -> AsyncGenerator[Page, None]:
        from airflow_integrations.http.url import LeadsAwayError

        moves = 0
        while True:
            began = False
            try:
                walk = Walk(self._plan, client, names, draft, self._services.log, repeats=False)
                async with aclosing(walk.pages(resume)) as pages:
                    async for page in pages:
                        began = True
                        yield page
                return
            except LeadsAwayError as away:
                moves += 1
                if began or not away.redirect or moves > MOST_MOVES:
                    raise
                client, draft = await self._elsewhere(away.url)

    def _urls(self, said: Response) -> list[str] | None:
        """The absolute addresses in the last answer; None where there is a path instead."""
        from airflow_integrations.http.url import joined

        expression = self._job.download.url
        if expression is None:
            return None
        given = said.evaluate(expression, "job.download.url")
        found = list(given) if isinstance(given, list | tuple) else [given]
        if len(found) > MOST_FILES or not all(isinstance(url, str) and url.strip() for url in found):
            raise AnswerError(
                f"{said.place}: job.download.url: {expression.text} gives no address, nor a list of up to "
                f"{MOST_FILES} of them. If a job without records has none, write job.poll.empty_when. It said: "
                f"{said.answer.said()}"
            )
        return [joined(said.answer.url, url) for url in found]

    async def _elsewhere(self, url: str) -> tuple[HttpClient, RequestTemplate]:
        """Who downloads an address, and the request. Credentials go to the Connection's own origin alone."""
        from airflow_integrations.http.url import LeadsAwayError, at_home

        home, draft = self._client.endpoint, RequestTemplate("GET", url)
        try:
            return self._client, draft.at_url(at_home(home, url, what="download"))
        except LeadsAwayError as away:
            if (why := _why_not_there(away.origin, home.origin)) is not None:
                raise AnswerError(f"{home.name}: the download of the job is at {away.origin}, {why}") from None
            origin = away.origin
        return await self._services.client_elsewhere(home.name, origin), draft


def _why_not_there(origin: Origin, home: Origin) -> str | None:
    """Why no request goes to an origin that a server has named; None where one may."""
    if (home.scheme, origin.scheme) == ("https", "http"):
        return "which is not encrypted, as the Connection is"
    if _is_inside(origin.host) and not _is_inside(home.host):
        return "an address of this machine or its own network, and the Connection's host is none"
    return None


def _is_inside(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return not address.is_global


def _asked(said: Response, now: float) -> float:
    """Seconds that Retry-After asks to wait; 0 where it does not."""
    from airflow_integrations.http.retry import asked_wait

    headers = said.answer.headers
    return (asked_wait(headers, now) or 0.0) if "Retry-After" in headers else 0.0


def _told(request: str) -> Any:
    return lambda text: RunError(f"job.{request}.{text}")


_AS_IT_SAYS = AnswerFormat()
"""The answers about a job are in the format that they say; that of the download is the route's."""
