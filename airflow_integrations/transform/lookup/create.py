"""Create what a lookup does not find: once, whoever asks and whoever dies in between."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow_integrations.errors import AnswerError, EntityError, OutageError, SetupError, UnknownOutcome
from airflow_integrations.expressions.language.presence import reported_error
from airflow_integrations.formats.json import encode, read
from airflow_integrations.ledger.lease_times import PUSH_SECONDS
from airflow_integrations.plurals import counted
from airflow_integrations.run import Run, Services
from airflow_integrations.transform import Place
from airflow_integrations.transform.lookup.asking import Asked, rendered
from airflow_integrations.transform.lookup.http_options import HttpLookup
from airflow_integrations.transform.lookup.rows import Later

if TYPE_CHECKING:
    from airflow_integrations.http import Answer, HttpClient
    from airflow_integrations.ledger.runs.creations import Claimed

__all__ = ["Creator"]

LOOK_SECONDS = 0.25
LOOKS = 20
"""So often it is looked whether another run that is about to create the same has done so; then the entity waits."""
_CONFLICT = 409
"""Somebody else has created it meanwhile: it is searched for again."""


class Creator:
    """For the length of a run. ``search`` asks the lookup's own question again.

    The order of things: claim in the ledger, note that it is about to be sent, send, note what was made. What an
    earlier attempt sent without noting what it made is searched for first, and sent again with the same
    ``Idempotency-Key``.
    """

    def __init__(self, name: str, config: HttpLookup, place: Place, search: Callable[[Any], Awaitable[Any]]) -> None:
        assert config.create is not None
        self._name = name
        self._config = config
        self._create = config.create
        self._record = config.create.record.compile()
        self._error_when = config.error_when.compile() if config.error_when else None
        self._place = place
        self._search = search
        self._names: dict[Any, Mapping[str, Any]] = {}
        self._would: dict[Any, Asked] = {}

    def open(self, base: Mapping[str, Any], run: Run, services: Services, client: HttpClient) -> None:
        from airflow_integrations.ledger.runs import creations  # a DAG file that names a lookup loads no database

        self._creations = creations
        self._base = base
        self._services = services
        self._client = client
        self._effects = services.creates and not run.dry_run
        self._holder = hashlib.sha256(encode([run.route.route, run.run_id])).hexdigest() if self._effects else ""

    def note(self, question: Any, names: Mapping[str, Any]) -> None:
        """What the question's object is made of: the first entity that asks it."""
        self._names.setdefault(question, names)

    def forget(self) -> None:
        """The batch is over."""
        self._names.clear()

    def warnings(self) -> list[str]:
        """What was not created, because the run was to have no effect."""
        if not self._would:
            return []
        first = next(iter(self._would.values()))
        many = counted(len(self._would), self._name)
        return [f"{self._place} would create {many} that it does not find, such as by {first.method} {first.path}"]

    async def create(self, question: Any) -> Any:
        """The row of what was created, an EntityError, or Later. Raises OutageError and SetupError."""
        try:
            asked = rendered(self._create, self._names[question])
        except EntityError as error:
            return EntityError(error.reason, field=f"create.{error.field}" if error.field else "create")
        if not self._effects:
            self._would.setdefault(question, asked)
            return {}
        digest = question.asked.digest(self._config.connection, *question.key)
        claimed = await self._claim(digest)
        if claimed.state == "made":
            return await self._made(question, claimed)
        if claimed.state == "busy":
            return Later(f"{self._name} is about to be created by another run")
        try:
            row = await self._search(question) if claimed.sent is not None else None
            if row is None:
                return await self._send(question, digest, asked)
        except UnknownOutcome as error:
            await self._drop(digest, unknown=True)
            return Later(f"{self._name} was asked to be created, and nobody knows whether it was: {error}")
        except OutageError:
            await self._drop(digest, unknown=True)
            raise
        except SetupError:
            await self._drop(digest, unknown=claimed.sent is not None)
            raise
        await self._drop(digest, unknown=isinstance(row, EntityError))
        return row

    async def _claim(self, digest: str) -> Claimed:
        services = self._services
        for look in range(LOOKS):
            now = services.now()
            claimed = await asyncio.to_thread(
                self._creations.claim_creation, services.ledger, digest, self._holder, now=now, until=now + PUSH_SECONDS
            )
            if claimed.state != "busy" or look + 1 == LOOKS:
                break
            await services.sleep(LOOK_SECONDS)
        return claimed

    async def _drop(self, digest: str, *, unknown: bool) -> None:
        await asyncio.to_thread(
            self._creations.drop_creation, self._services.ledger, digest, self._holder, unknown=unknown
        )

    async def _made(self, question: Any, claimed: Claimed) -> Any:
        if claimed.found is not None:
            return read(claimed.found)
        row = await self._search(question)
        return Later(f"{self._name} was created, and the search does not find it yet") if row is None else row

    async def _send(self, question: Any, digest: str, asked: Asked) -> Any:
        services = self._services
        sent = await asyncio.to_thread(self._creations.note_sent, services.ledger, digest, self._holder, services.now())
        if sent is None:
            return Later(f"{self._name} is about to be created by another run")
        key = hashlib.sha256(f"{digest} {sent!r}".encode()).hexdigest()[:40]
        request = asked.request(repeatable=False, headers={"Idempotency-Key": key})
        try:
            answer = await self._client.send(request)
        except AnswerError as error:  # too large, or packed in an unknown way: it may have been created
            await self._drop(digest, unknown=True)
            return Later(f"{self._name} was asked to be created, and its answer cannot be read: {error}")
        if answer.status == _CONFLICT and (row := await self._search(question)) is not None:
            await self._drop(digest, unknown=isinstance(row, EntityError))
            return row
        if not 200 <= answer.status < 300:
            await self._drop(digest, unknown=False)
            told = f"{self._config.connection}: {request}: answered {answer.status}: {answer.said(200)}"
            return EntityError(self._client.redact(told), field="create")
        row = self._row(answer)
        if isinstance(row, EntityError):
            await self._drop(digest, unknown=False)
            return row
        found = None if row is None else encode(row)
        await asyncio.to_thread(self._creations.note_made, services.ledger, digest, found, services.now())
        return await self._made(question, self._creations.Claimed("made", sent, None)) if row is None else row

    def _row(self, answer: Answer) -> dict[str, Any] | EntityError | None:
        """None where the answer does not hold it: then the search has to find it. An EntityError where it reports an
        error instead, as ``error_when`` of the lookup says."""
        try:
            body = self._config.decode(answer, place="the answer")
            names = {"status": answer.status, "headers": answer.headers, "body": body}
            asked = {"method": answer.request.method, "path": answer.request.path, "url": answer.url}
            seen = {**self._base, **names, "request": asked}
            failed = self._error_when(seen) if self._error_when is not None else reported_error(body)
            row = None if failed else self._record(seen)
        except (AnswerError, EntityError):
            return None
        if failed:
            why = f"the answer to create means an error: {answer.said(200)}"
            return EntityError(
                f"{self._config.connection}: {answer.request}: {self._client.redact(why)}", field="create"
            )
        return row if isinstance(row, dict) and row else None
