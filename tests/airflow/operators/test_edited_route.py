"""A route is edited between two tasks of a run: the run goes on with what it began with, from end to end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, DownstreamTasksSkipped
from airflow_tasks import task_of

from airflow_integrations.airflow import build_dag
from airflow_integrations.airflow.config.ledger import open_ledger
from airflow_integrations.engine import begun_definition
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.queries.overview import runs
from airflow_integrations.route_files.load import read_route
from airflow_integrations.transform.map import Map

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
STAGES = ["fetch", "transform", "push", "settle"]
ORDERS = b"""{"orders": [
  {"number": 1, "country": "ES", "total": 123456789012345678.90, "updated": 1},
  {"number": 2, "country": "FR", "total": 0.10, "updated": 2},
  {"number": 3, "country": "ES", "total": -1, "updated": 3}
]}"""
ROUTE = """
tasks: {together: 0}
entity: {name: order, key: order.number, version: order.updated}
params: {share: 0.10}
incoming: {http: {connection: world, path: /orders, records: body.orders}}
transform:
  - lookup: {name: tax, file: lookups/tax.csv, where: {country: order.country}}
  - validate: schemas/order.json
  - map:
      number: order.number
      part: order.total * params.share
      fixed: {const: 0.10}
      big: {const: 123456789012345678901234567890}
      code: tax.code
outgoing:
  http: {connection: world, method: PUT, path: "/in/{{ entity.number }}"}
"""
ROUTE = ROUTE.replace("{{ entity", "{{ order")
FILES: dict[str, str | None] = {
    "orders.yaml": ROUTE,
    "lookups/tax.csv": "country,code\nES,S1\nFR,S2\n",
    "schemas/order.json": '{"properties": {"total": {"$ref": "parts/total.json"}}}',
    "schemas/parts/total.json": '{"minimum": 0}',
}
EDITS: dict[str, dict[str, str | None]] = {
    "a number becomes text": {"orders.yaml": ROUTE.replace("{const: 0.10}", '{const: "0.10"}')},
    "the default of a param": {"orders.yaml": ROUTE.replace("{share: 0.10}", "{share: 0.50}")},
    "a param of another kind": {
        "orders.yaml": ROUTE.replace("{share: 0.10}", "{share: none, more: 1}").replace(" * params.share", "")
    },
    "the mapping": {"orders.yaml": ROUTE.replace("code: tax.code", "tax: tax.code")},
    "the table": {"lookups/tax.csv": "country,code\nES,X1\n"},
    "a schema that a schema names": {"schemas/parts/total.json": '{"minimum": -5}'},
    "where it goes": {"orders.yaml": ROUTE.replace("/in/", "/elsewhere/")},
    "how it goes": {"orders.yaml": ROUTE.replace("method: PUT", "method: POST")},
    "the key": {"orders.yaml": ROUTE.replace("key: order.number", "key: order.country")},
    "the entity's name": {"orders.yaml": ROUTE.replace(" order.", " sale.").replace("name: order", "name: sale")},
    "the batch": {"orders.yaml": ROUTE.replace("/{{ order.number }}", "") + "delivery: {batch: 2, resend: always}\n"},
    "all is filtered": {"orders.yaml": ROUTE.replace("transform:\n", "transform:\n  - filter: order.number > 9\n")},
    "no transform and no file any more": {
        "orders.yaml": ROUTE[: ROUTE.index("transform:")] + ROUTE[ROUTE.index("outgoing:") :],
        "lookups/tax.csv": None,
        "schemas/parts/total.json": None,
        "schemas/order.json": None,
    },
}  # fmt: skip


class World:
    """A source and a target, and the tasks of a route between them."""

    def __init__(self, root: Path, make_context: Callable[..., Any]) -> None:
        self.root = root
        self.make_context = make_context
        self.sent: list[tuple[str, str, bytes]] = []
        self.status = 200
        world = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.answer(200, ORDERS)

            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                world.sent.append((self.command, self.path, body))
                self.answer(world.status, b"{}")

            do_POST = do_PUT

            def answer(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def write(self, files: Mapping[str, str | None]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            if text is not None:
                path.write_text(text)

    def task(self, stage: str, run_id: str = "manual__1", conf: Any = None) -> Any:
        """As a task's process does it: the route is read, and the task works by it."""
        dag = build_dag(read_route(self.root, "orders").route)
        context = self.make_context(dag, run_after=NOW, run_id=run_id, params=dag.params.dump(), conf=conf)
        return task_of(dag, stage).execute(context)

    def books(self, run_id: str = "manual__1") -> dict[str, int]:
        with open_ledger() as ledger:
            counts = next(each.counts for each in runs(ledger, "orders").runs if each.run_id == run_id)
        return {name: count for name, count in counts.items() if not name.startswith("step.")}

    def remedy(self, sent: list[str]) -> None:
        """Clear fetch, with Downstream. Each entity is sent once, by the new definition, and the books balance."""
        for stage in STAGES:
            self.task(stage)
        assert [path for _, path, _ in self.take_sent()] == sent
        books = self.books()
        came = books.pop("fetched") + books.pop("carried_in", 0)
        assert (books["delivered"], sum(books.values())) == (len(sent), came)

    def take_sent(self) -> list[tuple[str, str, bytes]]:
        sent, self.sent = sorted(self.sent), []
        return sent


