"""What a route's rules say of an answer, before its status does."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from outgoing_target import Opening, Received, Target, order, orders, statuses

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.outgoing import Result

RULES = {
    "error_when": "body.errors",
    "retry_when": 'body.code == "THROTTLED"',
    "refused_when": 'body.code == "UNIQUE"',
    "stop_when": 'body.code == "BAD_TOKEN"',
}
ANY = [200, 202, 302, 303, 304, 400, 401, 403, 404, 408, 409, 422, 429, 500, 501, 502, 503, 504, 599]
STATUSES = pytest.mark.parametrize("status", ANY)


def said(status: int, **body: Any) -> web.Response:
    return web.json_response(body, status=status)


def told(result: Result) -> tuple[str, int | None, bool | None]:
    return result.status, result.http_status, result.later


@pytest.mark.parametrize("status", [status for status in ANY if status != 304])
async def test_a_refusal_is_final_whatever_the_status(target: Target, opened: Opening, status: int) -> None:
    target.answering = lambda got: said(status, code="UNIQUE", message="number is taken")
    async with opened({"path": "/o", **RULES}) as outgoing:
        (result,) = await outgoing.send(orders("1"))
    assert told(result) == ("failed", status, False)
    assert "number is taken" in (result.reason or "")
    assert "refused_when" in (result.reason or "")
    assert len(target.received) == 1


@pytest.mark.parametrize("status", [status for status in ANY if status != 304])
async def test_what_means_later_is_sent_again_whatever_the_status(target: Target, opened: Opening, status: int) -> None:
    answers = [said(status, code="THROTTLED"), said(status, code="THROTTLED"), said(201)]
    target.answering = lambda got: answers.pop(0)
    async with opened({"path": "/o", **RULES}) as outgoing:
        assert statuses(await outgoing.send(orders("1"))) == ["delivered"]
    assert len({got.headers["Idempotency-Key"] for got in target.received}) == 1


async def test_what_stays_later_is_put_off_alone(target: Target, opened: Opening) -> None:
    """Rows that are locked stop nobody else, however many of them come first."""
    target.answering = lambda got: (
        said(201) if b"free" in got.content else said(200, code="THROTTLED", message="locked")
    )
    async with opened({"path": "/o", **RULES}, retry_budget=0) as outgoing:
        for _ in range(3):
            for number in range(10):
                (result,) = await outgoing.send(orders(str(number)))
                assert told(result) == ("failed", 200, True)
                assert "200 OK: THROTTLED: locked" in (result.reason or "")
                assert result.exchange is not None
            assert statuses(await outgoing.send(orders("free"))) == ["delivered"]


async def test_where_everything_is_later_it_is_an_outage(target: Target, opened: Opening) -> None:
    target.answering = lambda got: said(200, code="THROTTLED", message="slow down")
    async with opened({"path": "/o", **RULES}, retry_budget=0) as outgoing:
        for number in range(10):
            await outgoing.send(orders(str(number)))
        with pytest.raises(OutageError, match=r"200 OK: .*slow down"):
            await outgoing.send(orders("10"))


@pytest.mark.parametrize("status", [429, 503])
async def test_a_status_that_says_later_is_an_outage_at_once(target: Target, opened: Opening, status: int) -> None:
    target.answering = lambda got: said(status, code="THROTTLED")
    async with opened({"path": "/o", **RULES}, retry_budget=0) as outgoing:
        with pytest.raises(OutageError):
            await outgoing.send(orders("1"))


@pytest.mark.parametrize("at", ["GET", "POST", "DELETE"])
async def test_later_at_any_request_puts_the_entity_off(target: Target, opened: Opening, at: str) -> None:
    target.answering = lambda got: said(200, code="THROTTLED") if got.method == at else {"items": []}
    options = {"upsert": UPSERT, **RULES, "delete": {"path": "/o/{{ key }}"}}
    async with opened(options, retry_budget=0) as outgoing:
        (result,) = await outgoing.send([gone("1") if at == "DELETE" else order("1")])
    assert told(result) == ("failed", 200, True)


@pytest.mark.parametrize("status", [200, 303, 401, 403, 409, 500, 503])
async def test_refused_credentials_stop_the_run_whatever_the_status(
    target: Target, opened: Opening, status: int
) -> None:
    target.answering = lambda got: said(status, code="BAD_TOKEN", message="session is over")
    async with opened({"path": "/o", **RULES}) as outgoing:
        with pytest.raises(SetupError, match="session is over") as caught:
            await outgoing.send(orders("1"))
    assert "outgoing.http.stop_when" in str(caught.value)
    assert caught.value.exchange is not None
    assert caught.value.exchange().status == status


async def test_an_error_in_a_200_is_no_delivery(target: Target, opened: Opening) -> None:
    target.answering = lambda got: said(200, errors=[{"message": "no such sku"}], data=None)
    async with opened({"path": "/o", **RULES}) as outgoing:
        (result,) = await outgoing.send(orders("1"))
    assert told(result) == ("failed", 200, False)
    assert result.reason == "200 OK: no such sku, as error_when (body.errors) says"


async def test_a_good_answer_that_a_rule_cannot_read_is_in_doubt(target: Target, opened: Opening) -> None:
    target.answering = lambda got: web.Response(body=b'{"cut', content_type="application/json")
    async with opened({"path": "/o", "error_when": "body.errors"}) as outgoing:
        (result,) = await outgoing.send(orders("1"))
    assert (result.status, result.cause) == ("in_doubt", "unreadable")
    assert "error_when" in (result.reason or "")


async def test_a_rule_that_cannot_be_read_leaves_it_to_those_that_can(target: Target, opened: Opening) -> None:
    options = {"path": "/o", "retry_when": 'body.errors[0].code == "LOCKED"', "error_when": "body.errors"}
    async with opened(options) as outgoing:
        target.answering = lambda got: {"errors": "closed"}
        assert statuses(await outgoing.send(orders("1"))) == ["failed"]
        for body in ("closed", ["closed"]):
            target.answering = lambda got, body=body: web.json_response(body)
            assert statuses(await outgoing.send(orders("1"))) == ["in_doubt"]


@pytest.mark.parametrize(("status", "expected"), [(204, "delivered"), (422, "failed")])
async def test_an_answer_that_no_rule_meets_is_judged_as_without(
    target: Target, opened: Opening, status: int, expected: str
) -> None:
    target.answering = lambda got: web.Response(status=status)
    async with opened({"path": "/o", **RULES}) as outgoing:
        assert statuses(await outgoing.send(orders("1"))) == [expected]


async def test_a_refused_batch_is_halved_and_one_with_an_error_is_not(target: Target, opened: Opening) -> None:
    def answering(got: Received) -> Any:
        return said(500, code="UNIQUE") if "bad" in got.keys else said(200)

    target.answering = answering
    async with opened({"path": "/o", **RULES}, batch=4) as outgoing:
        got = await outgoing.send(orders("a", "bad", "c", "d"))
        assert statuses(got) == ["delivered", "failed", "delivered", "delivered"]
        assert target.sizes == [4, 2, 1, 1, 2]
        target.received.clear()
        target.answering = lambda got: said(200, errors=["half of it is done"])
        assert statuses(await outgoing.send(orders("a", "b"))) == ["failed", "failed"]
        assert target.sizes == [2]


@STATUSES
async def test_success_when_is_asked_for_every_final_status(target: Target, opened: Opening, status: int) -> None:
    target.answering = lambda got: web.Response(status=status, headers={"Location": "/orders/7"})
    options = {"path": "/o", "success_when": f"status == {status}", "id": 'headers["Location"]'}
    async with opened(options) as outgoing:
        (result,) = await outgoing.send(orders("1"))
    assert (result.status, result.http_status, result.target_id) == ("delivered", status, "/orders/7")
    assert len(target.received) == 1


@STATUSES
async def test_waiting_when_is_asked_for_every_final_status(target: Target, opened: Opening, status: int) -> None:
    target.answering = lambda got: web.Response(status=status)
    async with opened({"path": "/o", "waiting_when": f"status == {status}"}) as outgoing:
        (result,) = await outgoing.send(orders("1"))
    assert (result.status, result.http_status) == ("waiting", status)


async def test_success_when_that_is_not_met_leaves_a_bad_status_to_itself(target: Target, opened: Opening) -> None:
    options = {"path": "/o", "success_when": "body.ok"}
    async with opened(options) as outgoing:
        for body in ({"ok": False}, {}):
            target.answering = lambda got, body=body: said(500, **body)
            assert statuses(await outgoing.send(orders("1"))) == ["in_doubt"]
            target.answering = lambda got, body=body: said(503, **body)
            with pytest.raises(OutageError):
                await outgoing.send(orders("1"))
            target.answering = lambda got, body=body: said(401, **body)
            with pytest.raises(SetupError):
                await outgoing.send(orders("1"))
        target.answering = lambda got: web.Response(status=303, headers={"Location": "/login"})
        (result,) = await outgoing.send(orders("1"))
        assert (result.status, "/login" in (result.reason or "")) == ("failed", True)
        assert result.exchange is not None
        assert result.exchange().status == 303


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (web.Response(status=204), "read nothing in the answer: 204 No Content, an answer without content"),
        (said(200, ok=False), "is not met: 200 OK: ok: false"),
        (said(200, ok=False, message="credit limit"), "is not met: 200 OK: credit limit"),
        (said(200, other=1), "read nothing in the answer: 200 OK: other: 1"),
    ],
)
async def test_where_success_when_is_not_met_the_reason_says_so(
    target: Target, opened: Opening, answer: Any, reason: str
) -> None:
    target.answering = lambda got: answer
    async with opened({"path": "/o", "success_when": "body.ok"}) as outgoing:
        (result,) = await outgoing.send(orders("1"))
    assert result.reason == f"success_when (body.ok) {reason}"


FIND = {"path": "/o", "query": {"ref": "{{ order.number }}"}, "target": "body.items"}
UPSERT: dict[str, Any] = {
    "find": FIND,
    "create": {"path": "/o"},
    "update": {"path": "/o/{{ target.id }}", "method": "PATCH"},
}


@pytest.mark.parametrize("at", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize("own", [False, True])
async def test_the_rules_hold_for_each_request_of_an_upsert(
    target: Target, opened: Opening, at: str, own: bool
) -> None:
    where = {"GET": "find", "POST": "create", "PATCH": "update"}[at]
    rules = {name: rule for name, rule in RULES.items() if where != "find" or name != "refused_when"}
    options: dict[str, Any] = {"upsert": UPSERT, **rules}
    if own:
        options = {"upsert": {**UPSERT, where: {**UPSERT[where], **rules}}}
    bad: list[Any] = []

    def answering(got: Received) -> Any:
        if got.method == at and bad:
            return bad.pop(0)
        return {"items": [{"id": 1}] if at == "PATCH" else []} if got.method == "GET" else 200

    target.answering = answering
    async with opened(options) as outgoing:
        bad[:] = [said(200, code="THROTTLED")]
        assert statuses(await outgoing.send(orders("1"))) == ["delivered"]
        bad[:] = [said(200, errors=[{"message": "no such sku"}], items=[])]
        target.received.clear()
        (result,) = await outgoing.send(orders("1"))
        assert (result.status, "no such sku" in (result.reason or "")) == ("failed", True)
        assert target.received[-1].method == at
        bad[:] = [said(200, code="BAD_TOKEN")]
        with pytest.raises(SetupError):
            await outgoing.send(orders("1"))


async def test_an_own_rule_stands_in_place_of_the_shared_one(target: Target, opened: Opening) -> None:
    find = {**FIND, "error_when": "body.failed"}
    target.answering = lambda got: {"errors": ["none of our business"], "items": [], "failed": False}
    options = {
        "upsert": {"find": find, "create": {"path": "/o", "error_when": "status > 299"}},
        "error_when": "body.errors",
    }
    async with opened(options) as outgoing:
        assert statuses(await outgoing.send(orders("1"))) == ["delivered"]


async def test_an_own_format(target: Target, opened: Opening) -> None:
    def answering(got: Received) -> Any:
        text = "id;name\n7;x\n" if got.method == "GET" else '{"id": "N1"}'
        return web.Response(text=text, content_type="text/plain")

    target.answering = answering
    find = {**FIND, "target": "[row for row in body if row.id == '7']", "format": "csv", "csv": {"delimiter": ";"}}
    options = {"upsert": {**UPSERT, "find": find}, "format": "json", "id": "body.id"}
    async with opened(options) as outgoing:
        (result,) = await outgoing.send(orders("1"))
    assert (result.status, result.target_id) == ("delivered", "N1")
    assert target.received[-1].path == "/o/7"


def gone(key: str) -> Any:
    outbound = order(key)
    outbound.deleted = True
    return outbound


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said(200, errors=[{"message": "is invoiced"}]), "failed"),
        (said(500, code="UNIQUE"), "failed"),
        (said(404, errors=["gone"]), "delivered"),
        (said(200), "delivered"),
        (web.Response(body=b"{", content_type="application/json"), "in_doubt"),
    ],
)
async def test_the_rules_hold_for_a_deletion(target: Target, opened: Opening, answer: Any, expected: str) -> None:
    target.answering = lambda got: answer
    options = {"path": "/o", "id": "body.id", **RULES, "delete": {"path": "/o/{{ key }}"}}
    async with opened(options) as outgoing:
        assert statuses(await outgoing.send([gone("1")])) == [expected]


async def test_the_rules_hold_for_a_verification(target: Target, opened: Opening) -> None:
    options = {"path": "/o", **RULES, "verify": {"path": "/o"}}
    async with opened(options) as outgoing:
        target.answering = lambda got: said(200, errors=["too many connections"])
        result = await outgoing.verify(order("1"))
        assert result is not None
        assert (result.status, result.cause) == ("in_doubt", "unknown")
        answers = [said(200, code="THROTTLED"), said(200, id=1)]
        target.answering = lambda got: answers.pop(0)
        result = await outgoing.verify(order("1"))
        assert result is not None
        assert result.status == "delivered"


@pytest.mark.parametrize("body", [{"errors": [{"message": "x"}], "data": None}, {"result": None, "error": {"code": 1}}])
async def test_a_verification_that_reports_an_error_finds_nothing(target: Target, opened: Opening, body: Any) -> None:
    target.answering = lambda got: body
    async with opened({"path": "/o", "verify": {"path": "/o"}}) as outgoing:
        result = await outgoing.verify(order("1"))
    assert result is not None
    assert result.status == "in_doubt"


@pytest.mark.parametrize(
    ("body", "found_when", "status"),
    [
        ({"errors": ["timeout"], "data": {"orders": []}}, "length(body.data.orders) > 0", "in_doubt"),
        ({"success": False, "orders": []}, "length(body.orders) > 0", "in_doubt"),
        ({"status": "error"}, "status == 201", "in_doubt"),
        ({"errors": [], "orders": []}, "length(body.orders) > 0", None),
        (lambda: web.Response(text="no JSON", content_type="text/plain"), "status == 201", None),
        (lambda: web.Response(status=200), "status == 201", None),
    ],
    ids=range(6),
)
async def test_what_is_not_found_beside_an_error_may_be_there(
    target: Target, opened: Opening, body: Any, found_when: str, status: str | None
) -> None:
    target.answering = lambda got: body() if callable(body) else body
    async with opened({"path": "/o", "verify": {"path": "/o", "found_when": found_when}}) as outgoing:
        result = await outgoing.verify(order("1"))
    assert (result and result.status) == status
    own = {"path": "/o", "found_when": found_when, "error_when": "status == 500"}
    async with opened({"path": "/o", "verify": own}) as outgoing:
        assert await outgoing.verify(order("1")) is None
