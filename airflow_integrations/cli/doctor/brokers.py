"""Do the brokers and mail servers that routes send to let us in, and is what the routes name there?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from airflow_integrations.cli.doctor.installation import Check
from airflow_integrations.errors import IntegrationError, SetupError
from airflow_integrations.queues.broker import broker_of
from airflow_integrations.route_files.load import LoadedRoute
from airflow_integrations.run import Services
from airflow_integrations.simulate.trial import quiet_log

if TYPE_CHECKING:
    from airflow_integrations.run import Connections

__all__ = ["check_broker"]


async def check_broker(name: str, users: list[LoadedRoute], used: str, known: Connections, offline: bool) -> Check:
    """One Connection, by what each route that sends to it looks for. Nothing is sent."""
    what = f"Connection {name}"
    try:
        await asyncio.to_thread(broker_of, name, known)
        if offline:
            return Check("not checked", what, "it is there; it was not connected to", "it is there")
        async with Services(known, log=quiet_log()) as services:
            for loaded in users:
                stage = loaded.route.outgoing
                component: Any = stage.component()
                for _, text in await component.check_online(stage.config, loaded.route, services):
                    return Check("failed", what, f"{text}{used}", "what a route names is not there")
    except SetupError as error:
        return Check("failed", what, f"{error}{used}", "missing or not usable")
    except IntegrationError as error:
        return Check("failed", what, f"{error}{used}", "no usable answer")
    kind = users[0].route.outgoing.kind
    return Check("ok", what, f"connected by {kind}: it lets us in, and what the routes name is there", f"{kind}: ok")
