"""Routes that listen to RabbitMQ, in a real Airflow on PostgreSQL. One that listens to a folder is in
test_airflow_e2e.py, on SQLite."""

from __future__ import annotations

import json
import time

import psutil
import pytest
from e2e_queues import RABBITMQ, Queues
from e2e_scene import MAINTENANCE, Airflow, Systems, missing

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("postgres")]


@pytest.fixture
def airflow(airflow_on_postgres: Airflow, queues: Queues) -> Airflow:
    if not queues.declared:
        missing(f"no RabbitMQ at {RABBITMQ} (TEST_RABBITMQ_URL)")
    return airflow_on_postgres


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
    for _ in range(2):  # were there one run too many for each ring, the scheduler would have made it by then
        airflow.ended(MAINTENANCE, airflow.trigger(MAINTENANCE))
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
    airflow.read_again("asks")
    try:
        airflow.wait("a queue that nobody listens to", lambda: queues.state("asks")[1] == 0)
        queues.publish("asks", [order("paused")])
        time.sleep(3)
        assert queues.state("asks") == (1, 0)
    finally:
        airflow.call("PATCH", "/dags/asks__events", {"is_paused": False})
        airflow.read_again("asks")
    airflow.wait("the message", lambda: "paused" in received(systems, "asks"))
