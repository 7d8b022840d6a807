"""The conformance suites, on the kinds that the package brings."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from airflow_integrations.config.file_reference import Folder
from airflow_integrations.formats.json import decode
from airflow_integrations.simulate.recorded import Answered
from airflow_integrations.simulate.replay import RecordedSystem
from airflow_integrations.testing import (
    IncomingSuite,
    OutgoingSuite,
    Recording,
    ReplayServices,
    Source,
    Step,
    Target,
    TransformerSuite,
)

RECORDS = [{"id": number, "amount": Decimal("0.10") + number} for number in range(7)]


def system(*answers: dict[str, Any]) -> ReplayServices:
    return ReplayServices(Recording([RecordedSystem("shop", [Answered.model_validate(answer) for answer in answers])]))


def page(first: int, query: dict[str, str], **more: object) -> dict[str, Any]:
    return {"to": {"query": query}, "body": {"data": RECORDS[first : first + 3], **more}}


PAGED = {
    "cursor": (
        {"style": "cursor", "next": "body.next", "param": "c"},
        [page(3, {"c": "a"}, next="b"), page(6, {"c": "b"}, next=None), page(0, {}, next="a")],
    ),
    "offset": (
        {"style": "offset", "param": "o", "size": 3, "size_param": "n"},
        [page(0, {"o": "0"}), page(3, {"o": "3"}), page(6, {"o": "6"}), page(9, {})],
    ),
    "page": (
        {"style": "page", "param": "p", "size": 3, "size_param": "n"},
        [page(0, {"p": "1"}), page(3, {"p": "2"}), page(6, {"p": "3"}), page(9, {})],
    ),
    "keyset": (
        {"style": "keyset", "param": "from", "value": "item.id", "size": 3, "size_param": "n"},
        [
            page(2, {"from": "2", "n": "3"}),
            page(4, {"from": "4", "n": "3"}),
            page(6, {"from": "6", "n": "3"}),
            page(0, {"n": "3"}),
        ],
    ),
    "next_url": (
        {"style": "next_url", "next": "body.next"},
        [page(3, {"x": "1"}, next="/?x=2"), page(6, {"x": "2"}, next=None), page(0, {}, next="/?x=1")],
    ),
}


class TestHttpIncoming(IncomingSuite):
    @pytest.fixture(params=PAGED)
    def source(self, request):
        pagination, answers = PAGED[request.param]
        config = {"connection": "shop", "path": "/", "records": "body.data", "pagination": pagination}
        return Source(kind="http", config=config, records=RECORDS, services=lambda: system(*answers))


LINES = [[{"sku": "x"}, {"sku": "y"}], [{"sku": "z"}]]
ENTITIES = [{"id": 1, "name": "a", "lines": LINES[0]}, {"id": 2, "name": None, "lines": LINES[1]}]

STEPS: dict[str, dict[str, Any]] = {
    "filter": {"config": "entity.id == 1", "expected": ENTITIES[:1], "filtered": ["2"]},
    "map": {"config": {"Id": "entity.id"}, "expected": [{"Id": 1}, {"Id": 2}], "free_form": True},
    "set": {
        "config": {"lines": None, "id": "entity.id + 1"},
        "expected": [{"id": 2, "name": "a", "lines": None}, {"id": 3, "name": None, "lines": None}],
        "free_form": True,
    },
    "drop": {"config": ["name"], "expected": [{"id": 1, "lines": LINES[0]}, {"id": 2, "lines": LINES[1]}]},
    "rename": {
        "config": {"name": "title"},
        "expected": [{"id": 1, "title": "a", "lines": LINES[0]}, {"id": 2, "title": None, "lines": LINES[1]}],
        "free_form": True,
    },
    "split": {"config": {"each": "entity.lines"}, "expected": [*LINES[0], *LINES[1]]},
    "merge": {
        "config": {"keep": "last"},
        "entities": [*ENTITIES, {"id": 1, "name": "later"}],
        "expected": [{"id": 1, "name": "later"}, ENTITIES[1]],
        "merged": ["1"],
    },
    "python": {"config": {"function": "testing_doubling:double"}, "expected": [{"id": 2}, {"id": 4}]},
    "lookup": {
        "config": {"name": "found", "file": "names.csv", "where": {"name": "entity.name"}},
        "expected": ENTITIES[:1],
        "rejected": ["2"],
    },
    "store": {
        "config": {"name": "names", "key": "entity.name", "set": "entity.id"},
        "expected": ENTITIES[:1],
        "rejected": ["2"],
    },
    "validate": {"config": "name.json", "expected": ENTITIES[:1], "rejected": ["2"]},
}


class TestTransformers(TransformerSuite):
    @pytest.fixture(params=STEPS)
    def step(self, request, tmp_path: Path):
        (tmp_path / "names.csv").write_text("name,code\na,7\n")
        schema = '{"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}'
        (tmp_path / "name.json").write_text(schema)
        return Step(
            kind=request.param, folder=Folder(tmp_path, tmp_path), **{"entities": ENTITIES, **STEPS[request.param]}
        )


class TestHttpOutgoing(OutgoingSuite):
    @pytest.fixture(params=[1, 2, 10])
    def target(self, request):
        recording = RecordedSystem("shop", [])

        async def judge(heard):
            number = heard.path.rsplit("/", 1)[1]
            if heard.method == "DELETE":
                known = number not in gone
                gone.add(number)
                return web.Response(status=204 if known else 404)
            if heard.method == "GET":
                there = any(str(entity["id"]) == number for entity in got)
                return web.json_response({"id": number}) if there else web.Response(status=404)
            keys.append(heard.headers["Idempotency-Key"])
            entities = decode(await heard.read())
            entities = entities if isinstance(entities, list) else [entities]
            if any(entity["id"] == 666 for entity in entities):
                return web.json_response({"error": "no"}, status=422)
            if any(entity["id"] == 202 for entity in entities):
                return web.json_response({}, status=202)
            got.extend(entities)
            return web.json_response({})

        got: list[Any] = []
        gone: set[str] = set()
        keys: list[str] = []
        recording.handle = judge  # type: ignore[method-assign]

        def away():
            return ReplayServices(
                Recording([RecordedSystem("shop", [Answered.model_validate({"to": {}, "status": 503})])])
            )

        return Target(
            kind="http",
            config={
                "connection": "shop",
                "method": "POST",
                "path": "/x",
                "waiting_when": "status == 202",
                "delete": {"path": "/x/{{ key }}"},
                "verify": {"path": "/x/{{ entity.id }}", "id": "body.id"},
            },
            entities=RECORDS,
            batch=request.param,
            route={"delivery": {"batch": request.param, "in_doubt": "verify"}, "missing": "emit"},
            services=lambda: ReplayServices(Recording([recording])),
            received=lambda: got,
            refused={"id": 666},
            away=away,
            deleted=lambda: gone,
            keys=lambda: keys,
            waiting={"id": 202},
            verifies=True,
        )


class TestNoOutgoing(OutgoingSuite):
    @pytest.fixture
    def target(self):
        return Target(kind="none", config={}, entities=RECORDS)


async def test_the_suites_notice_a_source_that_loses_records():
    """A suite that accepts anything proves nothing."""
    source = Source(
        kind="http",
        config={"connection": "shop", "path": "/", "records": "body"},
        records=[1, 2],
        services=lambda: system({"body": [1]}),
    )
    suite = IncomingSuite()
    for check in (suite.test_gives_every_record_once_and_in_order, suite.test_has_more_than_one_page):
        with pytest.raises(AssertionError):
            await asyncio.to_thread(check, source)


async def test_the_suites_notice_a_target_that_forgets():
    """Deletions that reach nobody, keys that do not change with the state, entities that are not queued."""
    system = RecordedSystem(
        "shop", [Answered.model_validate({"to": {"method": m}, "body": {}}) for m in ("POST", "DELETE")]
    )
    target = Target(
        kind="http",
        config={
            "connection": "shop",
            "path": "/x",
            "delete": {"path": "/x/{{ key }}"},
        },
        entities=RECORDS[:2],
        services=lambda: ReplayServices(Recording([system])),
        deleted=set,
        keys=lambda: ["a", "a", "a"],
        waiting=RECORDS[0],
    )
    suite = OutgoingSuite()
    for check in (
        suite.test_deletes_and_deleting_again_is_no_error,
        suite.test_a_retry_keeps_its_key_and_a_later_state_has_another,
        suite.test_what_waits_says_for_how_long,
    ):
        with pytest.raises(AssertionError):
            await asyncio.to_thread(check, target)
