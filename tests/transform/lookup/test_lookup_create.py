"""What a lookup does not find is created once, whoever asks for it and whoever dies in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from transform_chain import Books, NoConnections, parse

from airflow_integrations.entity import Entity
from airflow_integrations.errors import OutageError
from airflow_integrations.http import Endpoint
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.runs import creations
from airflow_integrations.ledger.runs.creations import MADE_SECONDS, prune_creations
from airflow_integrations.run import Run, Services
from airflow_integrations.transform import Place
from airflow_integrations.window import Window

WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


class KilledError(BaseException):
    """The process ends here."""


class Erp:
    """Parties by code. ``index`` False: the search does not find what was created, as a slow index does."""

    def __init__(self) -> None:
        self.parties: dict[str, dict[str, Any]] = {}
        self.created: list[str] = []
        self.keys: list[str] = []
        self.index = True
        self.status = 201
        self.answers_record = True
        self.before_answer: Any = None
        self.made_meanwhile: dict[str, Any] = {}
        self.unwilling: dict[str, int] = {}
        self.endpoint: Endpoint

    async def search(self, request: web.Request) -> web.Response:
        code = request.query["code"]
        return web.json_response({"data": [self.parties[code]] if self.index and code in self.parties else []})

    async def post(self, request: web.Request) -> web.Response:
        party = await request.json()
        self.parties |= self.made_meanwhile
        if party["code"] in self.unwilling:
            return web.Response(status=self.unwilling[party["code"]], text="not this one")
        if self.status >= 400:
            return web.json_response({"error": {"message": "no such city"}}, status=self.status)
        self.keys.append(request.headers["Idempotency-Key"])
        if self.keys.count(self.keys[-1]) == 1:  # it honours the key
            self.created.append(party["code"])
            self.parties[party["code"]] = {"id": len(self.created), **party}
        if self.before_answer is not None:
            await self.before_answer()
        made = {"data": self.parties[party["code"]]} if self.answers_record else {}
        return web.json_response(made, status=self.status)


@pytest.fixture
async def erp() -> AsyncIterator[Erp]:
    made = Erp()
    app = web.Application()
    app.router.add_get("/parties", made.search)
    app.router.add_post("/parties", made.post)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.endpoint = Endpoint("erp", f"http://127.0.0.1:{runner.addresses[0][1]}", retry_budget=0, read_timeout=1.0)
    yield made
    await runner.cleanup()


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with Ledger.open(ledger_url) as made:
        yield made


LOOKUP = {
    "lookup": {
        "name": "party",
        "http": {
            "connection": "erp",
            "path": "/parties",
            "query": {"code": "{{ order.customer }}"},
            "records": "body.data",
            "create": {
                "path": "/parties",
                "body": {"code": "order.customer", "name": "order.name"},
                "record": "body.data",
            },
        },
    }
}


class Task:
    """One run's lookup, over entities as they come."""

    def __init__(self, erp: Erp, ledger: Ledger, run_id: str, *, now: Any = None, dry_run: bool = False) -> None:
        self.erp, self.ledger, self.run_id, self.dry_run = erp, ledger, run_id, dry_run
        self.now = now or (lambda: 1_800_000_000.0)
        self.books = Books()
        self.warnings: list[str] = []

    async def ids(self, *customers: str, each: int = 100) -> list[Any]:
        """The party that each order has at the end; None where the order does not go on."""
        stage = parse(LOOKUP)
        route = SimpleNamespace(route="orders", transform=(stage,), schedule=None, mask=())
        run = Run(route=route, run_id=self.run_id, window=WINDOW, dry_run=self.dry_run)  # type: ignore[arg-type]
        found: dict[str, Any] = {}
        connections = NoConnections({"erp": self.erp.endpoint})

        async def no_sleep(_: float) -> None:
            await asyncio.sleep(0)

        async with Services(connections, ledger=self.ledger, now=self.now, sleep=no_sleep) as services:
            step = stage.component()(stage.config, Place(0, stage.kind, "order"))
            await step.open(run, services)
            entities = [
                Entity(f"{number} {code}", {"customer": code, "name": f"N{number}"})
                for number, code in enumerate(customers)
            ]
            for first in range(0, len(entities), each):
                for entity in await step.apply(entities[first : first + each], self.books):
                    found[entity.key] = entity.found["party"].get("id")
            step.finished()
            self.warnings = step.warnings()
        return [found.get(entity.key) for entity in entities]


async def test_what_is_not_found_is_created_once_for_all_entities_of_a_run(erp: Erp, ledger: Ledger) -> None:
    erp.parties["old"] = {"id": 99}
    found = await Task(erp, ledger, "r1").ids("a", "b", "a", "old", "a", each=2)
    a, b = (erp.parties[code]["id"] for code in "ab")  # whichever was created first
    assert found == [a, b, a, 99, a]
    assert sorted(erp.created) == ["a", "b"]


async def test_two_runs_create_it_once(erp: Erp, ledger: Ledger) -> None:
    both = await asyncio.gather(*(Task(erp, ledger, f"r{n}").ids("a", "b") for n in range(2)))
    assert sorted(erp.created) == ["a", "b"]
    told = {erp.parties["a"]["id"], None}
    assert all(ids[0] in told for ids in both)
    assert any(ids[0] is not None for ids in both)


