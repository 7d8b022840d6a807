"""The ASGI application behind ``/integrations/hooks/``."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets as randomness
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.formats import ContentError
from airflow_integrations.hooks import answers
from airflow_integrations.hooks.addresses import Address, Addresses, Book
from airflow_integrations.hooks.answers import UNPROVEN, Answer
from airflow_integrations.hooks.challenge import answer_to_question, echo
from airflow_integrations.hooks.content import UnknownContent
from airflow_integrations.hooks.events import event_of, names_of
from airflow_integrations.hooks.held import Held, Overloaded
from airflow_integrations.hooks.intake import Intake
from airflow_integrations.hooks.proof import AnySecrets, Proof, check
from airflow_integrations.hooks.refusals import Refusals
from airflow_integrations.hooks.request import Gone, Request, TooLarge, TooSlow, read_body, request_of
from airflow_integrations.hooks.waits import wanted_wait

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["HookApp"]

SMALL = 64_000
"""Bytes of a body that is read between two other requests; a larger one goes to a thread."""

log = logging.getLogger("airflow_integrations")


class HookApp:
    """One for each process. Raw ASGI: everything before the inbox costs a fraction of a millisecond."""

    def __init__(
        self, book: Book, secrets: AnySecrets, intake: Intake, *, now: Callable[[], float] = time.time
    ) -> None:
        self._book = book
        self._secrets = secrets
        self._intake = intake
        self._now = now
        self._refusals = Refusals()
        self._held = Held()
        self._decoy = randomness.token_bytes(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope, receive)
        except Gone:
            return
        await answer.send(send, head=scope["method"] == "HEAD")

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        root: str = scope.get("root_path", "")  # where this is mounted: /integrations/hooks
        request = request_of(scope, scope["path"].removeprefix(root).removeprefix("/"))
        addresses = await self._addresses()
        address = addresses.find(request.path)
        held = self._held.reservation()
        try:
            body = await read_body(receive, request.headers, addresses.largest, held)
            request = msgspec.structs.replace(request, body=body)
            return await self._proven(address, request, f"{root.removesuffix('/hooks')}/api/v1")
        except TooLarge:
            return answers.problem(413, f"at most {addresses.largest} bytes are taken")
        except TooSlow:
            return answers.problem(408, "the body did not come in time")
        except Overloaded:
            return answers.full()
        except (SetupError, OutageError) as error:
            self._refusals.note(request.path, str(error))  # an address that exists: its secret cannot be had
            return answers.away()
        finally:
            held.release()

    async def _addresses(self) -> Addresses:
        if self._book.fresh and self._book.latest is not None:
            return self._book.latest
        return await asyncio.to_thread(self._book.current)

    async def _proven(self, address: Address | None, request: Request, later: str) -> Answer:
        """Before the sender has proved who it is, everything takes the same way."""
        if address is None:
            hmac.digest(self._decoy, request.body, "sha256")  # as long as it takes elsewhere
            self._refusals.note("(any other)", "no route has this path")
            return UNPROVEN
        options = address.options
        if (back := await echo(options, request, self._secrets)) is not None:
            return answers.text(back)
        if request.method != "POST":
            self._refusals.note(options.path, f"{request.method[:20]!r} is not POST")
            return UNPROVEN
        if address.proof is not None and (why := await self._check(address.proof, request)) is not None:
            self._refusals.note(options.path, why)
            return UNPROVEN
        if len(request.body) > options.max_size:
            return answers.problem(413, f"at most {options.max_size} bytes are taken")
        return await self._taken(address, request, later)

    async def _check(self, proof: Proof, request: Request) -> str | None:
        known = await self._secrets.get(proof.secret)
        if len(request.body) > SMALL:
            return await asyncio.to_thread(check, proof, request, known, self._now())
        return check(proof, request, known, self._now())

    async def _taken(self, address: Address, request: Request, later: str) -> Answer:
        options = address.options
        try:
            large = len(request.body) > SMALL or "content-encoding" in request.headers
            names = await asyncio.to_thread(names_of, address, request) if large else names_of(address, request)
            if (question := await answer_to_question(options, names["body"], self._secrets)) is not None:
                return Answer(200, question)
            event = event_of(address, request, names)
        except UnknownContent as error:
            return answers.problem(415, str(error))
        except TooLarge:
            return answers.problem(413, f"at most {options.max_size} bytes are taken, unpacked")
        except ContentError as error:
            return answers.problem(400, str(error))
        wait = wanted_wait(request) if options.wait else 0.0
        return await self._intake.take(event.event_id, event.parts, source="webhook", wait=wait, later=later)
