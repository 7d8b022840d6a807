"""A route that listens: an asset of its own, and the trigger in Airflow's triggerer that fills the route's inbox.

The inbox is the truth. An asset event only says that something waits there, so that it does no harm that Airflow joins,
delays and strands them. The trigger has all it needs in its arguments: a changed definition is another trigger, and the
routes folder need not be where the triggerer is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetWatcher
from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from pydantic import TypeAdapter

from airflow_integrations.airflow.triggers.debounce import Ringer
from airflow_integrations.airflow.triggers.listen_asset import asset_uri
from airflow_integrations.config.types import duration_text
from airflow_integrations.errors import IntegrationError
from airflow_integrations.route.stage import ListenStage, Stage

if TYPE_CHECKING:
    from airflow_integrations.ledger.ledger import Ledger
    from airflow_integrations.listen.receiver import Receiver
    from airflow_integrations.route.definition import Route

__all__ = ["ListenTrigger", "listening_asset"]

log = logging.getLogger("airflow_integrations")

LEDGER_SECONDS = 10.0
"""Between two tries to open a ledger that cannot be opened."""

_stage: TypeAdapter[Stage] = TypeAdapter(ListenStage)


def listening_asset(route: Route) -> Asset:
    """Its events make the route run. While a DAG that waits for it is switched on, a triggerer runs its watcher."""
    assert route.trigger is not None
    assert route.trigger.listen is not None  # whoever asks has looked
    debounce = route.trigger.debounce
    trigger = ListenTrigger(
        route=route.route,
        listen=_stage.dump_python(route.trigger.listen, mode="json"),
        params=dict(route.params),
        debounce=None if debounce is None else duration_text(debounce),
    )
    return Asset(
        name=f"listen/{route.route}",
        uri=asset_uri(route),
        group="integrations",
        watchers=[AssetWatcher(name=f"listen/{route.route}", trigger=trigger)],
    )


class ListenTrigger(BaseEventTrigger):
    """Runs for ever. What comes is written to the inbox and acknowledged; then the bell rings, once for all that wait.

    :param route: The route's name.
    :param listen: Its ``trigger.listen``, as a route file has it. Holds names of Connections, no secrets.
    :param params: The route's params with their defaults, for its expressions.
    :param debounce: Its ``trigger.debounce``.
    """

    def __init__(
        self, *, route: str, listen: Mapping[str, Any], params: Mapping[str, Any], debounce: str | None = None
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.route = route
        self.listen = dict(listen)
        self.params = dict(params)
        self.debounce = debounce

    def serialize(self) -> tuple[str, dict[str, Any]]:
        arguments = {"route": self.route, "listen": self.listen, "params": self.params, "debounce": self.debounce}
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        from airflow_integrations.airflow.config.shared_ledger import shared_ledger
        from airflow_integrations.ledger.inbox.consumers import consumed

        ledger = await self._ledger()
        try:
            served = partial(consumed, ledger)
            ringer = Ringer(ledger.inbox, self.route, self.debounce, now=time.time, served=served)
            receiving = asyncio.create_task(self._receiver(ledger, ringer).run())
            try:
                while not receiving.done():
                    if (waiting := await ringer.wait()) is not None:
                        yield TriggerEvent({"events": waiting.events, "first": waiting.first})  # type: ignore[no-untyped-call]
                receiving.result()  # it has no other end than an error
            finally:
                receiving.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await receiving
        finally:
            await asyncio.to_thread(shared_ledger.release)

    async def _ledger(self) -> Ledger:
        from airflow_integrations.airflow.config.shared_ledger import shared_ledger

        while True:
            try:
                return await asyncio.to_thread(shared_ledger.acquire)
            except IntegrationError as error:
                log.warning("%s: nothing is listened to without the ledger: %s", self.route, error)
            await asyncio.sleep(LEDGER_SECONDS)

    def _receiver(self, ledger: Ledger, ringer: Ringer) -> Receiver:
        from airflow_integrations.airflow.config.connections import AirflowConnections
        from airflow_integrations.listen.context import InboxSurroundings
        from airflow_integrations.listen.message_reader import Reader
        from airflow_integrations.listen.receiver import Receiver

        stage = _stage.validate_python(self.listen)
        inbox = ledger.inbox
        return Receiver(
            stage.component()(stage.config, self.route),
            Reader(stage.config, route=self.route, source=stage.kind, params=self.params),
            inbox,
            InboxSurroundings(AirflowConnections(), inbox, self.route, self.params),
            name=self.route,
            on_new=ringer.look,
        )
