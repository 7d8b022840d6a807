"""Several requests for one entity, and one of several: what is sent, what a step sees, and where it ends."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from outgoing_target import Opening, Target, order

from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.progress import Progress, StepDone
from airflow_integrations.outgoing import Outbound, Result

PARTY: dict[str, Any] = {
    "name": "party",
    "upsert": {
        "find": {
            "path": "/parties",
            "query": {"code": "{{ order.customer }}"},
            "target": "body.data",
            "id": "target.id",
        },
        "create": {"path": "/parties", "body": {"code": "order.customer"}},
    },
    "result": "body.id",
}
SALE: dict[str, Any] = {
    "name": "sale",
    "path": "/sales",
    "body": {"party": "party", "total": "order.total"},
    "result": "body.id",
}
CONFIRM: dict[str, Any] = {"when": "order.paid", "path": "/sales/{{ sale }}/confirm", "body": {}}
STEPS: dict[str, Any] = {"steps": [PARTY, SALE, CONFIRM], "target_id": "sale"}


def answers(by_path: dict[str, Any]) -> Callable[[Any], Any]:
    """By method and path, what the target says: a value, or a list of which each request gets the next."""

    def answering(got: Any) -> Any:
        found = by_path.get(f"{got.method} {got.path}", 201)
        return found.pop(0) if isinstance(found, list) else found

    return answering


def asked(target: Target) -> list[str]:
    return [f"{got.method} {got.path}" for got in target.received]


def paid(**fields: Any) -> Outbound:
    return order("7", **{"customer": "C1", "total": Decimal("12.50"), "paid": True, **fields})


async def sent(opened: Opening, options: dict[str, Any], outbound: Outbound | None = None, **more: Any) -> Result:
    async with opened(options, **more) as outgoing:
        (result,) = await outgoing.send([outbound or paid()])
    return result


HAPPY = {"GET /parties": {"data": []}, "POST /parties": {"id": 42}, "POST /sales": {"id": "S-1"}}


async def test_each_step_sees_the_results_of_those_before_it(target: Target, opened: Opening) -> None:
    target.answering = answers(dict(HAPPY))
    result = await sent(opened, STEPS)
    assert (result.status, result.target_id) == ("delivered", "S-1")
    assert asked(target) == ["GET /parties", "POST /parties", "POST /sales", "POST /sales/S-1/confirm"]
    assert target.received[2].body == {"party": 42, "total": Decimal("12.50")}
    keys = [got.headers.get("Idempotency-Key") for got in target.received]
    assert keys[0] is None
    assert len(set(keys[1:])) == 3


async def test_keys_are_the_same_for_the_same_content_and_others_for_other(target: Target, opened: Opening) -> None:
    for total in ("1", "1", "2"):
        target.answering = answers(dict(HAPPY))
        await sent(opened, STEPS, paid(total=Decimal(total)))
    keys = [got.headers["Idempotency-Key"] for got in target.received if got.method == "POST"]
    assert keys[:3] == keys[3:6]
    assert set(keys[:3]).isdisjoint(keys[6:])


async def test_what_is_found_has_the_id_of_find(target: Target, opened: Opening) -> None:
    target.answering = answers({**HAPPY, "GET /parties": {"data": [{"id": 9}]}})
    result = await sent(opened, STEPS)
    assert result.status == "delivered"
    assert target.received[1].body["party"] == 9


async def test_a_step_whose_condition_does_not_hold_is_left_out(target: Target, opened: Opening) -> None:
    target.answering = answers(dict(HAPPY))
    assert (await sent(opened, STEPS, paid(paid=False))).status == "delivered"
    assert asked(target)[-1] == "POST /sales"


async def test_where_no_condition_holds_nothing_is_sent(target: Target, opened: Opening) -> None:
    result = await sent(opened, {"steps": [{"when": "order.paid", "path": "/a"}]}, paid(paid=False))
    assert (result.status, target.received) == ("skipped", [])


@pytest.mark.parametrize("status", [400, 404, 409, 422])
async def test_a_refusal_names_its_step_and_what_was_confirmed_is_kept(
    target: Target, opened: Opening, status: int
) -> None:
    target.answering = answers({**HAPPY, "POST /sales": status})
    outbound = paid()
    result = await sent(opened, STEPS, outbound)
    assert (result.status, result.http_status, result.target_id) == ("failed", status, None)
    assert result.reason is not None
    assert result.reason.startswith(f"sale: {status}")
    assert outbound.progress is not None
    assert [(done.step, done.value, done.request) for done in outbound.progress.done.values()] == [
        ("party", 42, "erp: POST /parties")
    ]
    assert result.exchange is not None
    assert result.exchange().request.endswith("/sales")


async def test_it_goes_on_behind_what_is_confirmed(target: Target, opened: Opening) -> None:
    target.answering = answers(dict(HAPPY))
    outbound = paid()
    outbound.progress = Progress([StepDone("party", "12345678901234567890", "", 201, 0.0)])
    assert (await sent(opened, STEPS, outbound)).status == "delivered"
    assert asked(target) == ["POST /sales", "POST /sales/S-1/confirm"]
    assert target.received[0].body["party"] == 12345678901234567890


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({}, ("in_doubt", False)),
        ({"retry_unsafe": True}, ("delivered", None)),
        ({"idempotent": True}, ("delivered", None)),
        ({"method": "PUT"}, ("delivered", None)),
    ],
)
async def test_what_was_unanswered_goes_again_where_that_is_harmless(
    target: Target, opened: Opening, step: dict[str, Any], expected: tuple[str, bool | None]
) -> None:
    outbound = paid()
    outbound.progress = Progress([StepDone("POST /a", "null", "", 201, 0.0)], unanswered=True)
    result = await sent(opened, {"steps": [{"path": "/a"}, {"path": "/b", **step}]}, outbound)
    assert (result.status, result.later) == expected


async def test_what_a_person_released_goes_again(target: Target, opened: Opening) -> None:
    outbound = paid()
    outbound.progress = Progress(unanswered=True, released=True)
    assert (await sent(opened, {"steps": [{"path": "/a"}]}, outbound)).status == "delivered"


VERIFIED = {
    "name": "sale",
    "path": "/sales",
    "result": "body.id",
    "verify": {"path": "/sales/by-ref/{{ order.number }}", "id": "body.id"},
}


@pytest.mark.parametrize(
    ("there", "requests"),
    [
        ({"id": 5}, ["GET /sales/by-ref/7", "POST /note"]),
        (404, ["GET /sales/by-ref/7", "POST /sales", "POST /note"]),
    ],
)
async def test_a_step_in_doubt_is_asked_for_and_gives_its_result(
    target: Target, opened: Opening, there: Any, requests: list[str]
) -> None:
    target.answering = answers({"GET /sales/by-ref/7": there, "POST /sales": {"id": 5}})
    outbound = paid()
    outbound.progress = Progress(unanswered=True)
    options = {"steps": [VERIFIED, {"path": "/note", "body": {"sale": "sale"}}]}
    assert (await sent(opened, options, outbound)).status == "delivered"
    assert asked(target) == requests
    assert target.received[-1].body == {"sale": 5}


async def test_a_question_that_meets_an_outage_leaves_the_doubt(target: Target, opened: Opening) -> None:
    target.answering = answers({"GET /sales/by-ref/7": 503})
    outbound = paid()
    outbound.progress = Progress(unanswered=True)
    with pytest.raises(OutageError):
        await sent(opened, {"steps": [VERIFIED]}, outbound, retry_budget=0)
    assert outbound.progress.unanswered


@pytest.mark.parametrize("verify", [True, False])
async def test_an_answer_that_is_lost_leaves_the_step_in_doubt(target: Target, opened: Opening, verify: bool) -> None:
    target.answering = lambda got: Target.RESET
    outbound = paid()
    step = VERIFIED if verify else {"path": "/sales"}
    result = await sent(opened, {"steps": [step]}, outbound)
    assert (result.status, result.later) == ("in_doubt", None if verify else False)
    assert outbound.progress is not None
    assert outbound.progress.unanswered


async def test_an_answer_without_the_result_leaves_the_step_in_doubt(target: Target, opened: Opening) -> None:
    target.answering = answers({**HAPPY, "POST /sales": {"number": 1}})
    result = await sent(opened, STEPS)
    assert (result.status, result.cause, result.later) == ("in_doubt", "unreadable", False)
    assert "has no result for the steps behind it" in str(result.reason)
    assert asked(target)[-1] == "POST /sales"


async def test_a_result_is_bounded(target: Target, opened: Opening) -> None:
    target.answering = answers({"POST /a": {"text": "x" * 1_100_000}})
    result = await sent(opened, {"steps": [{"name": "a", "path": "/a", "result": "body"}, {"path": "/b"}]})
    assert (result.status, asked(target)) == ("in_doubt", ["POST /a"])


LINES = {
    "name": "line_ids",
    "each": "order.lines",
    "when": "item.qty > 0",
    "path": "/lines/{{ item.sku }}",
    "body": {"qty": "item.qty"},
    "result": "body.id",
}


async def test_one_request_for_each_item(target: Target, opened: Opening) -> None:
    target.answering = answers({"POST /lines/A": {"id": 1}, "POST /lines/C": {"id": 3}})
    lines = [{"sku": "A", "qty": 1}, {"sku": "B", "qty": 0}, {"sku": "C", "qty": 2}]
    result = await sent(opened, {"steps": [LINES, {"path": "/done", "body": {"ids": "line_ids"}}]}, paid(lines=lines))
    assert result.status == "delivered"
    assert asked(target) == ["POST /lines/A", "POST /lines/C", "POST /done"]
    assert target.received[-1].body == {"ids": [1, None, 3]}
    assert len({got.headers["Idempotency-Key"] for got in target.received}) == 3


async def test_items_go_on_at_the_one_that_is_not_confirmed(target: Target, opened: Opening) -> None:
    target.answering = answers({"POST /lines/A": {"id": 1}, "POST /lines/C": [422, {"id": 3}]})
    outbound = paid(lines=[{"sku": "A", "qty": 1}, {"sku": "C", "qty": 2}])
    first = await sent(opened, {"steps": [LINES]}, outbound)
    assert str(first.reason).startswith("line_ids[1]: 422")
    assert (await sent(opened, {"steps": [LINES]}, outbound)).status == "delivered"
    assert asked(target) == ["POST /lines/A", "POST /lines/C", "POST /lines/C"]


@pytest.mark.parametrize(("lines", "told"), [("x", "read text"), (None, "nothing"), ([{}] * 1001, "1001 elements")])
async def test_what_is_no_list_fails(target: Target, opened: Opening, lines: Any, told: str) -> None:
    result = await sent(opened, {"steps": [LINES]}, paid(lines=lines))
    assert (result.status, result.cause, target.received) == ("failed", "unwritable", [])
    assert told in str(result.reason)


async def test_an_upsert_that_only_updates_fails_where_its_result_is_read(target: Target, opened: Opening) -> None:
    find = {"path": "/p", "target": "body.data", "id": "target.id"}
    upsert = {"find": find, "update": {"path": "/p/{{ target.id }}"}}
    target.answering = answers({"GET /p": {"data": []}})
    result = await sent(opened, {"steps": [{"name": "p", "upsert": upsert, "result": "body.id"}, {"path": "/x"}]})
    assert (result.status, result.cause, asked(target)) == ("failed", "refused", ["GET /p"])
    again = await sent(opened, {"steps": [{"upsert": upsert}, {"path": "/x"}]})
    assert (again.status, asked(target)[-1]) == ("delivered", "POST /x")


CHOOSE = {
    "choose": [
        {"when": "order.cancelled", "path": "/orders/{{ target_id }}/cancel", "body": {}},
        {"when": "delivered", "method": "PATCH", "path": "/orders/{{ target_id }}"},
        {"path": "/orders", "id": "body.id"},
    ]
}


@pytest.mark.parametrize(
    ("cancelled", "delivered", "request_line", "target_id"),
    [
        (True, True, "POST /orders/T%2F1/cancel", None),
        (False, True, "PATCH /orders/T%2F1", None),
        (False, False, "POST /orders", "T-9"),
    ],
)
async def test_the_first_choice_that_applies_is_taken(
    target: Target, opened: Opening, cancelled: bool, delivered: bool, request_line: str, target_id: str | None
) -> None:
    target.answering = lambda got: {"id": "T-9"}
    outbound = paid(cancelled=cancelled)
    outbound.delivered, outbound.target_id = delivered, "T/1" if delivered else None
    result = await sent(opened, CHOOSE, outbound)
    assert (result.status, result.target_id) == ("delivered", target_id)
    (got,) = target.received
    assert f"{got.method} {got.raw_path}" == request_line
    assert got.headers["Idempotency-Key"] == outbound.idempotency_key


async def test_a_choice_that_may_not_go_twice_is_held_and_another_is_not(target: Target, opened: Opening) -> None:
    for idempotent in (False, True):
        outbound = paid(cancelled=False)
        outbound.progress = Progress(unanswered=True)
        choices = [{"when": "order.cancelled", "method": "PUT", "path": "/c"}, {"path": "/o", "idempotent": idempotent}]
        result = await sent(opened, {"choose": choices}, outbound)
        assert result.status == ("delivered" if idempotent else "in_doubt")


async def test_where_no_choice_applies_it_is_skipped(target: Target, opened: Opening) -> None:
    result = await sent(opened, {"choose": [{"when": "order.cancelled", "path": "/c"}]}, paid(cancelled=False))
    assert (result.status, target.received) == ("skipped", [])


async def test_a_condition_that_cannot_be_told_fails(target: Target, opened: Opening) -> None:
    result = await sent(opened, {"steps": [{"name": "a", "when": "order.total > order.customer", "path": "/a"}]})
    assert (result.status, result.cause, target.received) == ("failed", "unwritable", [])
    assert str(result.reason).startswith("a: when: ")


async def test_secrets_are_in_no_result(target: Target, opened: Opening) -> None:
    target.answering = answers({"POST /a": {"id": {"url": "x?key=s3cr3t-token-1"}}, "POST /b": 422})
    outbound = paid()
    options = {"steps": [{"name": "a", "path": "/a", "result": "body.id"}, {"path": "/b"}]}
    await sent(opened, options, outbound, headers={"Authorization": "s3cr3t-token-1"})
    assert outbound.progress is not None
    assert "s3cr3t" not in outbound.progress.dump()


async def test_a_page_that_answers_confirms_nothing(target: Target, opened: Opening) -> None:
    target.answering = lambda got: web.Response(text="<html>log in</html>", content_type="text/html")
    result = await sent(opened, {"steps": [{"path": "/a"}, {"path": "/b"}]})
    assert (result.status, len(target.received)) == ("in_doubt", 1)


def test_restarting_from_a_step() -> None:
    done = [StepDone(step, "1", "", 201, 0.0) for step in ("a", "b[0]", "b[1]", "c")]
    again = Progress.read(Progress(done).restarted_from("b").dump())
    assert (list(again.done), again.again) == (["a"], ["b"])
    with pytest.raises(KeyError):
        again.restarted_from("c")


async def test_what_is_sent_once_more_has_another_key(target: Target, opened: Opening) -> None:
    options = {"steps": [{"path": path} for path in ("/a", "/b", "/c")]}
    await sent(opened, options)
    outbound = paid()
    done = [StepDone(step, "null", "", 201, 0.0) for step in ("POST /a", "POST /b")]
    outbound.progress = Progress(done).restarted_from("POST /b")
    await sent(opened, options, outbound)
    keys = {
        path: [got.headers["Idempotency-Key"] for got in target.received if got.path == path] for path in ("/b", "/c")
    }
    assert asked(target) == ["POST /a", "POST /b", "POST /c", "POST /b", "POST /c"]
    assert all(len(set(both)) == 2 for both in keys.values())
