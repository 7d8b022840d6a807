"""Systems that answer from a recording: what route tests, and preview's target, talk to."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_integrations.formats.json import decode, encode
from airflow_integrations.run import Services
from airflow_integrations.simulate.recorded import Answered, Asked, by_name

if TYPE_CHECKING:
    from aiohttp import web

    from airflow_integrations.http import Endpoint, HttpClient
    from airflow_integrations.http.origin import Origin

__all__ = ["Agree", "Clock", "Heard", "RecordedConnections", "RecordedSystem", "Recording", "ReplayServices"]


class Clock:
    """Time that passes only by sleeping, so that retries and rate limits take no time and always come out the same."""

    def __init__(self, start: float = 1_767_225_600.0) -> None:  # 2026-01-01T00:00:00Z
        self.seconds = start

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += max(0.0, seconds)


@dataclass(slots=True)
class Heard:
    """A request as the system at the other end got it. ``path`` is relative to the Connection, percent-encoded."""

    connection: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def data(self) -> Any:
        """The body: JSON decoded where it is JSON, else its text, None where it is empty."""
        if not self.body:
            return None
        try:
            return decode(self.body)
        except ValueError:
            return self.body.decode("utf-8", "replace")

    @property
    def parameters(self) -> dict[str, str | list[str]]:
        """The query by name; a list where one was sent several times."""
        return by_name(self.query)

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.query)
        return f"{self.method} {self.path}" + (f"?{query}" if query else "")


Agree = Callable[[Heard], "int | Answered"]


class RecordedSystem:
    """One Connection's other end. ``heard`` holds every request, ``unanswered`` those that no answer was left for."""

    def __init__(self, connection: str, answers: Iterable[Answered] = (), base_url: str | None = None) -> None:
        self.connection = connection
        self.base_url = (base_url or f"https://{connection.replace('_', '-').lower()}.test").rstrip("/")
        self.answers = tuple(answers)
        self.heard: list[Heard] = []
        self.unanswered: list[Heard] = []
        self.agreeable: Agree | None = None
        """The answer that a request without a recorded one gets, or its status, with an empty object; None: it is not
        answered."""
        self._used: set[int] = set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        from aiohttp import web
        from yarl import URL

        base = URL(self.base_url, encoded=True).raw_path.rstrip("/")
        path = request.rel_url.raw_path.removeprefix(base) or "/"
        heard = Heard(
            self.connection,
            request.method,
            path,
            tuple(request.rel_url.query.items()),
            dict(request.headers),
            await request.read(),
        )
        self.heard.append(heard)
        chosen = self._choose(heard)
        if chosen is not None:
            return web.Response(status=chosen.status, body=_body(chosen), headers=_headers(chosen))
        if self.agreeable is not None:
            status = self.agreeable(heard)
            if isinstance(status, Answered):
                return web.Response(status=status.status, body=_body(status), headers=_headers(status))
            return web.Response(status=204) if status == 204 else web.json_response({}, status=status)
        self.unanswered.append(heard)
        return web.Response(status=404, text="the recording holds no answer for this request")

    def _choose(self, heard: Heard) -> Answered | None:
        """An answer for just this request, unused ones first and the last of them again and again; else the next."""
        fitting = [index for index, answer in enumerate(self.answers) if answer.to and _fits(answer.to, heard)]
        unused = [index for index in fitting if index not in self._used]
        if not fitting:
            unused = [index for index, answer in enumerate(self.answers) if not answer.to and index not in self._used]
        index = unused[0] if unused else fitting[-1] if fitting else None
        if index is None:
            return None
        self._used.add(index)
        return self.answers[index]


def _fits(asked: Asked, heard: Heard) -> bool:
    query = heard.parameters
    return (
        asked.method in (None, heard.method)
        and asked.path in (None, heard.path)
        and all(query.get(name) == value for name, value in asked.query.items())
    )


