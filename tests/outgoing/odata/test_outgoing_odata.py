"""Writing entities: keys, ETags, batches, and what becomes of each where some are refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from odata_service import ODataService

from airflow_integrations.formats.json import encode
from airflow_integrations.outgoing import Outbound, Outgoing, Result
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.window import Window

WINDOW = Window(datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
KEY = {"id": "order.id"}


def route(options: dict[str, Any], *, batch: int = 1, **more: Any) -> Route:
    return Route.load(
        {
            "route": "orders",
            "entity": {"name": "order", "key": "order.id"},
            "incoming": {"odata": {"connection": "erp", "entity_set": "X"}},
            "outgoing": {"odata": {"connection": "erp", "entity_set": "Orders", "id": "id", **options}},
            "delivery": {"batch": batch, **more.pop("delivery", {})},
            **more,
        }
    )


@asynccontextmanager
async def opened(service: ODataService, made: Route) -> AsyncIterator[Outgoing]:
    async def no_time(seconds: float) -> None:
        pass

    outgoing: Outgoing = made.outgoing.component()(made.outgoing.config, made)
    async with service.serving(), Services(service, sleep=no_time) as services:
        await outgoing.open(Run(made, "run", WINDOW), services)
        yield outgoing
        await outgoing.close()


async def send(service: ODataService, made: Route, batch: Sequence[Outbound]) -> list[Result]:
    async with opened(service, made) as outgoing:
        return await outgoing.send(batch)


def order(number: str, **fields: Any) -> Outbound:
    return Outbound(number, encode({"id": number, **fields}), route="orders")


def orders(*numbers: str) -> list[Outbound]:
    return [order(number, total=1) for number in numbers]


def deletion(number: str) -> Outbound:
    return Outbound(number, b"null", route="orders", generation=1, deleted=True, target_id=number)


@pytest.mark.parametrize("version", [2, 4])
async def test_an_upsert_creates_then_updates_the_state_that_it_found(version: int) -> None:
    service = ODataService(version=version)
    made = route({"version": version, "key": KEY, "create_only": ["id"]})
    async with opened(service, made) as outgoing:
        (created,) = await outgoing.send([order("O'1/x", total=Decimal("10.10"))])
        (updated,) = await outgoing.send([order("O'1/x", total=Decimal("11.00"))])
    assert [created.status, updated.status] == ["delivered", "delivered"]
    assert [created.target_id, updated.target_id] == ["O'1/x", "O'1/x"]
    sent = [asked.body for asked in service.asked if asked.body is not None]
    total: list[Any] = ["10.10", "11.00"] if version == 2 else [10.10, 11]
    assert sent == [{"id": "O'1/x", "total": total[0]}, {"total": total[1]}]
    assert [asked.headers.get("if-match") for asked in service.asked] == [None, None, None, 'W/"0"']


async def test_what_somebody_else_changed_meanwhile_is_found_again() -> None:
    def change(service: ODataService, key: str) -> None:
        service.etags[key] = 9

    service = ODataService(entities={"1": {"id": "1"}}, before_update=change)
    (result,) = await send(service, route({"key": KEY}), orders("1"))
    assert result.status == "delivered"
    assert [asked.headers.get("if-match") for asked in service.asked if asked.method == "PATCH"] == ['W/"0"', 'W/"9"']


async def test_a_key_that_the_service_gives_is_found_by_other_properties() -> None:
    service = ODataService(entities={"77": {"id": "77", "ref": "A'1"}})
    made = route({"find": {"ref": "order.ref"}, "create_only": ["id"]})
    (result,) = await send(service, made, [order("x", ref="A'1", total=2)])
    assert (result.status, result.target_id) == ("delivered", "77")
    assert service.entities["77"]["total"] == 2
    assert service.asked[0].query["$filter"] == "ref eq 'A''1'"


async def test_two_that_fit_are_told_and_none_is_written() -> None:
    service = ODataService(entities={n: {"id": n, "ref": "A"} for n in "12"})
    (result,) = await send(service, route({"find": {"ref": "order.ref"}}), [order("x", ref="A")])
    assert result.status == "failed"
    assert all(asked.method == "GET" for asked in service.asked)


async def test_a_create_is_sent_once_with_its_lists_inside() -> None:
    service = ODataService()
    items = [{"sku": "a", "qty": Decimal("1.500")}]
    (result,) = await send(service, route({"operation": "create"}), [order("1", items=items)])
    assert result.target_id == "1"
    assert service.entities["1"]["items"] == [{"sku": "a", "qty": 1.5}]


async def test_an_update_never_creates() -> None:
    service = ODataService(entities={"1": {"id": "1"}})
    found = await send(service, route({"operation": "update", "key": KEY}), orders("1"))
    assert found[0].status == "delivered"
    missing = await send(service, route({"operation": "update", "key": KEY}), orders("2"))
    assert (missing[0].status, missing[0].http_status) == ("failed", 404)
    assert service.asked[-1].headers["if-match"] == "*"


async def test_deleting_again_is_no_error() -> None:
    service = ODataService(entities={"1": {"id": "1"}})
    made = route({"key": KEY, "delete": {"id": "key"}}, missing="emit")
    async with opened(service, made) as outgoing:
        results = [*await outgoing.send([deletion("1")]), *await outgoing.send([deletion("1")])]
    assert [result.status for result in results] == ["delivered", "delivered"]
    assert service.entities == {}


@pytest.mark.parametrize(("version", "format_"), [(2, "multipart"), (4, "multipart"), (4, "json")])
@pytest.mark.parametrize("stops", [False, True])
async def test_a_refused_entity_of_a_batch_fails_alone(version: int, format_: str, *, stops: bool) -> None:
    service = ODataService(version=version, stops=stops and version == 4)
    service.refused = lambda entity: "no" if entity["id"] == "3" else None
    made = route({"version": version, "operation": "create", "batch": {"format": format_}}, batch=5)
    results = await send(service, made, orders("1", "2", "3", "4", "5"))
    assert [result.status for result in results] == ["delivered", "delivered", "failed", "delivered", "delivered"]
    assert [result.target_id for result in results] == ["1", "2", None, "4", "5"]
    assert "no" in str(results[2].reason)
    assert sorted(service.entities) == ["1", "2", "4", "5"]
    assert [asked.body["id"] for asked in service.asked].count("1") == 1
    assert service.batches == (2 if stops and version == 4 else 1)


async def test_an_entity_that_cannot_be_written_leaves_the_batch_alone() -> None:
    service = ODataService()
    made = route({"operation": "create", "body": {"id": "order.id", "half": "order.total / 2"}}, batch=3)
    batch = [order("1", total=4), order("2"), order("3", total=4)]
    assert [result.status for result in await send(service, made, batch)] == ["delivered", "failed", "delivered"]


async def test_deletions_among_others_of_a_batch() -> None:
    service = ODataService(entities={"9": {"id": "9"}})
    made = route({"operation": "create", "delete": {"id": "key"}}, batch=5, missing="emit")
    results = await send(service, made, [*orders("1"), deletion("9"), *orders("2")])
    assert [result.status for result in results] == ["delivered"] * 3
    assert sorted(service.entities) == ["1", "2"]


async def test_what_the_answer_says_nothing_about_is_in_doubt() -> None:
    class Forgetful(ODataService):
        def _json_batch(self, batch: dict[str, Any]) -> Any:
            super()._json_batch(batch)
            return super()._json_batch({"requests": batch["requests"][:0]})

    service = Forgetful()
    made = route({"operation": "create", "batch": {"format": "json"}}, batch=2)
    results = await send(service, made, orders("1", "2"))
    assert [result.status for result in results] == ["in_doubt", "in_doubt"]


@pytest.mark.parametrize(
    ("shown", "status"), [("\ud83d", "delivered"), (float("nan"), "in_doubt")], ids=["half a pair", "no number"]
)
async def test_an_answer_of_a_batch_that_cannot_be_read_is_one_entitys_matter(shown: Any, status: str) -> None:
    """The service shows what it has of B, and that is broken; what it refuses behind it is not sent again."""
    service = ODataService(refused=lambda entity: "no" if entity["id"] == "A" else None)  # answers come in reverse
    made = route({"key": KEY, "operation": "update", "batch": {"format": "json"}}, batch=3)
    for key in "ABC":
        service.put(key)
    show = service._shown
    service._shown = lambda key: {**show(key), "note": shown} if key == "B" else show(key)  # type: ignore[method-assign]
    found = await send(service, made, orders("A", "B", "C"))
    assert [result.status for result in found] == ["failed", status, "delivered"]
    assert service.batches == 1


async def test_what_is_in_doubt_is_looked_up_by_key() -> None:
    service = ODataService(entities={"1": {"id": "1"}})
    made = route({"operation": "create", "key": KEY}, delivery={"in_doubt": "verify"})
    async with opened(service, made) as outgoing:
        there = await outgoing.verify(order("1"))  # type: ignore[attr-defined]
        assert (there.status, there.target_id) == ("delivered", "1")
        assert await outgoing.verify(order("2")) is None  # type: ignore[attr-defined]


async def test_an_action_is_called_for_its_entity() -> None:
    service = ODataService()
    made = route({"operation": "action", "action": "Sales.confirm", "key": KEY, "body": {"why": {"const": "paid"}}})
    await send(service, made, orders("1"))
    assert (service.asked[0].path, service.asked[0].body) == ("/Orders('1')/Sales.confirm", {"why": "paid"})


def test_only_what_may_be_repeated_is() -> None:
    for options, repeatable in (
        ({"key": KEY}, True),
        ({"operation": "update", "key": KEY}, True),
        ({"operation": "create"}, False),
        ({"operation": "create", "idempotent": True}, True),
    ):
        made = route(options)
        assert made.outgoing.component()(made.outgoing.config, made).repeatable is repeatable


@pytest.mark.parametrize(
    ("options", "batch", "told"),
    [
        ({}, 1, "an upsert needs key"),
        ({"find": {"ref": "order.ref"}, "id": None}, 1, "write id"),
        ({"key": KEY}, 5, "one by one"),
        ({"operation": "update"}, 1, "an update needs key"),
        ({"operation": "action"}, 1, "go together"),
        ({"operation": "create", "find": {"a": "order.a"}}, 1, "leave it out"),
        ({"version": 2, "key": KEY, "ask": False}, 1, "does not create by PATCH"),
        ({"operation": "create", "batch": {"format": "json"}}, 1, "leave batch out"),
        ({"version": 2, "operation": "create", "batch": {"format": "json"}}, 2, "no batches in JSON"),
        ({"key": {"id') or (1 eq 1": "order.id"}}, 1, "key"),
    ],
)
def test_mistakes_are_told_when_the_route_is_read(options: dict[str, Any], batch: int, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        route(options, batch=batch)


async def test_answers_in_another_order_than_the_requests_count_for_nobody() -> None:
    class Confused(ODataService):
        def _batch(self, request: Any, content: bytes) -> Any:
            answer = super()._batch(request, content)
            assert isinstance(answer.body, bytes)
            swapped = answer.body.replace(b"Content-ID: 1\r\n", b"Content-ID: 2\r\n", 1)
            return type(answer)(
                status=answer.status, body=swapped, headers={"Content-Type": answer.headers["Content-Type"]}
            )

    results = await send(Confused(), route({"operation": "create"}, batch=2), orders("1", "2"))
    assert [result.status for result in results] == ["in_doubt", "in_doubt"]
    assert "another order" in str(results[0].reason)


@pytest.mark.parametrize(
    ("options", "fields", "says"),
    [
        ({"key": {"id": "order.nope"}}, {}, "key.id: order.nope is null or missing"),
        ({"find": {"nr": "order.nope"}}, {}, "find.nr: order.nope is null or missing"),
        ({"key": KEY, "types": {"total": "decimal"}}, {"total": "x"}, "body.total: 'x' is not of the type decimal"),
        ({"find": {"total": "order.total"}}, {"total": 7}, "find found 2 at the target"),
    ],
)
async def test_an_entity_that_cannot_be_sent_names_the_options_of_this_kind(
    options: dict[str, Any], fields: dict[str, Any], says: str
) -> None:
    service = ODataService(entities={number: {"id": number, "total": 7} for number in ("1", "2")})
    (result,) = await send(service, route(options), [order("9", **fields)])
    assert result.status == "failed"
    assert str(result.reason).startswith(says), result.reason


async def test_that_nothing_can_be_asked_is_told_in_the_words_of_this_kind() -> None:
    async with opened(ODataService(), route({"operation": "create"})) as outgoing:
        asking: Any = outgoing
        result = await asking.verify(order("1"))
    assert result is not None
    assert result.reason == "outgoing.odata has neither key nor find to ask the service whether it has arrived"
