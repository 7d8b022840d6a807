"""Routes that listen, in a real Airflow on SQLite: from RabbitMQ, or a folder, to the target."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import aio_pika
import psutil
import pytest
from e2e_scene import DAGS, Airflow, Systems

from airflow_integrations.demo.components import Components

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("listening")]

RABBITMQ = os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672/")
ROUTE = """
paused: false
entity: {{name: order, key: order.number}}
{more}
transform:
  - map: {{Number: order.number}}
outgoing:
  http: {{connection: systems, method: PUT, path: "/{name}/sales/{{{{ order.Number }}}}"}}
tasks: {{retries: 3, retry_delay: 1s, timeout: 2m}}
"""
INCOMING = """
incoming:
  http:
    connection: systems
    path: /asks/orders
    query: {from: "{{ window.start }}", to: "{{ window.end }}"}
    records: body.orders
    pagination: {style: cursor, next: body.next, param: cursor}
"""


class Queues:
    """One queue for each route, of names of their own."""

    def __init__(self, routes: Sequence[str]) -> None:
        self.names = {route: f"test-{route}-{secrets.token_hex(6)}" for route in routes}

    def publish(self, route: str, bodies: Sequence[bytes]) -> None:
        async def send(channel: Any) -> None:
            for body in bodies:
                message = aio_pika.Message(body, message_id=secrets.token_hex(8), delivery_mode=2)
                await channel.default_exchange.publish(message, routing_key=self.names[route])

        asyncio.run(self._each(send))

    def declare(self) -> None:
        async def declare(channel: Any) -> None:
            for name in self.names.values():
                await channel.declare_queue(name, durable=True)

        asyncio.run(self._each(declare))

    def state(self, route: str) -> tuple[int, int]:
        """How many messages wait in the queue, and how many consumers it has."""
        found: list[tuple[int, int]] = []

        async def look(channel: Any) -> None:
            declared = (await channel.declare_queue(self.names[route], passive=True)).declaration_result
            found.append((declared.message_count, declared.consumer_count))

        asyncio.run(self._each(look))
        return found[0]

    def remove(self) -> None:
        async def remove(channel: Any) -> None:
            for name in self.names.values():
                await channel.queue_delete(name)

        asyncio.run(self._each(remove))

    async def _each(self, what: Callable[[Any], Any]) -> None:
        async with await aio_pika.connect(RABBITMQ) as connection:
            await what(await connection.channel())


@pytest.fixture(scope="module")
def queues() -> Iterator[Queues]:
    queues = Queues(["hears", "asks"])
    try:
        queues.declare()
    except OSError as error:
        told = f"no RabbitMQ at {RABBITMQ} (TEST_RABBITMQ_URL): {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(told)
        pytest.skip(told)
    yield queues
    queues.remove()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("in")


@pytest.fixture(scope="module")
def airflow(
    tmp_path_factory: pytest.TempPathFactory, systems: Systems, queues: Queues, folder: Path
) -> Iterator[Airflow]:
    home = tmp_path_factory.mktemp("airflow-listening")
    routes = home / "routes"
    routes.mkdir()
    listen: dict[str, Any] = {
        name: {"rabbitmq": {"connection": "shop_queue", "queue": queues.names[name]}} for name in queues.names
    }
    listen["files"] = {"files": {"path": f"{folder}/*.csv", "every": "0.5s", "stable": "1s", "then": {"move": "done"}}}
    for name, what in listen.items():
        more = f"trigger: {json.dumps({'listen': what})}\n" + (INCOMING if name == "asks" else "")
        (routes / f"{name}.yaml").write_text(ROUTE.format(name=name, more=more))
    settings = {
        "AIRFLOW_CONN_SYSTEMS": json.dumps({"conn_type": "http", "host": systems.url}),
        "AIRFLOW__INTEGRATIONS__ROUTES": str(routes),
        "AIRFLOW__INTEGRATIONS__STAGING": str(home / "staging"),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",  # also how soon a paused route is no longer heard
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.25",
    }
    with Components(home, settings, dags=DAGS, pools=False) as components:
        airflow = Airflow(components)
        at = aio_pika.connection.make_url(RABBITMQ)
        # In Airflow's database: the triggerer reads it as a task would, through Airflow.
        connection = {
            "connection_id": "shop_queue",
            "conn_type": "amqp",
            "host": at.host,
            "port": at.port,
            "login": at.user,
            "password": at.password,
        }
        airflow.call("POST", "/connections", connection)
        yield airflow


def order(number: str) -> bytes:
    return json.dumps({"number": number}).encode()


def received(systems: Systems, route: str) -> list[str]:
    return list(systems.state(route)["received"])


def test_a_message_ends_at_the_target(airflow: Airflow, systems: Systems, queues: Queues) -> None:
    earlier = {run["dag_run_id"] for run in airflow.runs("hears")}  # of other tests, one of which has a bad message
    queues.publish("hears", [order("first")])
    airflow.wait("the first message", lambda: "first" in received(systems, "hears"))
    airflow.ended("hears", airflow.runs("hears")[-1]["dag_run_id"])
    queues.publish("hears", [order("second")])
    airflow.wait("the second message", lambda: "second" in received(systems, "hears"))
    runs = [run for run in airflow.runs("hears") if run["dag_run_id"] not in earlier]
    assert runs
    for run in runs:
        airflow.ended("hears", run["dag_run_id"])
    # The maintenance gives a run to what has waited for long: on a slow machine it may be first.
    assert "asset_triggered" in {run["run_type"] for run in runs} <= {"asset_triggered", "operator_triggered"}


def test_a_burst_is_a_few_runs_and_each_message_goes_out_once(
    airflow: Airflow, systems: Systems, queues: Queues
) -> None:
    numbers = [f"burst-{number}" for number in range(300)]
    before = len(airflow.runs("hears"))
    for first in range(0, 300, 50):
        queues.publish("hears", [order(number) for number in numbers[first : first + 50]])
        time.sleep(0.7)
    airflow.wait("the burst", lambda: set(numbers) <= set(received(systems, "hears")))
    got = [number for number in received(systems, "hears") if number.startswith("burst-")]
    assert sorted(got) == sorted(numbers)
    time.sleep(10)  # were there one run too many for each ring, they would come now
    assert len(airflow.runs("hears")) - before < 10


def test_a_run_that_the_listener_rang_for_asks_no_source(airflow: Airflow, systems: Systems, queues: Queues) -> None:
    queues.publish("asks", [order("told")])
    airflow.wait("the message", lambda: "told" in received(systems, "asks"))
    assert systems.state("asks")["windows"] == []
    asked = airflow.trigger("asks", {"window_start": "2026-01-01T00:00:00Z", "window_end": "2026-01-01T00:02:00Z"})
    airflow.ended("asks", asked)
    assert len(systems.state("asks")["windows"]) == 1


def test_a_message_of_no_use_is_in_the_books_of_a_run(airflow: Airflow, systems: Systems, queues: Queues) -> None:
    before = {run["dag_run_id"] for run in airflow.runs("hears")}
    queues.publish("hears", [b"no json at all", order("behind")])

    def failed() -> list[str]:  # a run may still be owed to the messages of another test
        new = [run for run in airflow.runs("hears") if run["dag_run_id"] not in before]
        return [run["dag_run_id"] for run in new if run["state"] == "failed"]

    # delivery.fail_run: a missing record is not a green run
    (run,) = airflow.wait("the run that failed", failed)
    airflow.wait("the message behind it", lambda: "behind" in received(systems, "hears"))
    assert airflow.result("hears", run, "fetch")["counts"]["rejected"] == 1
    assert "the content is not JSON" in airflow.log("hears", run, "fetch")


def test_a_file_is_at_the_target_and_moved(airflow: Airflow, systems: Systems, folder: Path) -> None:
    (folder / "orders.csv").write_text("number\n" + "".join(f"row-{number}\n" for number in range(5)))
    airflow.wait("the file's rows", lambda: len(received(systems, "files")) == 5)
    assert sorted(received(systems, "files")) == [f"row-{number}" for number in range(5)]
    airflow.wait("the file in its folder", lambda: (folder / "done" / "orders.csv").exists())


def test_a_triggerer_that_is_killed_loses_nothing(airflow: Airflow, systems: Systems, queues: Queues) -> None:
    components = airflow.components
    numbers = [f"killed-{number}" for number in range(200)]
    queues.publish("hears", [order(number) for number in numbers[:100]])
    triggerer = psutil.Process(components.processes.pids[components.processes.names.index("triggerer")])
    for process in (*triggerer.children(recursive=True), triggerer):
        process.kill()
    triggerer.wait(10)
    queues.publish("hears", [order(number) for number in numbers[100:]])
    components.processes.start("triggerer", components.airflow("triggerer"), components.env, cwd=components.home)
    airflow.wait("all of it", lambda: set(numbers) <= set(received(systems, "hears")), timeout=240)
    got = [number for number in received(systems, "hears") if number.startswith("killed-")]
    assert sorted(got) == sorted(numbers)


def test_a_paused_route_leaves_its_messages_in_the_queue(airflow: Airflow, systems: Systems, queues: Queues) -> None:
    # Airflow may still be about to start it, and does so then although the DAG is paused meanwhile.
    airflow.wait("the listener", lambda: queues.state("asks")[1] == 1)
    airflow.call("PATCH", "/dags/asks__events", {"is_paused": True})
    try:
        airflow.wait("a queue that nobody listens to", lambda: queues.state("asks")[1] == 0)
        queues.publish("asks", [order("paused")])
        time.sleep(3)
        assert queues.state("asks") == (1, 0)
    finally:
        airflow.call("PATCH", "/dags/asks__events", {"is_paused": False})
    airflow.wait("the message", lambda: "paused" in received(systems, "asks"))
