"""While another system makes an export, the task gives its slot back, if Airflow says that tasks do so."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from airflow.sdk.exceptions import TaskDeferred
from airflow_tasks import task_of

from airflow_integrations.airflow import build_dag
from airflow_integrations.airflow.triggers.wait_until import WaitUntil

JOB = {
    "create": {"path": "/exports"},
    "id": "body.id",
    "poll": {"path": "/exports/{{ job.id }}", "every": "10m", "until": 'body.state == "done"'},
    "download": {"path": "/exports/{{ job.id }}/file"},
}


class Exports(BaseHTTPRequestHandler):
    created: ClassVar[int] = 0
    state: ClassVar[str] = "busy"

    def do_POST(self) -> None:
        Exports.created += 1
        self._answer({"id": Exports.created})

    def do_GET(self) -> None:
        self._answer([{"number": 1}] if self.path.endswith("/file") else {"state": Exports.state})

    def _answer(self, value: Any) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Exports]]:
    Exports.created, Exports.state = 0, "busy"
    server = ThreadingHTTPServer(("127.0.0.1", 0), Exports)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    connection = {"conn_type": "http", "host": f"http://127.0.0.1:{server.server_port}"}
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps(connection))
    yield Exports
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_job_that_takes_long_costs_no_slot_and_is_created_once(
    exports: type[Exports],
    make_route: Callable[..., Any],
    make_context: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    dag = build_dag(make_route(incoming={"http": {"connection": "shop", "job": JOB}}))
    fetch, context = task_of(dag, "fetch"), make_context(dag, run_after=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(TaskDeferred) as caught:
        fetch.execute(context)
    deferred = caught.value
    for _ in range(2):
        assert isinstance(deferred.trigger, WaitUntil)
        assert 590 < deferred.trigger.moment - time.time() <= 600
        with pytest.raises(TaskDeferred) as caught:
            getattr(fetch, deferred.method_name)(context, event=deferred.trigger.moment)
        deferred = caught.value
    exports.state = "done"
    result = getattr(fetch, deferred.method_name)(context, event=deferred.trigger.moment)
    assert result["entities"] == 1
    assert exports.created == 1


def test_the_trigger_survives_its_way_to_the_triggerer_and_fires_at_its_moment() -> None:
    name, arguments = WaitUntil(time.time() - 5).serialize()
    assert name == "airflow_integrations.airflow.triggers.wait_until.WaitUntil"
    trigger = WaitUntil(**arguments)

    async def fired() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    assert asyncio.run(asyncio.wait_for(fired(), 5)) == [trigger.moment]
