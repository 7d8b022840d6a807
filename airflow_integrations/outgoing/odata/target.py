"""``outgoing: {odata: …}``: entities go to an OData service, one by one or many in a ``$batch``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_integrations.config.model import Model
from airflow_integrations.errors import IntegrationError
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.http.bisect import in_parts
from airflow_integrations.outgoing.http.options import HttpOptions
from airflow_integrations.outgoing.http.target import HttpOutgoing
from airflow_integrations.outgoing.odata.options import ODataOptions, option_mistakes
from airflow_integrations.outgoing.odata.requests import as_http, writes_once
from airflow_integrations.outgoing.odata.wording import wording_of
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services

if TYPE_CHECKING:
    from airflow_integrations.odata.online import Placed
    from airflow_integrations.outgoing.http.recording_client import RecordingClient
    from airflow_integrations.outgoing.odata.batches import Batches

__all__ = ["ODataOutgoing"]


class ODataOutgoing:
    """Delivers to an OData service. What goes one by one, and deletions, are sent by the kind ``http``."""

    deletes = True

    Config: ClassVar[type[Model]] = ODataOptions

    _batches: Batches | None = None
    _client: RecordingClient

    def __init__(self, config: ODataOptions, route: Route) -> None:
        self._options = config
        self._route = route
        self._single = self.described(config, route)
        self._http = HttpOutgoing(self._single, _one_by_one(route), wording_of(config))

    @staticmethod
    def described(config: ODataOptions, route: Route) -> HttpOptions:
        """The requests for single entities, as options of the kind ``http``."""
        return as_http(config, route.entity.name)

    @classmethod
    def mistakes(cls, config: ODataOptions, route: Route) -> Iterator[tuple[tuple[int | str, ...], str]]:
        """What is wrong with the options in this route: places below them, and messages."""
        return option_mistakes(config, route)

    @staticmethod
    async def check_online(config: ODataOptions, route: Route, services: Services) -> list[Placed]:
        """What is wrong with names and types by the service's own model."""
        from airflow_integrations.odata.online import service_model
        from airflow_integrations.outgoing.odata.online import wrong_by

        model = await service_model(await services.client(config.connection))
        return [((), model)] if isinstance(model, str) else list(wrong_by(model, config))

    @staticmethod
    def agrees(config: ODataOptions, path: str, content: bytes) -> dict[str, Any] | None:
        """What a service answers that takes everything, for previews and tests: a batch has an answer for each part."""
        if path != config.batch.path:
            return None
        from airflow_integrations.odata import json_batch, multipart

        module = json_batch if config.batch.format == "json" else multipart
        text, content_type = module.agreed(content)
        return {"text": text, "headers": {"Content-Type": content_type}}

    @property
    def repeatable(self) -> bool:
        return writes_once(self._options) or self._options.retry_unsafe

    async def open(self, run: Run, services: Services) -> None:
        await self._http.open(run, services)
        if self._route.delivery.batch == 1:
            return
        from airflow_integrations.outgoing.http.recording_client import RecordingClient
        from airflow_integrations.outgoing.odata.batches import Batches

        self._client = RecordingClient(await services.client(self._options.connection), now=services.now)
        self._batches = Batches(
            self._single,
            self._options.batch,
            services.base_names(run),
            self._route.entity.name,
            self._client,
            services,
            repeatable=self.repeatable,
            version=self._options.version,
        )

    async def send(self, batch: Sequence[Outbound]) -> list[Result]:
        if self._batches is None:
            return await self._http.send(batch)
        return await in_parts(batch, self._together)

    async def verify(self, outbound: Outbound) -> Result | None:
        """Whether the service has it: see :class:`Outgoing`. None at once where sending it again is harmless."""
        return await self._http.verify(outbound)

    async def close(self) -> None:
        await self._http.close()

    async def _together(self, part: Sequence[Outbound]) -> list[Result] | None:
        assert self._batches is not None
        if part[0].deleted:
            return None if len(part) > 1 else await self._http.send(part)
        self._client.forget()
        try:
            results = await self._batches.send(part)
        except IntegrationError as error:
            error.exchange = self._client.exchange()
            raise
        if results is None:
            return None
        exchange = self._client.exchange()
        wrong = ("failed", "in_doubt", "pending")
        return [
            replace(result, exchange=result.exchange or exchange)
            if result.status in wrong and result.cause != "unwritable"
            else result
            for result in results
        ]


def _one_by_one(route: Route) -> Route:
    if route.delivery.batch == 1:
        return route
    return route.model_copy(update={"delivery": route.delivery.model_copy(update={"batch": 1})})
