"""Find, then create or update."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from outgoing_target import Opening, Received, Target, order, orders, statuses

from airflow_integrations.errors import OutageError, SetupError

FIND = {"path": "/orders", "query": {"ref": "{{ order.number }}"}, "target": "body.items"}
CREATE = {"path": "/orders"}
UPDATE = {"path": "/orders/{{ target.id }}"}
UPSERT = {"upsert": {"find": FIND, "create": CREATE, "update": UPDATE}}


class Books:
    """A target that keeps orders by reference; ``losing`` names the answers to creates that are lost."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.losing: list[Any] = []
        self.dropping: list[Any] = []
        self.creates = 0

    def __call__(self, got: Received) -> Any:
        if got.method == "GET":
            ref = got.query["ref"]
            return {"items": [{"id": ref, **self.kept[ref]}] if ref in self.kept else []}
        if got.method == "POST":
            if self.dropping:
                return self.dropping.pop(0)
            self.creates += 1
            self.kept[got.body["number"]] = got.body
            return self.losing.pop(0) if self.losing else {"id": got.body["number"]}
        self.kept[got.path.rsplit("/", 1)[1]] = got.body
        return 204


@pytest.fixture
def books(target: Target) -> Books:
    target.answering = books = Books()
    return books


def asked(target: Target) -> list[str]:
    return [got.method for got in target.received]


async def test_creates_what_is_not_there_and_updates_what_is(target: Target, opened: Opening, books: Books) -> None:
    async with opened({**UPSERT, "id": "body.id"}) as outgoing:
        assert outgoing.repeatable
        (created,) = await outgoing.send([order("7", state="new")])
        (updated,) = await outgoing.send([order("7", state="paid")])
    assert (created.status, created.target_id, created.http_status) == ("delivered", "7", 200)
    assert (updated.status, updated.target_id, updated.http_status) == ("delivered", None, 204)
    assert asked(target) == ["GET", "POST", "GET", "PUT"]
    assert books.kept == {"7": {"number": "7", "state": "paid"}}
    assert "Idempotency-Key" in target.received[1].headers
    assert "Idempotency-Key" not in target.received[3].headers


async def test_the_id_of_what_was_found_counts_where_the_answer_tells_none(opened: Opening, books: Books) -> None:
    books.kept["7"] = {}
    find = {**FIND, "id": "target.id"}
    async with opened({"upsert": {"find": find, "create": CREATE, "update": UPDATE}, "id": "body.id"}) as outgoing:
        assert [r.target_id for r in await outgoing.send(orders("7"))] == ["7"]


async def test_bodies_and_headers_are_shared_or_own(target: Target, opened: Opening, books: Books) -> None:
    books.kept["2"] = {}
    options = {
        "headers": {"X-Tenant": "t1", "X-Kind": "any"},
        "body": {"number": "order.number"},
        "upsert": {
            "find": FIND,
            "create": {**CREATE, "headers": {"x-kind": "new"}},
            "update": {**UPDATE, "method": "PATCH", "body": {"was": "target.id", "number": "order.number"}},
        },
    }
    async with opened(options) as outgoing:
        await outgoing.send([order("1", more=1)])
        await outgoing.send([order("2", more=1)])
    find, create, _, update = target.received
    assert (find.headers["X-Tenant"], create.headers["X-Kind"], update.headers["X-Kind"]) == ("t1", "new", "any")
    assert (create.body, update.body) == ({"number": "1"}, {"was": "2", "number": "2"})
    assert update.method == "PATCH"


async def test_a_create_that_went_unheard_is_found_and_not_repeated(
    target: Target, opened: Opening, books: Books
) -> None:
    books.losing = [Target.RESET]
    async with opened(UPSERT) as outgoing:
        assert statuses(await outgoing.send(orders("7"))) == ["delivered"]
    assert asked(target) == ["GET", "POST", "GET", "PUT"]
    assert books.creates == 1


@pytest.mark.parametrize("lost", [Target.RESET, 500])
async def test_a_create_that_did_not_arrive_is_sent_again(
    target: Target, opened: Opening, books: Books, lost: Any
) -> None:
    books.dropping = [lost, lost]
    async with opened(UPSERT) as outgoing:
        assert statuses(await outgoing.send(orders("7"))) == ["delivered"]
    assert books.creates == 1
    assert asked(target) == ["GET", "POST"] * 3


async def test_a_create_that_never_arrives_is_an_outage(target: Target, opened: Opening, books: Books) -> None:
    books.dropping = [500] * 9
    async with opened(UPSERT) as outgoing:
        with pytest.raises(OutageError, match="500"):
            await outgoing.send(orders("7"))
    assert asked(target) == ["GET", "POST"] * 3


