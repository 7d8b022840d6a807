"""What a target can answer that is wrong: what each entity's fate is then, held against what the target received."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from bad_input_scene import Handler, Scene, half, no_http, orders, reset, silence

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.formats.json import encode

FIVE = orders(*({"number": number} for number in "ABCDE"))
PUT = {"method": "PUT", "path": "/in/{{ order.number }}"}
HTML = b"<!DOCTYPE html><title>Log in</title>"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def answering(scene: Scene, content: Any, code: int = 200, kind: str = "application/json", **headers: str) -> Handler:
    """Takes what is sent and then answers this, or what a function makes of the entities."""

    async def answer(request: web.Request) -> web.StreamResponse:
        sent = await scene.target.take(request)
        body = encode(content(sent)) if callable(content) else content
        return web.Response(status=code, body=body, headers={"Content-Type": kind, **headers})

    return answer


def refusing(code: int, content: bytes = b"said") -> Handler:
    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=code, body=content)

    return answer


@pytest.mark.parametrize("delivery", [{}, {"batch": 5}, {"batch": 2, "concurrency": 1}])
@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (401, SetupError, "erp: POST /in: 401 Unauthorized; check the credentials of Connection 'erp'"),
        (403, SetupError, "lacks a permission"),
        (429, OutageError, "429 Too Many Requests"),
        (503, OutageError, "503 Service Unavailable: said; gave up"),
    ],
)
async def test_a_target_that_takes_nothing_now(
    scene: Scene, code: int, kind: type, says: str, delivery: dict[str, int]
) -> None:
    outcome = await scene.run(FIVE, refusing(code), delivery=delivery)
    with pytest.raises(kind, match=says):
        raise outcome.error or AssertionError("nothing was raised")
    assert outcome.counts == {"fetched": 5, "retrying": 5}
    later = await scene.run(FIVE, delivery=delivery)
    assert [entity["number"] for entity in sorted(later.received, key=lambda e: e["number"])] == list("ABCDE")
    assert later.counts == {"fetched": 5, "carried_in": 5, "delivered": 5, "superseded": 5}, (
        "fetched anew, and left open"
    )


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("code", [400, 404, 409, 413, 422])
async def test_a_target_that_refuses(scene: Scene, code: int, batch: int) -> None:
    outcome = await scene.run(FIVE, refusing(code), delivery={"batch": batch})
    assert outcome.counts == {"fetched": 5, "failed": 5}
    assert all(problem.reason.startswith(str(code)) and "said" in problem.reason for problem in outcome.problems)


MISLABELLED: list[tuple[str, dict[str, str]]] = [
    ("text/html", {}),
    ("text/html; charset=utf-8", {}),
    ("text/plain", {}),
    ("application/json", {"Content-Encoding": "utf-8"}),
    ("text/html", {"Content-Encoding": "UTF-8"}),
]
UPSERT = {
    "find": {"path": "/find/{{ order.number }}", "target": "body[0]"},
    "create": {"path": "/in", "body": {"number": "order.number"}},
    "update": {"path": "/in/{{ target.id }}", "body": {"number": "order.number"}},
}


@pytest.mark.parametrize(("kind", "headers"), MISLABELLED)
@pytest.mark.parametrize(
    ("outgoing", "batch"),
    [
        ({}, 1),
        ({"id": "body[0].id"}, 1),
        ({"success_when": "body[0].ok"}, 1),
        ({"results": {"items": "body", "match": "item.number", "ok": "item.ok", "id": "item.id"}}, 5),
        (PUT, 1),
        ({"upsert": UPSERT}, 1),
    ],
)
async def test_json_that_is_labelled_as_something_else_is_read_and_delivered(
    scene: Scene, outgoing: dict[str, Any], batch: int, kind: str, headers: dict[str, str]
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        sent = [] if request.method == "GET" else await scene.target.take(request)
        body = encode([{"number": each["number"], "id": f"T-{each['number']}", "ok": True} for each in sent])
        return web.Response(body=body, headers={"Content-Type": kind, **headers})

    outcome = await scene.run(FIVE, answer, outgoing=outgoing, delivery={"batch": batch})
    assert outcome.error is None
    assert outcome.counts == {"fetched": 5, "delivered": 5}, outcome.text
    assert sorted(each["number"] for each in outcome.received) == list("ABCDE")


@pytest.mark.parametrize("broken", [silence, reset, half, no_http, refusing(500)])
@pytest.mark.parametrize("batch", [1, 5])
async def test_no_usable_answer_to_a_post_is_doubt_and_to_a_put_a_later_attempt(
    scene: Scene, broken: Handler, batch: int
) -> None:
    delivery = {"batch": batch, "concurrency": 5}
    outcome = await scene.run(FIVE, broken, delivery=delivery)
    assert outcome.counts == {"fetched": 5, "in_doubt": 5}
    assert all("it may have taken effect" in problem.reason for problem in outcome.problems)
    if batch == 1:
        assert len({id(request) for request in scene.target.requests}) == 5, "nothing of it was sent twice"
    put = Scene(scene.folder / "put")
    outcome = await put.run(FIVE, broken, outgoing=PUT, delivery={"concurrency": 5})
    assert isinstance(outcome.error, OutageError)
    assert outcome.counts == {"fetched": 5, "retrying": 5}


BOMB = gzip.compress(bytes(5_000_000), mtime=0)  # part of the names of tests, which all workers must find the same
NEVER_DELIVERED = [
    (HTML, "text/html", {}, "is a web page and confirms nothing"),
    (HTML, "application/json", {}, "is a web page and confirms nothing"),
    (b"<!-- proxy -->\n" + HTML, "application/octet-stream", {}, "is a web page"),
    (BOMB, "application/json", {"Content-Encoding": "gzip"}, "over 4,194,304 bytes"),
    (b"x", "application/json", {"Content-Encoding": "br"}, "Content-Encoding 'br'"),
]


@pytest.mark.parametrize(("content", "kind", "headers", "says"), NEVER_DELIVERED)
@pytest.mark.parametrize("outgoing", [{}, PUT], ids=["POST", "PUT"])
async def test_an_answer_that_confirms_nothing_is_doubt(
    scene: Scene, content: bytes, kind: str, headers: dict[str, str], says: str, outgoing: dict[str, str]
) -> None:
    outcome = await scene.run(FIVE, answering(scene, content, 200, kind, **headers), outgoing=outgoing)
    assert outcome.counts == {"fetched": 5, "in_doubt": 5}
    assert all(says in problem.reason for problem in outcome.problems)
    assert len(outcome.received) == 5, "each was sent once"


async def test_a_200_with_an_error_in_it_is_judged_by_success_when(scene: Scene) -> None:
    target = answering(scene, lambda sent: {"error": "no stock" if sent[0]["number"] == "C" else None})
    outcome = await scene.run(FIVE, target, outgoing={"success_when": "body.error is None"})
    assert outcome.counts == {"fetched": 5, "delivered": 4, "failed": 1}
    assert [(problem.key, problem.reason) for problem in outcome.problems] == [
        ("C", "success_when (body.error is None) is not met: 200 OK: no stock")
    ]


@pytest.mark.parametrize(
    ("said", "fate"), [("false", "in_doubt"), ([], "in_doubt"), (False, "failed"), (1, "delivered")]
)
async def test_the_text_false_is_no_yes(scene: Scene, said: Any, fate: str) -> None:
    outcome = await scene.run(FIVE, answering(scene, lambda sent: {"ok": said}), outgoing={"success_when": "body.ok"})
    assert outcome.counts == {"fetched": 5, fate: 5}
    scene = Scene(scene.folder / "bulk")
    outcome = await scene.run(
        FIVE,
        answering(scene, lambda sent: [{"ok": said} for _ in sent]),
        outgoing={"results": {"items": "body", "ok": "item.ok"}},
        delivery={"batch": 5},
    )
    assert outcome.counts == {"fetched": 5, fate: 5}


def good(entity: dict[str, Any]) -> dict[str, Any]:
    return {"ok": True, "ref": entity["number"], "id": 1}


BULK: list[tuple[str, Callable[[list[Any]], Any], dict[str, int], dict[str, int]]] = [
    ("fewer", lambda sent: [good(e) for e in sent[:3]], {"in_doubt": 5}, {"delivered": 3, "in_doubt": 2}),
    ("more", lambda sent: [*map(good, sent), {"ok": True, "ref": "Z"}], {"in_doubt": 5}, {"delivered": 5}),
    ("reordered", lambda sent: [good(e) for e in reversed(sent)], {"delivered": 5}, {"delivered": 5}),
    ("both", lambda sent: [*map(good, sent), {"ok": 0, "ref": "A"}], {"in_doubt": 5}, {"delivered": 4, "in_doubt": 1}),
    ("nothing", lambda sent: None, {"in_doubt": 5}, {"in_doubt": 5}),
    ("no verdict", lambda sent: [{"ref": e["number"]} for e in sent], {"in_doubt": 5}, {"in_doubt": 5}),
    ("nonsense", lambda sent: [1, "x", None, [], {}], {"in_doubt": 5}, {"in_doubt": 5}),
]  # fmt: skip


@pytest.mark.parametrize(("content", "by_position", "by_key"), [case[1:] for case in BULK], ids=[c[0] for c in BULK])
async def test_bulk_answers_that_do_not_fit(
    scene: Scene, content: Any, by_position: dict[str, int], by_key: dict[str, int]
) -> None:
    results = {"items": "body.results", "ok": "item.ok", "id": "item.id"}
    for match, fates in (({}, by_position), ({"match": "item.ref"}, by_key)):
        inner = Scene(scene.folder / str(len(match)))
        target = answering(inner, lambda sent: {"results": content(sent)})
        outcome = await inner.run(FIVE, target, outgoing={"results": {**results, **match}}, delivery={"batch": 5})
        assert outcome.counts == {"fetched": 5, **fates}
        assert [entity["number"] for entity in outcome.received] == list("ABCDE"), "sent once, in order"


async def test_bisecting_sends_every_good_entity_exactly_once(scene: Scene) -> None:
    async def picky(request: web.Request) -> web.Response:
        before = len(scene.target.received)
        sent = await scene.target.take(request)
        if {entity["number"] for entity in sent} & {3, 17}:
            del scene.target.received[before:]
            return web.Response(status=422, text="bad number")
        return web.Response(status=201)

    outcome = await scene.run(orders(*({"number": n} for n in range(40))), picky, delivery={"batch": 20})
    assert sorted(entity["number"] for entity in outcome.received) == [n for n in range(40) if n not in (3, 17)]
    assert outcome.counts == {"fetched": 40, "delivered": 38, "failed": 2}
    assert {problem.key for problem in outcome.problems} == {"3", "17"}


async def test_a_target_whose_connection_is_missing(scene: Scene) -> None:
    outcome = await scene.run(FIVE, without=("erp",))
    assert isinstance(outcome.error, SetupError)
    assert outcome.counts == {"fetched": 5, "retrying": 5}
