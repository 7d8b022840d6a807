"""The ASGI application behind ``/integrations/hooks/``."""

from __future__ import annotations

import asyncio
import logging
import secrets as randomness
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.formats import ContentError
from airflow_integrations.route.webhooks.verification import HmacProof
from airflow_integrations.webhooks import responses
from airflow_integrations.webhooks.body import UnknownContent
from airflow_integrations.webhooks.body_threads import CHECKING, PARSING
from airflow_integrations.webhooks.challenge import answer_to_question, echo
from airflow_integrations.webhooks.endpoints import Address, Addresses, EndpointTable
from airflow_integrations.webhooks.events import event_of, names_of
from airflow_integrations.webhooks.intake import Intake
from airflow_integrations.webhooks.memory_budget import MemoryBudget, Overloaded
from airflow_integrations.webhooks.rejection_log import Refusals
from airflow_integrations.webhooks.request import (
    Gone,
    Request,
    TooLarge,
    TooSlow,
    hung_up,
    read_body,
    request_of,
    wanted_wait,
)
from airflow_integrations.webhooks.responses import UNPROVEN, Answer
from airflow_integrations.webhooks.secrets import Secret
from airflow_integrations.webhooks.verification import AnySecrets, Proof, check

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["HookApp"]

DECOY = HmacProof(header="host", secret=("none",))
"""What a request to no known path is checked by, with a secret that nobody has."""
SMALL = 64_000
"""Bytes of a body that is read between two other requests; a larger one goes to a thread."""

PARSED_AT_ONCE = 8_000
"""Bytes of a body that is parsed between two other requests: some formats take long for what others read at once."""

log = logging.getLogger("airflow_integrations")


class HookApp:
    """One for each process. Raw ASGI: everything before the inbox costs a fraction of a millisecond."""

    def __init__(
        self, book: EndpointTable, secrets: AnySecrets, intake: Intake, *, now: Callable[[], float] = time.time
    ) -> None:
        self._book = book
        self._secrets = secrets
        self._intake = intake
        self._now = now
        self._refusals = Refusals()
        self._held = MemoryBudget()
        self._decoy = Secret("", randomness.token_hex(16))
        self._looking: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope, receive)
        except Gone:
            return
        await answer.send(send, head=scope["method"] == "HEAD")

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        root: str = scope.get("root_path", "")  # where this is mounted: /integrations/hooks
        request = request_of(scope, scope["path"].removeprefix(root).removeprefix("/"))
        held = self._held.reservation()
        largest = 0
        try:
            addresses = await self._addresses()
            address, largest = addresses.find(request.path), addresses.largest
            body = await read_body(receive, request.headers, largest, held)
            request = msgspec.structs.replace(request, body=body)
            return await self._proven(address, request, f"{root.removesuffix('/hooks')}/api/v1", receive)
        except TooLarge:
            return responses.problem(413, f"at most {largest} bytes are taken")
        except TooSlow:
            return responses.problem(408, "the body did not come in time")
        except Overloaded:
            return responses.full()
        except (SetupError, OutageError) as error:
            self._refusals.note("(all)", str(error))
            return responses.away()
        finally:
            held.release()

    async def _addresses(self) -> Addresses:
        """While others come, whether files have changed is looked at beside them. Raises OutageError."""
        latest = self._book.latest
        if latest is None or not self._book.usable:
            return await asyncio.to_thread(self._book.current)
        if not self._book.fresh and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look())
        return latest

    async def _look(self) -> None:
        try:
            await asyncio.to_thread(self._book.current)
        except OutageError as error:
            log.warning("webhooks: %s", error)

    async def _proven(self, address: Address | None, request: Request, later: str, receive: Receive) -> Answer:
        """Before the sender has proved who it is, everything takes the same way."""
        if address is None:
            await self._check(DECOY, request, [self._decoy])  # as long as it takes elsewhere
            self._refusals.note("(any other)", "no route has this path")
            return UNPROVEN
        options = address.options
        if (back := await echo(options, request, self._secrets)) is not None:
            return responses.text(back)
        if request.method != "POST":
            self._refusals.note(options.path, f"{request.method[:20]!r} is not POST")
            return UNPROVEN
        if address.proof is not None and (why := await self._doubt(address.proof, request)) is not None:
            self._refusals.note(options.path, why)
            return UNPROVEN
        if len(request.body) > options.max_size:
            return responses.problem(413, f"at most {options.max_size} bytes are taken")
        return await self._taken(address, request, later, receive)

    async def _doubt(self, proof: Proof, request: Request) -> str | None:
        """Why the sender has proved nothing; None: it has. A secret that cannot be had proves nothing either, and looks
        like a wrong one: else it would tell that the path exists."""
        try:
            return await self._check(proof, request, await self._secrets.get(proof.secret))
        except Exception as error:  # of whatever secrets backend
            if not isinstance(error, SetupError | OutageError):
                log.exception("a secret of a webhook cannot be read")
            return f"its secret cannot be used: {error}"

    async def _check(self, proof: Proof, request: Request, known: list[Secret]) -> str | None:
        if len(request.body) > SMALL:
            return await CHECKING.run(check, proof, request, known, self._now())
        return check(proof, request, known, self._now())

    async def _taken(self, address: Address, request: Request, later: str, receive: Receive) -> Answer:
        options = address.options
        try:
            large = len(request.body) > PARSED_AT_ONCE or "content-encoding" in request.headers
            names = await PARSING.run(names_of, address, request) if large else names_of(address, request)
            if (question := await answer_to_question(options, names["body"], self._secrets)) is not None:
                return Answer(200, question)
            given = address, request, names
            event = await PARSING.run(event_of, *given) if large else event_of(*given)
        except UnknownContent as error:
            return responses.problem(415, str(error))
        except TooLarge:
            return responses.problem(413, f"at most {options.max_size} bytes are taken, unpacked")
        except ContentError as error:
            return responses.problem(400, str(error))
        wait = wanted_wait(request) if options.wait else 0.0
        if refused := [records.refused for _, records in event.parts if records.refused is not None]:
            log.error("webhook %s: the event %s is kept, and rejected: %s", options.path, event.event_id, refused[0])
        answer = await self._intake.take(
            event.event_id, event.parts, source="webhook", wait=wait, later=later, gone=partial(hung_up, receive)
        )
        return answer if wait or answer.status >= 300 else responses.as_wished(options.answer, answer)