async def test_without_update_or_create_an_entity_is_skipped(target: Target, opened: Opening, books: Books) -> None:
    books.kept["1"] = {}
    async with opened({"upsert": {"find": {**FIND, "id": "target.id"}, "create": CREATE}}) as outgoing:
        (there,) = await outgoing.send(orders("1"))
        (missing,) = await outgoing.send(orders("2"))
    assert (there.status, there.target_id, missing.status) == ("skipped", "1", "delivered")
    async with opened({"upsert": {"find": FIND, "update": UPDATE}}) as outgoing:
        assert statuses(await outgoing.send(orders("2"))) == ["delivered"]
        assert statuses(await outgoing.send(orders("3"))) == ["skipped"]
    assert "3" not in books.kept


async def test_our_own_unheard_create_is_delivered_not_skipped(opened: Opening, books: Books) -> None:
    books.losing = [Target.RESET]
    async with opened({"upsert": {"find": FIND, "create": CREATE}}) as outgoing:
        assert statuses(await outgoing.send(orders("7"))) == ["delivered"]
    assert books.creates == 1


@pytest.mark.parametrize(
    ("answer", "target_expression", "found"),
    [
        (404, None, False),
        (web.Response(status=204), None, False),
        ({"items": []}, "body.items", False),
        ({"items": [{"id": "5"}]}, "body.items", True),
        ([{"id": "5"}], None, True),
        ({"id": "5"}, None, True),
        ({"item": None}, "body.item", False),
        ([{"id": "5", "ref": "x"}, {"id": "6", "ref": "7"}], "[i for i in body if i.ref == order.number]", True),
    ],
)
async def test_what_counts_as_found(
    target: Target, opened: Opening, answer: Any, target_expression: str | None, found: bool
) -> None:
    target.answering = lambda got: answer if got.method == "GET" else 200
    find = {"path": "/orders", **({"target": target_expression} if target_expression else {})}
    async with opened({"upsert": {"find": find, "create": CREATE, "update": UPDATE}}) as outgoing:
        assert statuses(await outgoing.send(orders("7"))) == ["delivered"]
    assert asked(target) == ["GET", "PUT" if found else "POST"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"items": [{"id": 1}, {"id": 2}]}, "found 2"),
        (400, "400"),
        (web.Response(text="<html></html>", content_type="text/html"), "HTML page"),
        ({"items": 5}, "path"),
    ],
)
async def test_an_answer_to_find_that_does_not_tell_changes_nothing(
    target: Target, opened: Opening, answer: Any, says: str
) -> None:
    target.answering = lambda got: answer
    async with opened(UPSERT) as outgoing:
        (result,) = await outgoing.send(orders("7"))
    assert result.status == "failed"
    assert says in (result.reason or "")
    assert asked(target) == ["GET"]


async def test_find_by_post_is_asked_again_after_a_reset(target: Target, opened: Opening) -> None:
    answers: list[Any] = [Target.RESET, {"hits": []}, 201]
    target.answering = lambda got: answers.pop(0)
    find = {"method": "POST", "path": "/search", "body": {"ref": "order.number"}, "target": "body.hits"}
    async with opened({"upsert": {"find": find, "create": CREATE}}) as outgoing:
        assert statuses(await outgoing.send(orders("7"))) == ["delivered"]
    assert [got.path for got in target.received] == ["/search", "/search", "/orders"]
    assert target.received[0].body == {"ref": "7"}


async def test_a_refused_create_is_a_failed_entity(target: Target, opened: Opening) -> None:
    target.answering = lambda got: 404 if got.method == "GET" else web.Response(status=422, text="no customer")
    async with opened(UPSERT) as outgoing:
        (result,) = await outgoing.send(orders("7"))
    assert (result.status, result.http_status) == ("failed", 422)


async def test_outage_and_credentials_are_raised(target: Target, opened: Opening) -> None:
    async with opened(UPSERT) as outgoing:
        target.answering = lambda got: 503
        with pytest.raises(OutageError):
            await outgoing.send(orders("7"))
        target.answering = lambda got: 401
        with pytest.raises(SetupError):
            await outgoing.send(orders("7"))


async def test_a_body_above_the_bound_is_not_sent(target: Target, opened: Opening, books: Books) -> None:
    async with opened({**UPSERT, "max_body_bytes": 30}) as outgoing:
        (result,) = await outgoing.send([order("7", note="x" * 50)])
    assert result.status == "failed"
    assert asked(target) == ["GET"]