def _body(answer: Answered) -> bytes:
    if answer.file is not None:
        return answer.file.path.read_bytes()
    if answer.text is not None:
        return answer.text.encode()
    return encode(answer.body) if "body" in answer.model_fields_set else b""


def _headers(answer: Answered) -> dict[str, str]:
    if any(name.lower() == "content-type" for name in answer.headers):
        return dict(answer.headers)
    kind = "application/json" if "body" in answer.model_fields_set else "text/plain; charset=utf-8"
    return {"Content-Type": kind, **answer.headers}


class RecordedConnections:
    """Connections and Variables that exist only here: no credentials, nothing is looked up."""

    def __init__(self, recording: Recording, variables: Mapping[str, str]) -> None:
        self._recording = recording
        self._variables = dict(variables)

    def endpoint(self, connection: str) -> Endpoint:
        from airflow_integrations.http import Endpoint

        return Endpoint(connection, self._recording.system(connection).base_url)

    def variable(self, name: str) -> str | None:
        return self._variables.get(name)


class Recording:
    """All systems that a route talks to, by Connection. One that is not known yet has no answers."""

    def __init__(self, systems: Iterable[RecordedSystem] = ()) -> None:
        self._systems = {system.connection: system for system in systems}
        self._agreeable: Agree | None = None

    def system(self, connection: str) -> RecordedSystem:
        if connection not in self._systems:
            self._systems[connection] = RecordedSystem(connection)
            self._systems[connection].agreeable = self._agreeable
        return self._systems[connection]

    def agree(self, agree: Agree = lambda heard: 200) -> None:
        """From now on every request without a recorded answer gets this one: 200 with an empty object."""
        self._agreeable = agree
        for system in self._systems.values():
            system.agreeable = agree

    @property
    def heard(self) -> dict[str, list[Heard]]:
        """Every request so far, by Connection."""
        return {name: list(system.heard) for name, system in self._systems.items()}

    @property
    def unanswered(self) -> list[Heard]:
        return [heard for system in self._systems.values() for heard in system.unanswered]


class ReplayServices(Services):
    """Services whose HTTP clients are the real ones and whose network is a :class:`Recording`."""

    def __init__(
        self, recording: Recording, *, variables: Mapping[str, str] | None = None, log: logging.Logger | None = None
    ) -> None:
        clock = Clock()
        super().__init__(
            RecordedConnections(recording, variables or {}),
            log=log,
            sleep=clock.sleep,
            now=clock.now,
            rng=random.Random(0),  # noqa: S311 - dice for back-off
        )
        self.recording = recording
        self.rehearsal = self._note

    def _note(self, connection: str, method: str, path: str, body: bytes) -> None:
        self.recording.system(connection).heard.append(Heard(connection, method, path, (), {}, body))

    @classmethod
    def of(cls, responses: Mapping[str, Iterable[Mapping[str, Any]]]) -> ReplayServices:
        """By Connection, what the system behind it answers: each response as route tests write them."""
        systems = (
            RecordedSystem(connection, [Answered.model_validate(response) for response in recorded])
            for connection, recorded in responses.items()
        )
        return cls(Recording(systems))

    async def client(self, connection: str) -> HttpClient:
        if connection not in self._clients:
            from airflow_integrations.simulate.replay_client import ReplayClient

            client = ReplayClient(
                self.connections.endpoint(connection),
                self.recording.system(connection).handle,
                sleep=self.sleep,
                now=self.now,
                rng=self.rng,
                log=self.log,
            )
            self._clients[connection] = await self._stack.enter_async_context(client)
        return self._clients[connection]

    def _anonymous(self, endpoint: Endpoint, origin: Origin) -> HttpClient:
        """The recording of a Connection has what was downloaded elsewhere, too."""
        from airflow_integrations.simulate.replay_client import ReplayClient

        return ReplayClient(
            endpoint.elsewhere(origin),
            self.recording.system(endpoint.name).handle,
            sleep=self.sleep,
            now=self.now,
            rng=self.rng,
            log=self.log,
        )