@pytest.fixture
def world(tmp_path: Path, make_context: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World(tmp_path / "routes", make_context)
    world.write(FILES)
    host, port = world.server.server_address[:2]
    monkeypatch.setenv(
        "AIRFLOW_CONN_WORLD", json.dumps({"conn_type": "http", "host": host, "port": port, "schema": "http"})
    )
    serving = threading.Thread(target=world.server.serve_forever, args=(0.05,))
    serving.start()
    yield world
    world.server.shutdown()
    serving.join()
    world.server.server_close()


PART = b"12345678901234567.8900"
BIG = b"123456789012345678901234567890"
EXPECTED = [
    ("PUT", "/in/1", b'{"number":1,"part":' + PART + b',"fixed":0.10,"big":' + BIG + b',"code":"S1"}'),
    ("PUT", "/in/2", b'{"number":2,"part":0.0100,"fixed":0.10,"big":' + BIG + b',"code":"S2"}'),
]
BOOKS = {"fetched": 3, "rejected": 1, "delivered": 2}


def test_without_an_edit(world: World) -> None:
    for stage in STAGES[:-1]:
        world.task(stage)
    with pytest.raises(AirflowFailException, match="1 rejected of 3"):
        world.task("settle")
    assert (world.take_sent(), world.books()) == (EXPECTED, BOOKS)


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("after", STAGES[:-1])
def test_a_run_goes_on_with_what_it_began_with(
    world: World, edit: str, after: str, caplog: pytest.LogCaptureFixture
) -> None:
    for stage in STAGES[:-1]:
        world.task(stage)
        if stage == after:
            world.write(EDITS[edit])
    with pytest.raises(AirflowFailException, match="1 rejected of 3"):
        world.task("settle")
    assert (world.take_sent(), world.books()) == (EXPECTED, BOOKS)
    assert "the run goes on with the definition that it began with" in caplog.text


@pytest.mark.parametrize("edits", [list(EDITS)[:3], list(EDITS)[3:6], list(EDITS)[7:10]])
def test_edit_upon_edit(world: World, edits: list[str]) -> None:
    for stage, edit in zip(STAGES, edits, strict=False):
        world.task(stage)
        world.write(FILES | EDITS[edit])
    with pytest.raises(AirflowFailException, match="1 rejected of 3"):
        world.task("settle")
    assert (world.take_sent(), world.books()) == (EXPECTED, BOOKS)


def test_the_next_run_uses_the_new_one(world: World) -> None:
    world.task("fetch")
    world.write(EDITS["a schema that a schema names"] | EDITS["where it goes"])
    for stage in STAGES:
        world.task(stage, "manual__2")
    assert [path for _, path, _ in world.take_sent()] == ["/elsewhere/1", "/elsewhere/2", "/elsewhere/3"]


def test_who_clears_fetch_gets_the_new_one(world: World) -> None:
    world.task("fetch")
    world.task("transform")
    world.write(EDITS["where it goes"] | EDITS["a schema that a schema names"])
    world.remedy(["/elsewhere/1", "/elsewhere/2", "/elsewhere/3"])


def test_a_push_that_broke_off_goes_on_as_it_began(world: World) -> None:
    """An edit in between: what was not sent is sent by the definition of what was."""
    world.task("fetch")
    world.task("transform")
    world.status = 401
    with pytest.raises(AirflowFailException, match="401"):
        world.task("push")
    assert {path for _, path, _ in world.take_sent()} <= {"/in/1", "/in/2"}
    world.write(EDITS["where it goes"])
    world.status = 200
    world.task("push")
    with pytest.raises(AirflowFailException, match="1 rejected of 3"):
        world.task("settle")
    assert (world.take_sent(), world.books()) == (EXPECTED, BOOKS)


def test_mask_and_verdict_are_those_of_now(world: World, tmp_path: Path) -> None:
    world.task("fetch")
    edited = EDITS["where it goes"]["orders.yaml"]
    world.write({"orders.yaml": f"mask: [order.total]\ndelivery: {{fail_run: never}}\n{edited}"})
    for stage in STAGES[1:]:
        world.task(stage)
    assert (world.take_sent(), world.books()) == (EXPECTED, BOOKS)


@pytest.mark.parametrize("how", ["gone", "damaged", "not taken any more"])
@pytest.mark.parametrize("after", ["fetch", "transform"])
def test_where_it_cannot_be_had_the_remedy_works(
    world: World,
    tmp_path: Path,
    how: str,
    after: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = tmp_path / "staging/orders/manual__1/definition.zst"
    world.task("fetch")
    if after == "transform":
        world.task("transform")
    if how == "gone":
        kept.unlink()
    elif how == "damaged":
        kept.write_bytes(kept.read_bytes()[:-7])
    else:
        monkeypatch.setattr(Map, "mistakes", classmethod(lambda cls, config, route: iter([((), "a new rule")])))
    world.write(EDITS["no transform and no file any more"])
    with pytest.raises(AirflowFailException, match="clear the task fetch of this run, with Downstream"):
        world.task("push" if after == "transform" else "transform")
    with pytest.raises(AirflowFailException, match="was not finished"):
        world.task("settle")
    assert "what it began with cannot be had" in caplog.text
    assert world.take_sent() == []
    world.remedy(["/in/1", "/in/2", "/in/3"])


def test_a_file_that_is_written_while_fetch_reads_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept is not what the run began with, and is not used."""
    packed = vars(begun_definition)["pack"]

    def late(*given: Any) -> bytes:
        world.write({"lookups/tax.csv": "country,code\nES,Z1\n"})
        return packed(*given)

    with monkeypatch.context() as patched:
        patched.setattr(begun_definition, "pack", late)
        world.task("fetch")
    with pytest.raises(AirflowFailException, match="clear the task fetch of this run, with Downstream"):
        world.task("transform")
    world.write(FILES | EDITS["where it goes"] | EDITS["a schema that a schema names"])
    world.remedy(["/elsewhere/1", "/elsewhere/2", "/elsewhere/3"])


def test_what_one_task_left_to_those_behind_it(world: World) -> None:
    """A run that was rung for goes all the way in fetch's task, or as far as it comes."""
    rung = ROUTE.replace("incoming:", "trigger: {}\nincoming:").replace("tasks: {together: 0}\n", "")
    world.write({"orders.yaml": rung})
    with open_ledger() as ledger:
        body = b'[{"number": 2, "country": "FR", "total": 0.10, "updated": 2}]'
        ledger.inbox.put([NewEvent(route="orders", event_id="e-1", body=body, source="webhook")], time.time())
    world.status = 401
    with pytest.raises(DownstreamTasksSkipped) as caught:
        world.task("fetch", conf={"events": True})
    assert caught.value.tasks == ["transform"]
    assert [path for _, path, _ in world.take_sent()] == ["/in/2"]
    world.write({"orders.yaml": rung.replace("/in/", "/elsewhere/")})
    world.status = 200
    world.task("push", conf={"events": True})
    world.task("settle", conf={"events": True})
    assert world.take_sent() == EXPECTED[1:]
    assert world.books() == {"fetched": 1, "delivered": 1}
