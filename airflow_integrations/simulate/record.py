"""Real answers, written down as a route test: ``preview --record``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_integrations.formats.json import decode
from airflow_integrations.run import Run, Services
from airflow_integrations.simulate.recorded import by_name
from airflow_integrations.simulate.trial import Trial
from airflow_integrations.simulate.yaml_text import yaml_text

if TYPE_CHECKING:
    from airflow_integrations.http import Endpoint, HttpClient
    from airflow_integrations.http.origin import Origin

__all__ = ["Recorded", "RecordingServices", "test_text"]

_KEPT_HEADERS = ("content-type", "link", "etag", "last-modified")
"""Headers that a route may read. Others, cookies above all, are nobody's business in a repository."""


@dataclass(slots=True)
class Recorded:
    """One request and its answer. No header of the request is kept: that is where credentials are."""

    connection: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


class RecordingServices(Services):
    """Services whose clients keep what they were answered in ``recorded``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.recorded: list[Recorded] = []
        self.creates = False

    async def client(self, connection: str) -> HttpClient:
        known = connection in self._clients
        client = await super().client(connection)
        if not known:
            self._keep(connection, client)
        return client

    def _anonymous(self, endpoint: Endpoint, origin: Origin) -> HttpClient:
        client = super()._anonymous(endpoint, origin)
        self._keep(endpoint.name, client, query=False)  # it may be what signs the address
        return client

    def _keep(self, connection: str, client: HttpClient, *, query: bool = True) -> None:
        send, stream = client.send, client.stream

        def keep(request: Any, status: int, headers: Mapping[str, str], content: bytes) -> None:
            kept = {name: text for name, text in headers.items() if name.lower() in _KEPT_HEADERS}
            path, _, rest = request.path.partition("?")
            base = client.endpoint.base_url
            path = path.removeprefix(base) if "://" in path else path
            pairs = (*(tuple(part.partition("=")[::2]) for part in rest.split("&") if part), *request.query)
            self.recorded.append(
                Recorded(connection, request.method, path, pairs if query else (), status, kept, content)
            )

        async def kept_send(request: Any, **how: Any) -> Any:
            answer = await send(request, **how)
            keep(request, answer.status, answer.headers, answer.content)
            return answer

        @asynccontextmanager
        async def kept_stream(request: Any, **how: Any) -> AsyncIterator[Any]:
            async with stream(request, **how) as head:
                parts: list[bytes] = []
                chunks, complete = head.chunks, False

                async def kept_chunks() -> AsyncIterator[bytes]:
                    nonlocal complete
                    async for chunk in chunks():
                        parts.append(chunk)
                        yield chunk
                    complete = True

                head.chunks = kept_chunks  # type: ignore[method-assign]
                yield head
                content = b"".join(parts)
                if not complete:  # left early: what is there is made of whole lines
                    content = content[: content.rfind(b"\n") + 1]
                keep(request, head.status, head.headers, content)

        client.send = kept_send  # type: ignore[method-assign]
        client.stream = kept_stream  # type: ignore[method-assign]


def test_text(run: Run, trial: Trial, recorded: list[Recorded]) -> str:
    """A file of route tests with one test: these answers, and what came of them."""
    answers: dict[str, list[Any]] = {}
    for each in recorded:
        answers.setdefault(each.connection, []).append(_answer(each))
    start, end = run.window.dump()
    given: dict[str, Any] = {"window": {"start": start, "end": end}}
    if run.entities is not None:
        given["entities"] = list(run.entities)
    if run.params:
        given["params"] = dict(run.params)
    if run.keys is not None:
        given["keys"] = sorted(run.keys)
    if answers:
        given["answers"] = answers
    expect: dict[str, Any] = {"entities": [passed.value for passed in trial.passed]}
    if trial.filtered:
        expect["filtered"] = [left.key for left in trial.filtered]
    if trial.merged:
        expect["merged"] = [left.key for left in trial.merged]
    if trial.rejected:
        expect["rejected"] = {problem.key: _pattern(problem.reason) for problem in trial.rejected}
    test = {"name": f"what {run.route.route} made of {start}", "given": given, "expect": expect}
    return yaml_text({"route": run.route.route, "tests": [test]})


test_text.__test__ = False  # type: ignore[attr-defined]  # pytest: this is not a test


def _answer(recorded: Recorded) -> dict[str, Any]:
    to: dict[str, Any] = {"method": recorded.method, "path": recorded.path}
    if recorded.query:
        to["query"] = by_name(recorded.query)
    answer: dict[str, Any] = {"to": to, "status": recorded.status}
    try:
        answer["body"] = decode(recorded.content)
        headers = {name: text for name, text in recorded.headers.items() if name.lower() != "content-type"}
    except ValueError:
        answer["text"] = recorded.content.decode("utf-8", "replace")
        headers = dict(recorded.headers)
    if headers:
        answer["headers"] = headers
    return answer


def _pattern(reason: str) -> str:
    import re

    return re.escape(reason).replace("\\ ", " ")
