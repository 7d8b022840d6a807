"""Delta links: what has changed is read once, what was removed is deleted, and no change is passed over."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from msgspec import Raw
from odata_service import ODataService
from pydantic import ValidationError

from airflow_integrations.config.model import Model
from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import OutageError
from airflow_integrations.incoming import Gone
from airflow_integrations.incoming.odata.source import last_said
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.runs.runs import route_state
from airflow_integrations.odata.removed import removed_entity
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.route import registry
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import EPOCH, Window

STAGES: tuple[Callable[..., Any], ...] = (fetch, transform, push, settle)


class Seen:
    """A target that remembers."""

    class Config(Model):
        pass

    deletes = True
    repeatable = True
    got: ClassVar[list[tuple[str, str]]] = []
    away: ClassVar[bool] = False

    def __init__(self, config: Config, route: Route) -> None: ...

    async def open(self, run: Run, services: Services) -> None: ...

    async def send(self, batch: list[Outbound]) -> list[Result]:
        if self.away:
            raise OutageError("503", status=503)
        self.got.extend((one.key, "deleted" if one.deleted else one.value["name"]) for one in batch)
        return [Result("delivered", one.key) for one in batch]

    async def close(self) -> None: ...


class World:
    def __init__(self, folder: Path, version: int, **options: Any) -> None:
        self.service = ODataService(version=version, tracks=True)
        self.folder = folder
        self.ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
        self.runs = 0
        self.change(**options)

    def change(self, **options: Any) -> None:
        source = {"connection": "erp", "version": self.service.version, "entity_set": "Orders", "delta": True}
        self.route = Route.load(
            {
                "route": "orders",
                "entity": {"name": "order", "key": "order.id"},
                "incoming": {"odata": source | {"removed": "delete"} | options},
                "outgoing": {"seen": {}},
                "delivery": {"fail_run": "never"},
            }
        )

    async def run(self, *stages: Callable[..., Any], **asked: Any) -> list[tuple[str, str]]:
        """What the target got, in no order."""
        Seen.got.clear()
        self.runs += 1
        run = Run(self.route, f"run-{self.runs}", Window(EPOCH, datetime(2026, 2, 1, tzinfo=UTC)), **asked)
        staging = Staging(self.folder / "staging", "orders", run.run_id)
        for stage in stages or STAGES:
            async with Services(self.service, ledger=self.ledger) as services:
                await (stage(run, services, staging, final=True) if stage is push else stage(run, services, staging))
        return sorted(Seen.got)

    @property
    def cursor(self) -> str | None:
        return route_state(self.ledger, "orders").cursor


@pytest.fixture(autouse=True)
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(registry._BUILT_IN["outgoing"], "seen", f"{__name__}:Seen")
    monkeypatch.setattr(Seen, "away", False)
    yield
    Seen.got.clear()


@pytest.mark.parametrize("version", [4, 2])
async def test_everything_once_and_then_what_has_changed(tmp_path: Path, version: int) -> None:
    world = World(tmp_path, version)
    for number in range(7):
        world.service.put(f"O'{number}/x", name="first")
    async with world.service.serving():
        assert len(await world.run()) == 7
        assert await world.run() == []
        world.service.put("O'1/x", name="second")
        world.service.remove("O'2/x")
        for number in range(7, 11):
            world.service.put(f"O'{number}/x", name="new")
        found = await world.run()
        asked = [one.query for one in world.service.asked][-2:]
    assert ("O'2/x", "deleted") in found
    assert ("O'1/x", "second") in found
    assert len(found) == 6
    assert all("!deltatoken" in query or "$deltatoken" in query for query in asked), "its pages are those of the delta"


async def test_a_link_that_is_gone_reads_everything_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path, 4)
    world.service.put("1", name="first")
    async with world.service.serving():
        await world.run()
        world.service.put("2", name="first")
        world.service.forgets = 99
        with caplog.at_level(logging.WARNING):
            assert await world.run() == [("2", "first")]
        world.service.forgets = 0
        world.service.put("3", name="first")
        assert await world.run() == [("3", "first")]
    assert "no longer takes the delta link" in caplog.text


async def test_no_change_is_passed_over_by_a_run_that_is_not_booked(tmp_path: Path) -> None:
    world = World(tmp_path, 4)
    world.service.put("1", name="first")
    async with world.service.serving():
        await world.run()
        before = world.cursor
        world.service.put("1", name="second")
        await world.run(fetch, transform)  # and dies
        assert world.cursor == before
        Seen.away = True
        await world.run(limit=1)
        assert world.cursor == before, "a part of what has changed moves nothing"
        Seen.away = False
        await world.run()
        assert world.cursor != before
        assert world.service.asked[-1].query == {"$deltatoken": "1"}


async def test_a_link_is_about_what_was_asked_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = World(tmp_path, 4)
    for number in ("1", "2"):
        world.service.put(number, name="first")
    async with world.service.serving():
        await world.run()
        world.change(select=["id", "name"])
        with caplog.at_level(logging.WARNING):
            await world.run()
    assert "$select" in world.service.asked[-1].query
    assert "everything is read" in caplog.text


@pytest.mark.parametrize(
    ("said", "key", "found"),
    [
        ({"@removed": {}, "id": "7"}, {"id"}, {"id": "7"}),
        ({"@removed": {}, "@id": "Orders('a''b,c(1)')"}, {"id"}, {"id": "a'b,c(1)"}),
        ({"@removed": {}, "@id": "x/Items(order='1',pos=2)"}, {"order", "pos"}, {"order": "1", "pos": 2}),
        ({"id": "x/Os(guid'0a-1')", "@odata.context": "$metadata#Os/$deletedEntity"}, {"g"}, {"g": "0a-1"}),
        ({"id": "2b-1", "reason": "deleted", "@odata.context": "x#accounts/$deletedEntity"}, {"a"}, {"a": "2b-1"}),
        ({"id": "2b-1", "@odata.context": "x#accounts/$deletedEntity"}, {"a", "b"}, None),
        ({"@removed": {}, "@id": "Orders('1')"}, {"a", "b"}, None),
        ({"@removed": {}, "@id": "Orders"}, {"a"}, None),
        ({"@removed": {}, "@id": "Orders('1"}, {"a"}, None),
        ({"@removed": {}, "@id": "(" * 1990}, {"a"}, None),
        ({"@removed": {}, "@id": 7}, {"a"}, None),
    ],
)
def test_the_key_of_what_was_removed(said: dict[str, Any], key: set[str], found: dict[str, Any] | None) -> None:
    assert removed_entity(said, key) == found


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"since": "modifiedAt"}, "leave one of them out"),
        ({"delta": False}, "write delta: true"),
        ({"paging": "skip", "page_size": 5, "order_by": ["id"]}, "leave paging out"),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        World(tmp_path, 4, **options)


@pytest.mark.parametrize(
    ("more", "says"),
    [({"missing": "emit"}, "write removed: delete"), ({"window": {"slice": "1d"}}, "once for each slice")],
)
def test_what_a_delta_wants_of_its_route(more: dict[str, Any], says: str) -> None:
    source = {"connection": "erp", "entity_set": "X", "delta": True}
    route = {"route": "orders", "entity": {"name": "order", "key": "order.id"}, "incoming": {"odata": source}}
    with pytest.raises(ValidationError, match=says):
        Route.load({**route, "outgoing": {"none": {}}, **more})


def test_of_a_removal_and_a_change_on_one_page_the_last_counts() -> None:
    """Removed and made anew under the same key between two runs: deleted by the time of the fetch, it would stay so."""
    gone, there = Gone({"id": "1"}, delete=True), {"id": "1", "total": 5}
    other, raw = {"id": "2"}, Raw(b'{"id": "1", "total": 6}')
    assert last_said([gone, other, there], {"id"}) == [other, there]
    assert last_said([there, other, gone], {"id"}) == [other, gone]
    assert last_said([gone, raw], {"id"}) == [raw]
    assert last_said([there, other, there], {"id"}) == [there, other, there]
    assert last_said([gone, Raw(b"{"), "x"], {"id"}) == [gone, Raw(b"{"), "x"]
