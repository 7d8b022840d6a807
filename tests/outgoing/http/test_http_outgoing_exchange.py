"""What is not delivered has with it what was asked last and what the target answered, without credentials."""

from __future__ import annotations

import gzip

import pytest
from aiohttp import web
from outgoing_target import Opening, Target, order, orders

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.http import Bearer
from airflow_integrations.http.exchange import TEXT_LENGTH, Exchange, ExchangeFactory
from airflow_integrations.outgoing import Result

TOKEN = "s3cret-token"


def exchange_in(results: list[Result], at: int = 0) -> Exchange:
    return told(results[at].exchange)


def told(telling: ExchangeFactory | None) -> Exchange:
    assert telling is not None
    return telling()


async def test_a_refused_entity(target: Target, opened: Opening) -> None:
    target.answering = lambda got: web.json_response(
        {"error": f"no customer; you are {TOKEN}"}, status=422, headers={"X-Trace": "7", "Set-Cookie": "sid=1"}
    )
    options = {"path": "/orders", "query": {"mode": "full"}, "headers": {"X-Api-Token": "abcd", "X-Shop": "north"}}
    async with opened(options, auth=Bearer(TOKEN)) as outgoing:
        found = exchange_in(await outgoing.send([order("1", note="for Ana")]))
    assert target.received[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert found.request == f"POST {target.url}/orders?mode=full"
    assert found.request_headers["X-Shop"] == "north"
    assert found.request_headers["X-Api-Token"] == "***"
    assert found.request_headers["Content-Type"] == "application/json"
    assert found.request_body == '{"number":"1","note":"for Ana"}'
    assert (found.status, found.attempts, found.error) == (422, 1, None)
    assert found.headers["X-Trace"] == "7"
    assert found.headers["Set-Cookie"] == "***"
    assert found.body == '{"error": "no customer; you are ***"}'
    assert TOKEN not in repr(found)


async def test_delivered_entities_have_none(target: Target, opened: Opening) -> None:
    async with opened({"path": "/orders"}) as outgoing:
        (result,) = await outgoing.send(orders("1"))
    assert result.exchange is None


async def test_each_half_of_a_batch_has_its_own(target: Target, opened: Opening) -> None:
    target.answering = lambda got: 422 if b'"bad"' in got.content else 200
    async with opened({"path": "/orders"}, batch=4) as outgoing:
        results = await outgoing.send(orders("a", "bad", "c", "d"))
    assert [result.exchange is not None for result in results] == [False, True, False, False]
    assert exchange_in(results, 1).request_body == '[{"number":"bad"}]'


async def test_what_was_never_sent_has_none(target: Target, opened: Opening) -> None:
    target.answering = lambda got: 422
    async with opened({"path": "/o", "body": {"Total": "decimal(order.total)"}}) as outgoing:
        assert exchange_in(await outgoing.send([order("1", total="1.5")])).status == 422
        (again,) = await outgoing.send([order("2", total="x")])
    assert (again.cause, again.exchange) == ("unwritable", None)


@pytest.mark.parametrize("lost", [Target.RESET, 500])
async def test_one_in_doubt(target: Target, opened: Opening, lost: object) -> None:
    target.answering = lambda got: lost
    async with opened({"path": "/o"}) as outgoing:
        found = exchange_in(await outgoing.send(orders("1")))
    assert found.status == (500 if lost == 500 else None)
    assert "may have taken effect" in (found.error or "")


async def test_an_outage_and_the_rest_of_its_batch(target: Target, opened: Opening) -> None:
    target.answering = lambda got: web.Response(status=503, text="closed for stocktaking")
    async with opened({"path": "/o"}) as outgoing:
        with pytest.raises(OutageError) as raised:
            await outgoing.send(orders("1"))
    found = told(raised.value.exchange)
    assert (found.status, found.body) == (503, "closed for stocktaking")
    assert (found.attempts or 0) > 1

    answers = [422, 200, 503]  # the whole, its first half, its second half and whatever comes behind
    target.answering = lambda got: answers.pop(0) if len(answers) > 1 else answers[0]
    async with opened({"path": "/o"}, batch=4) as outgoing:
        results = await outgoing.send(orders("1", "2", "3", "4"))
    assert [result.status for result in results] == ["delivered", "delivered", "pending", "pending"]
    assert exchange_in(results, 3).request_body == '[{"number":"3"},{"number":"4"}]'


async def test_refused_credentials(target: Target, opened: Opening) -> None:
    target.answering = lambda got: web.Response(status=403, text="not from here")
    async with opened({"path": "/o"}) as outgoing:
        with pytest.raises(SetupError) as raised:
            await outgoing.send(orders("1"))
    found = told(raised.value.exchange)
    assert (found.status, found.body) == (403, "not from here")


async def test_an_upsert_tells_its_last_request(target: Target, opened: Opening) -> None:
    target.answering = lambda got: web.json_response([]) if got.method == "GET" else web.Response(status=409, text="no")
    upsert = {
        "find": {"path": "/orders", "query": {"number": "{{ order.number }}"}},
        "create": {"path": "/orders"},
        "update": {"path": "/orders/{{ target.id }}"},
    }
    async with opened({"upsert": upsert}) as outgoing:
        found = exchange_in(await outgoing.send(orders("1")))
    assert (found.request, found.status, found.body) == (f"POST {target.url}/orders", 409, "no")


async def test_hostile_and_long_bodies(target: Target, opened: Opening) -> None:
    said = "a\x1b[2J\r\nb\x00\u202e" + "z" * 100_000
    target.answering = lambda got: web.Response(
        status=422, body=gzip.compress(said.encode()), headers={"Content-Encoding": "gzip"}
    )
    async with opened({"path": "/o"}) as outgoing:
        found = exchange_in(await outgoing.send(orders("1")))
    assert found.body is not None
    assert found.body.startswith("a\ufffd[2J\nb\ufffd\u202ezzz")  # who shows it makes the rest visible
    assert len(found.body) == TEXT_LENGTH


async def test_an_answer_whose_reason_stands_late_is_kept_with_its_reason(target: Target, opened: Opening) -> None:
    body = {"trace": "at com.example.Order\n" * 150, "message": "customer is blocked"}
    for status in (422, 500, 303):
        target.answering = lambda got, status=status: web.json_response(body, status=status)
        async with opened({"path": "/o"}) as outgoing:
            (result,) = await outgoing.send(orders("1"))
        found = exchange_in([result])
        assert found.status == status
        assert (found.body or "").endswith('customer is blocked"}')
        assert result.reason is not None
        assert len(result.reason) <= 500
        if status != 303:  # it is about the address
            assert "customer is blocked" in result.reason
