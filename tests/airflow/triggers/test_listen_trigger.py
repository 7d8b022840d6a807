"""The asset of a route that listens, its trigger, its bell, and what its runs take."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, Asset
from airflow.serialization.serialized_objects import DagSerialization

from airflow_integrations.airflow import build_dag, build_events_dag
from airflow_integrations.airflow.config.connections import AirflowConnections
from airflow_integrations.airflow.config.ledger import open_ledger
from airflow_integrations.airflow.config.shared_ledger import SharedLedger
from airflow_integrations.airflow.triggers.debounce import AGAIN_SECONDS, Ringer
from airflow_integrations.airflow.triggers.listen_asset import started_by_listener
from airflow_integrations.airflow.triggers.listen_trigger import ListenTrigger, listening_asset
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.inbox.inbox import Inbox, Waiting

RABBITMQ = {"rabbitmq": {"connection": "shop_queue", "queue": "orders", "event_id": "body.id"}}
LISTEN = {"listen": RABBITMQ}


def test_the_dag_waits_for_the_asset(make_route: Callable[..., Any]) -> None:
    def encoded(dag: DAG) -> str:
        return json.dumps(DagSerialization.to_dict(dag))

    alone: dict[str, Any] = {"incoming": {"none": {}}}
    heard = encoded(build_dag(make_route(trigger=LISTEN, **alone)))
    assert "integrations://listen/orders" in heard
    assert "ListenTrigger" in heard
    swept = build_dag(make_route(trigger={**LISTEN, "sweep": "0 * * * *"}, **alone))
    assert type(swept.timetable).__name__ == "AssetOrTimeSchedule"
    assert "integrations://listen" not in encoded(build_dag(make_route()))
    fetches = make_route(trigger=LISTEN, schedule={"every": "1h"})
    assert "ListenTrigger" not in encoded(build_dag(fetches))
    assert "ListenTrigger" in encoded(build_events_dag(fetches))


def test_the_trigger_is_made_again_from_its_arguments(make_route: Callable[..., Any]) -> None:
    route = make_route(trigger={**LISTEN, "debounce": "2s"}, params={"region": "EU"})
    (watcher,) = listening_asset(route).watchers
    classpath, arguments = watcher.trigger.serialize()
    assert classpath == "airflow_integrations.airflow.triggers.listen_trigger.ListenTrigger"
    assert json.loads(json.dumps(arguments)) == arguments
    assert arguments["listen"] == RABBITMQ
    assert ListenTrigger(**arguments).serialize() == (classpath, arguments)


def test_another_definition_is_another_trigger(make_route: Callable[..., Any]) -> None:
    def hashed(**trigger: Any) -> int:
        classpath, arguments = listening_asset(make_route(trigger=trigger)).watchers[0].trigger.serialize()
        return ListenTrigger.hash(classpath, arguments)

    other = {"rabbitmq": {**RABBITMQ["rabbitmq"], "queue": "others"}}
    assert hashed(listen=RABBITMQ) == hashed(listen=RABBITMQ)
    assert hashed(listen=RABBITMQ) != hashed(listen=other)


def ran_by(*uris: str) -> Any:
    return {"triggering_asset_events": {Asset(name=uri, uri=uri): [SimpleNamespace()] for uri in uris}}


def test_a_run_that_its_listener_rang_for_takes_the_inbox_alone(make_route: Callable[..., Any]) -> None:
    route, own = make_route(trigger=LISTEN), "integrations://listen/orders"
    assert started_by_listener(ran_by(own), route)
    assert not started_by_listener(ran_by(own, "integrations://categories"), route)
    assert not started_by_listener(ran_by("integrations://listen/others"), route)
    assert not started_by_listener(ran_by(), route)
    assert not started_by_listener({"triggering_asset_events": None}, route)
    assert not started_by_listener(ran_by(own), make_route())


class Scripted:
    """An inbox in which waits what the test says."""

    def __init__(self) -> None:
        self.found: Waiting | None = None
        self.away = False

    def waiting(self, now: float, routes: Any = None, *, reachable: bool = False) -> list[Waiting]:
        if self.away:
            raise OutageError("the ledger is away")
        return [self.found] if self.found else []


def waits(first: int, oldest: float = 0.0, newest: float = 0.0) -> Waiting:
    return Waiting("orders", first, 1, oldest, newest)


@pytest.fixture
def scene() -> Any:
    inbox, clock = Scripted(), SimpleNamespace(now=1000.0)

    def ringer(debounce: str | None = None, served: Any = ()) -> Ringer:
        return Ringer(inbox, "orders", debounce, now=lambda: clock.now, served=lambda now: served)  # type: ignore[arg-type]

    return SimpleNamespace(inbox=inbox, clock=clock, ringer=ringer)


async def rings(ringer: Ringer) -> bool:
    ringer.look()
    return await ringer.wait() is not None


async def test_one_ring_while_the_first_that_waits_is_the_same(scene: Any) -> None:
    ringer = scene.ringer()
    assert not await rings(ringer)
    scene.inbox.found = waits(7)
    assert [await rings(ringer) for _ in range(3)] == [True, False, False]
    scene.inbox.found = waits(9)
    assert [await rings(ringer) for _ in range(3)] == [True, False, False]
    scene.inbox.found = waits(7)  # a run that died gave them back
    assert await rings(ringer)


async def test_a_ring_that_no_run_followed_is_repeated(scene: Any) -> None:
    ringer = scene.ringer()
    scene.inbox.found = waits(7)
    assert await rings(ringer)
    scene.clock.now += AGAIN_SECONDS - 1
    assert not await rings(ringer)
    scene.clock.now += 1
    assert await rings(ringer)


async def test_the_same_first_rings_again_after_it_was_taken(scene: Any) -> None:
    ringer = scene.ringer()
    scene.inbox.found = waits(7)
    assert await rings(ringer)
    scene.inbox.found = None
    assert not await rings(ringer)
    scene.inbox.found = waits(7)
    assert await rings(ringer)


async def test_a_burst_rings_when_it_is_over_or_lasts_too_long(scene: Any) -> None:
    ringer = scene.ringer("0.2s")
    scene.inbox.found = waits(7, oldest=1000.0, newest=1000.0)
    assert not await rings(ringer)  # and slept until it may be over
    scene.clock.now = 1000.3
    assert await ringer.wait() is not None
    scene.inbox.found = waits(8, oldest=1000.3, newest=1002.2)
    scene.clock.now = 1002.29
    assert not await rings(ringer)
    scene.clock.now = 1002.31  # ten times as long, and still no end
    assert await ringer.wait() is not None


async def test_a_route_with_a_consumer_is_not_rung_for(scene: Any) -> None:
    served = {"orders"}
    ringer = scene.ringer(served=served)
    scene.inbox.found = waits(1)
    assert not await rings(ringer)
    served.clear()
    assert await rings(ringer)


async def test_a_ledger_that_is_away_is_asked_again(scene: Any) -> None:
    ringer = scene.ringer()
    scene.inbox.away = True
    assert not await rings(ringer)
    scene.inbox.away, scene.inbox.found = False, waits(1)
    assert await rings(ringer)


def test_a_connection_of_any_type_is_a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        "conn_type": "amqp",
        "host": "mq",
        "port": 5671,
        "login": "shop",
        "password": "s3cret-word",
        "schema": "/prod",
        "extra": {"tls": True},
    }
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_QUEUE", json.dumps(told))
    found = AirflowConnections().broker("shop_queue")
    assert (found.kind, found.address(1), found.login, found.password) == ("amqp", ("mq", 5671), "shop", "s3cret-word")
    assert (found.schema, found.extra) == ("/prod", {"tls": True})
    assert found.tls() is not None
    assert "s3cret-word" not in repr(found)
    with pytest.raises(SetupError, match="airflow connections add nowhere"):
        AirflowConnections().broker("nowhere")


def test_the_ledger_is_shared_and_closed_by_the_last() -> None:
    shared = SharedLedger()
    first, second = shared.acquire(), shared.acquire()
    assert first is second
    shared.release()
    first.inbox.put([NewEvent(route="orders", event_id="1", body=b"[]", source="files")], 1.0)
    shared.release()
    assert shared.acquire() is not first
    shared.release()


async def test_the_trigger_rings_for_what_comes(tmp_path: Path, make_route: Callable[..., Any]) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    listen = {"files": {"path": f"{folder}/*.jsonl", "every": "0.1s", "stable": "0s", "then": "delete"}}
    (watcher,) = listening_asset(make_route(trigger={"listen": listen})).watchers
    _, arguments = watcher.trigger.serialize()
    running = ListenTrigger(**arguments).run()
    asking = asyncio.ensure_future(anext(running))
    await asyncio.sleep(0.5)
    (folder / "part").write_text('{"number": 1}\n')
    (folder / "part").rename(folder / "a.jsonl")
    event: Any = await asyncio.wait_for(asking, 30)
    assert event.payload["first"] == 1
    with open_ledger() as ledger:
        await asyncio.to_thread(two_wait, ledger.inbox)  # the file's piece, and its end
        await running.aclose()  # type: ignore[attr-defined]
        assert ledger.inbox.waiting(0.0)[0].events == 2


def two_wait(inbox: Inbox) -> None:
    until = time.monotonic() + 30
    while inbox.waiting(0.0)[0].events < 2 and time.monotonic() < until:
        time.sleep(0.01)
