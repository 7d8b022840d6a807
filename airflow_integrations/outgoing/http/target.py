"""``outgoing: {http: …}``: entities go to an HTTP API, one in a request, many, or one in several requests."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.http.bisect import in_parts
from airflow_integrations.outgoing.http.check import mistakes
from airflow_integrations.outgoing.http.options import HttpOptions
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services

if TYPE_CHECKING:
    from airflow_integrations.outgoing.http.delete import Deleting
    from airflow_integrations.outgoing.http.recording_client import RecordingClient
    from airflow_integrations.outgoing.http.sender import Sender
    from airflow_integrations.outgoing.http.steps.runner import Steps
    from airflow_integrations.outgoing.http.wording import Wording

__all__ = ["HttpOutgoing"]

_NO_DELETE = "the source no longer has it, and {} has no delete to tell the target"


class HttpOutgoing:
    """Delivers over HTTP.

    With ``delivery.batch`` 1 a request carries one entity; above 1 it carries a list, even where only one is left.
    Deletions go by themselves, one in a request. With ``steps`` or ``choose`` an entity goes by itself.
    """

    deletes = True

    Config = HttpOptions

    _client: RecordingClient
    _log: logging.Logger
    _sender: Sender | None = None
    _steps: Steps | None = None
    _deleting: Deleting | None = None

    def __init__(self, config: HttpOptions, route: Route, wording: Wording | None = None) -> None:
        self._options = config
        self._wording = wording
        self._kind = wording.kind if wording is not None else "outgoing.http"
        self._route = route
        self._together = route.delivery.batch > 1
        self.in_steps = config.in_steps

    @classmethod
    def mistakes(cls, config: HttpOptions, route: Route) -> Iterator[tuple[tuple[int | str, ...], str]]:
        """What is wrong with the configuration in this route: places below the configuration, and messages."""
        return mistakes(config, route)

    @property
    def repeatable(self) -> bool:
        """With steps each is judged by itself, here: the engine may always send the entity again."""
        return self.in_steps or self._options.repeatable

    async def open(self, run: Run, services: Services) -> None:
        from airflow_integrations.outgoing.http.delete import Deleting
        from airflow_integrations.outgoing.http.recording_client import RecordingClient
        from airflow_integrations.outgoing.http.sender import Sender
        from airflow_integrations.outgoing.http.steps.runner import open_steps
        from airflow_integrations.outgoing.http.wording import HTTP

        options, entity, base = self._options, self._route.entity.name, services.base_names(run)
        wording = self._wording or HTTP
        self._log = services.log
        self._client = client = RecordingClient(await services.client(options.connection), now=services.now)
        if options.delete is not None:
            self._deleting = Deleting(options, base, entity, client, now=services.now, wording=wording)
        if options.in_steps:
            self._steps = await open_steps(options, self._route, base, services)
        else:
            shaped: dict[str, Any] = {"together": self._together, "wording": wording}
            self._sender = Sender(
                options, base, entity, client, services, key=self._key, route=self._route.route, **shaped
            )

    async def send(self, batch: Sequence[Outbound]) -> list[Result]:
        return await in_parts(batch, self._attempt)

    async def verify(self, outbound: Outbound) -> Result | None:
        """Whether the target has the entity: see :class:`Outgoing`. None at once where sending it again is harmless."""
        return None if outbound.deleted or self._sender is None else await self._sender.verify(outbound)

    async def close(self) -> None:
        surplus, ids_missed = 0, self._steps.ids_missed if self._steps is not None else 0
        if self._sender is not None:
            surplus, ids_missed = self._sender.judgement.surplus, self._sender.judgement.ids_missed
        if surplus:
            self._log.warning(
                "%d results in the target's answers belong to no entity that was sent; check results.match", surplus
            )
        if ids_missed:
            self._log.warning("%d delivered entities have no id: id read none in the answer", ids_missed)

    async def _attempt(self, part: Sequence[Outbound]) -> list[Result] | None:
        if part[0].deleted or self._steps is not None:
            if len(part) > 1:
                return None
            return await self._delete(part[0]) if part[0].deleted else await self._in_steps(part[0])
        assert self._sender is not None
        return await self._sender.send(part)

    async def _in_steps(self, outbound: Outbound) -> list[Result]:
        assert self._steps is not None
        return [await self._steps.deliver(outbound)]

    async def _delete(self, outbound: Outbound) -> list[Result] | None:
        from airflow_integrations.outgoing.http.sender import heard_about

        if self._deleting is None:  # left by a run of the route when it still had one
            return [Result("failed", outbound.target_id, _NO_DELETE.format(self._kind), cause="setup")]
        return await heard_about(self._client, self._deleting.attempt(outbound))

    def _key(self, part: Sequence[Outbound]) -> str:
        if not self._together:
            return part[0].idempotency_key
        # in one go and by SHA-256, which processors compute themselves: a large batch must not wait for its key;
        # neither keys nor JSON hold a NUL
        digest = hashlib.sha256("\0".join([self._route.route, *[outbound.key for outbound in part]]).encode())
        digest.update(b"\0\0" + b"\0".join([outbound.encoded for outbound in part]))
        generations = [outbound.generation for outbound in part]
        if any(generations):
            digest.update(b"\0\0" + repr(generations).encode())
        return digest.hexdigest()[:32]
