"""What takes Shopify's webhooks and delivers them to SAP: processes of the check, or a real Airflow."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Protocol, TypeVar

from airflow_integrations.demo.airflow_rest import AirflowRest, Run
from airflow_integrations.demo.components import Components
from airflow_integrations.demo.consumer_process import consumer_pid
from airflow_integrations.demo.shopify_sap.room import CUSTOMERS, ORDERS, STOCK, Room, RoomError
from airflow_integrations.ledger.ledger import Ledger

__all__ = ["DAGS", "Carrier", "InAirflow", "Workers"]

T = TypeVar("T")

DAGS = (CUSTOMERS, ORDERS, STOCK, *(f"{name}__{kind}" for name in (CUSTOMERS, ORDERS) for kind in ("events", "live")))


class Carrier(Protocol):
    """Its processes are killed with SIGKILL. All raise RoomError, ProcessDied and RestError."""

    ledger: str
    """The ledger's address."""

    def start(self, timeout: float) -> None:
        """Return when it takes webhooks, and both routes have their consumers."""

    def kill_consumer(self) -> None:
        """The one of the orders' route."""

    def bring_consumer_back(self) -> None:
        """As whoever watches over it does."""

    def kill_receiver(self) -> None:
        """The server to which webhooks go."""

    def bring_receiver_back(self) -> None: ...

    def run(self, timeout: float, *routes: str) -> None:
        """A run of each route, one after the other, as by schedule. All end well."""


class Workers:
    """The processes of :mod:`~airflow_integrations.demo.shopify_sap.worker`."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.ledger = room.ledger

    def start(self, timeout: float) -> None:
        Ledger.open(self.ledger).close()
        self.bring_receiver_back()
        for route in (CUSTOMERS, ORDERS):
            self._room.start_worker("consume", route)

    def kill_consumer(self) -> None:
        self._room.processes.kill(f"consume {ORDERS}")

    def bring_consumer_back(self) -> None:
        self._room.start_worker("consume", ORDERS)

    def kill_receiver(self) -> None:
        self._room.processes.kill(f"receive {self._room.hooks}")

    def bring_receiver_back(self) -> None:
        self._room.start_worker("receive", str(self._room.hooks))

    def run(self, timeout: float, *routes: str) -> None:
        self._room.run_routes(timeout, *routes)


class InAirflow:
    """Airflow's own processes: the API server takes webhooks, the tasks of the live DAGs deliver them.

    :param components: Started, with the scenario's routes and Connections.
    :param spares_server: The API server is not killed: its restart costs more CPU time than all the rest.
    """

    def __init__(self, room: Room, components: Components, *, spares_server: bool = False) -> None:
        self._spares_server = spares_server
        self._room, self._components = room, components
        self._patience = 60.0
        self._airflow = AirflowRest(components.url, components.user, components.password)
        self.ledger = f"sqlite:///{components.home / 'integrations' / 'ledger.db'}"

    def start(self, timeout: float) -> None:
        self._patience = timeout
        for dag in DAGS:
            self._wait(f"Airflow to load {dag}", lambda dag=dag: self._airflow.has_dag(dag), timeout)  # type: ignore[misc]
            self._wait(f"Airflow to switch {dag} on", lambda dag=dag: self._airflow.unpause(dag), timeout)  # type: ignore[misc]
        for route in (CUSTOMERS, ORDERS):
            self._wait(f"the consumer of {route}", lambda route=route: self._consumer(route), timeout)  # type: ignore[misc]

    def kill_consumer(self) -> None:
        os.kill(self._wait("a consumer to kill", lambda: self._consumer(ORDERS), self._patience), signal.SIGKILL)

    def bring_consumer_back(self) -> None:
        """Airflow's retry of the task does it; the server that the task asks must not be killed before."""
        self._wait("Airflow to start the consumer again", lambda: self._consumer(ORDERS), self._patience)

    def kill_receiver(self) -> None:
        if not self._spares_server:
            self._components.processes.kill("api-server")

    def bring_receiver_back(self) -> None:
        if not self._spares_server:
            self._components.restart("api-server")

    def run(self, timeout: float, *routes: str) -> None:
        for route in routes:
            asked = self._wait(f"Airflow to take a run of {route}", lambda route=route: self._trigger(route), timeout)  # type: ignore[misc]
            ended = self._wait(f"the run of {route}", lambda asked=asked: self._ended(asked), timeout)  # type: ignore[misc]
            if ended.state != "success":
                raise RoomError("\n".join(self._airflow.story(ended)))

    def _consumer(self, route: str) -> int | None:
        return consumer_pid(self.ledger, route)

    def _trigger(self, route: str) -> Run:
        return self._airflow.trigger(route)

    def _ended(self, asked: Run) -> Run | None:
        found = [run for run in self._airflow.runs(asked.dag_id) if run.run_id == asked.run_id and run.ended]
        return found[0] if found else None

    def _wait(self, what: str, probe: Callable[[], T | None], timeout: float) -> T:
        def checked() -> T | None:
            self._components.check()
            return probe()

        found: T = self._room.wait(what, checked, timeout)
        return found
