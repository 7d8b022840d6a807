"""Whether an entity of unknown fate has arrived: the target is asked."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from outgoing_target import Opening, Target, order

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.outgoing import Outbound

BY_PATH = {"path": "/orders/{{ order.number }}"}
SEARCH = {
    "method": "POST",
    "path": "/search",
    "body": {"ref": "order.number"},
    "found_when": "body.total > 0 and body.hits[0].version == order.version",
    "id": "body.hits[0].id",
}


async def asked(opened: Opening, verify: dict[str, Any], outbound: Outbound | None = None, **more: Any) -> Any:
    async with opened({"path": "/orders", "verify": verify}, **more) as outgoing:
        return await outgoing.verify(outbound or order("7", version=2))


@pytest.mark.parametrize("batch", [1, 10])
async def test_what_is_there_is_delivered_with_its_id(target: Target, opened: Opening, batch: int) -> None:
    target.answering = lambda got: {"id": "D7"}
    result = await asked(opened, {**BY_PATH, "id": "body.id"}, batch=batch)
    assert (result.status, result.target_id, result.http_status) == ("delivered", "D7", 200)
    (got,) = target.received
    assert (got.method, got.path, got.content) == ("GET", "/orders/7", b"")


@pytest.mark.parametrize(
    ("answer", "verify"),
    [
        (404, BY_PATH),
        (410, {**BY_PATH, "not_found": [404, 410]}),
        ([], BY_PATH),
        ({}, BY_PATH),
        (web.Response(status=204), BY_PATH),
        ({"total": 0, "hits": []}, SEARCH),
        ({"total": 1, "hits": [{"id": "D7", "version": 1}]}, SEARCH),
        (204, {**BY_PATH, "found_when": "status == 200"}),
    ],
)
async def test_what_is_not_there_is_none(target: Target, opened: Opening, answer: Any, verify: Any) -> None:
    target.answering = lambda got: answer
    assert await asked(opened, verify) is None


async def test_the_question_sees_the_entity_and_so_does_its_answer(target: Target, opened: Opening) -> None:
    target.answering = lambda got: {"total": 1, "hits": [{"id": 70, "version": 2}]}
    result = await asked(opened, SEARCH)
    assert (result.status, result.target_id) == ("delivered", "70")
    assert target.received[0].body == {"ref": "7"}
    assert "Idempotency-Key" not in target.received[0].headers


async def test_an_id_that_cannot_be_read_is_none(target: Target, opened: Opening) -> None:
    target.answering = lambda got: [1]
    result = await asked(opened, {**BY_PATH, "id": "body.id"})
    assert (result.status, result.target_id) == ("delivered", None)


@pytest.mark.parametrize(
    ("answer", "verify", "says"),
    [
        (400, BY_PATH, "verify: 400"),
        (web.Response(status=302), BY_PATH, "302"),
        (web.Response(text="<html></html>", content_type="text/html"), BY_PATH, "HTML page"),
        ({"total": None}, SEARCH, "found_when"),
        ({"done": "false"}, {**BY_PATH, "found_when": "body.done"}, "text"),
        ({}, {**BY_PATH, "found_when": "body.done"}, "nothing"),
    ],
)
async def test_what_is_not_told_stays_in_doubt(
    target: Target, opened: Opening, answer: Any, verify: Any, says: str
) -> None:
    target.answering = lambda got: answer
    result = await asked(opened, verify)
    assert (result.status, result.cause) == ("in_doubt", "unknown")
    assert says in result.reason


async def test_a_question_that_cannot_be_written_leaves_it_in_doubt(target: Target, opened: Opening) -> None:
    result = await asked(opened, {"path": "/orders/{{ order.other }}"})
    assert (result.status, result.cause) == ("in_doubt", "unknown")
    assert result.reason.startswith("verify: path: ")
    assert target.received == []


async def test_a_question_is_asked_again_and_an_outage_is_one(target: Target, opened: Opening) -> None:
    answers: list[Any] = [Target.RESET, 500, {"id": 1}]
    target.answering = lambda got: answers.pop(0)
    assert (await asked(opened, BY_PATH)).status == "delivered"
    target.answering = lambda got: 500
    with pytest.raises(OutageError) as caught:
        await asked(opened, BY_PATH)
    assert caught.value.status == 500
    target.answering = lambda got: 403
    with pytest.raises(SetupError):
        await asked(opened, BY_PATH)


async def test_what_may_be_sent_again_is_not_asked_for(target: Target, opened: Opening) -> None:
    """A deletion, an upsert, a PUT: sending them again settles it."""
    deletion = Outbound("7", b"{}", deleted=True)
    assert await asked(opened, BY_PATH, deletion) is None
    upsert = {"upsert": {"find": {"path": "/o"}, "create": {"path": "/o"}}}
    for options in (upsert, {"path": "/o/{{ order.number }}", "method": "PUT"}):
        async with opened(options) as outgoing:
            assert await outgoing.verify(order("7")) is None
    assert target.received == []


async def test_without_a_question_doubt_stays(opened: Opening) -> None:
    async with opened({"path": "/o"}) as outgoing:
        result = await outgoing.verify(order("7"))
    assert result is not None
    assert (result.status, result.cause) == ("in_doubt", "unknown")