async def test_a_search_that_lags_creates_nothing_twice(erp: Erp, ledger: Ledger) -> None:
    erp.index = False
    assert await Task(erp, ledger, "r1").ids("a") == [1]
    assert await Task(erp, ledger, "r2").ids("a") == [1]
    assert erp.created == ["a"]


async def test_what_was_deleted_there_later_is_created_again(erp: Erp, ledger: Ledger) -> None:
    await Task(erp, ledger, "r1").ids("a")
    erp.parties.clear()
    later = 1_800_000_000.0 + MADE_SECONDS + 1
    assert await Task(erp, ledger, "r2", now=lambda: later).ids("a") == [2]
    assert len(set(erp.keys)) == 2


@pytest.mark.parametrize("indexed", [True, False])
async def test_killed_between_the_creation_and_the_note(
    erp: Erp, ledger: Ledger, indexed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next attempt of the run searches again, and sends the same key where that finds nothing."""

    def dies(*_: Any, **__: Any) -> None:
        raise KilledError

    with monkeypatch.context() as killed:
        killed.setattr(creations, "note_made", dies)
        with pytest.raises(KilledError):
            await Task(erp, ledger, "r1").ids("a")
    assert erp.created == ["a"]
    erp.index = indexed
    assert await Task(erp, ledger, "r1").ids("a") == [1]
    assert erp.created == ["a"]
    assert len(set(erp.keys)) == 1


async def test_the_claim_of_a_run_that_died_lapses(erp: Erp, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: Any, **__: Any) -> None:
        raise KilledError

    with monkeypatch.context() as killed:
        killed.setattr(creations, "note_sent", dies)
        with pytest.raises(KilledError):
            await Task(erp, ledger, "r1").ids("a")
    waits = Task(erp, ledger, "r2")
    assert await waits.ids("a") == [None]
    assert "party is about to be created by another run" in waits.books.reasons["0 a"]
    assert waits.books.counts == {"missing": 1}
    assert await Task(erp, ledger, "r3", now=lambda: 1_800_000_301.0).ids("a") == [1]


async def test_an_answer_that_does_not_come_is_cleared_up_by_the_next_attempt(erp: Erp, ledger: Ledger) -> None:
    async def hangs() -> None:
        await asyncio.sleep(30)

    erp.before_answer = hangs
    first = Task(erp, ledger, "r1")
    assert await first.ids("a") == [None]
    assert "nobody knows whether it was" in first.books.reasons["0 a"]
    erp.before_answer = None
    erp.index = False
    assert await Task(erp, ledger, "r2").ids("a") == [1]
    assert erp.created == ["a"]


async def test_a_refusal_rejects_those_that_need_it(erp: Erp, ledger: Ledger) -> None:
    erp.status = 422
    task = Task(erp, ledger, "r1")
    assert await task.ids("a", "a") == [None, None]
    assert "erp: POST /parties: answered 422: no such city" in task.books.reasons["0 a"]
    erp.status = 201
    assert await Task(erp, ledger, "r2").ids("a") == [1]


async def test_a_conflict_is_searched_again(erp: Erp, ledger: Ledger) -> None:
    erp.status = 409
    task = Task(erp, ledger, "r1")
    assert await task.ids("a") == [None]
    assert "answered 409" in task.books.reasons["0 a"]
    erp.made_meanwhile = {"a": {"id": 7}}
    assert await Task(erp, ledger, "r2").ids("a") == [7]


async def test_an_answer_without_the_object_is_searched_for(erp: Erp, ledger: Ledger) -> None:
    erp.answers_record = False
    assert await Task(erp, ledger, "r1").ids("a") == [1]
    erp.index = False
    lags = Task(erp, ledger, "r2")
    assert await lags.ids("b") == [None]
    assert "was created, and the search does not find it yet" in lags.books.reasons["0 b"]
    assert await Task(erp, ledger, "r3").ids("b") == [None]
    erp.index = True
    assert await Task(erp, ledger, "r4").ids("b") == [2]
    assert sorted(erp.created) == ["a", "b"]


async def test_a_dry_run_creates_nothing_and_says_so(erp: Erp, ledger: Ledger) -> None:
    task = Task(erp, ledger, "r1", dry_run=True)
    assert await task.ids("a", "b") == [None, None]
    assert task.warnings == [
        "transform.0.lookup would create 2 parties that it does not find, such as by POST /parties"
    ]
    assert erp.created == []


@pytest.mark.parametrize("status", [503, 403])
async def test_one_that_cannot_be_created_holds_up_no_other(erp: Erp, ledger: Ledger, status: int) -> None:
    erp.unwilling = {"b": status}
    task = Task(erp, ledger, "r1")
    assert [bool(made) for made in await task.ids("a", "b", "c")] == [True, False, True]
    assert task.books.counts == {"missing" if status == 503 else "rejected": 1}
    assert str(status) in task.books.reasons["1 b"]
    erp.unwilling = {}
    assert all(await Task(erp, ledger, "r2").ids("a", "b", "c"))


async def test_a_service_that_is_away_leaves_the_claim_to_the_next_attempt(erp: Erp, ledger: Ledger) -> None:
    erp.status = 503
    with pytest.raises(OutageError):
        await Task(erp, ledger, "r1").ids("a")
    erp.status = 201
    assert await Task(erp, ledger, "r2").ids("a") == [1]
    prune_creations(ledger, 1_800_000_000.0 + MADE_SECONDS + 1)
    erp.parties.clear()
    later = 1_800_001_000.0
    assert await Task(erp, ledger, "r3", now=lambda: later).ids("a") == [2]
