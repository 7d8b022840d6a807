"""Numbers go through a whole route digit for digit, whatever their size; any orders come out as plain Python says."""

from __future__ import annotations

import asyncio
from decimal import Context, Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from aiohttp import web
from bad_input_scene import Scene, orders, page
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_integrations.formats.json import encode

LONG = 1234567890123456789012345678901234567890
PRECISE = Decimal("123456789012345678.901234567890123450")
TINY = Decimal("1e-400")
_WIDE = Context(prec=400)


async def test_long_numbers_in_map_filter_lookup_key_and_path(tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_text(f"code,price,name\n{LONG},{PRECISE},found\n")
    transform = [
        {"filter": f"order.number == {LONG} and order.price > 123456789012345678.90123456789012344"},
        {"lookup": {"name": "code", "file": "codes.csv", "where": {"code": "order.number", "price": "order.price"}}},
        {
            "map": {
                "number": "order.number",
                "price": "order.price",
                "twice": "order.price * 2",
                "more": "order.number + 1",
                "text": 'f"{order.number}/{order.price}"',
                "name": "code.name",
                "tiny": "order.tiny",
            }
        },
    ]
    scene = Scene(tmp_path)
    outcome = await scene.run(
        orders({"number": LONG, "price": PRECISE, "tiny": TINY}),
        transform=transform,
        outgoing={"path": "/in/{{ order.number }}/{{ order.price }}", "headers": {"X-Number": "{{ order.number }}"}},
    )
    assert outcome.counts == {"fetched": 1, "delivered": 1}, outcome.text
    assert outcome.received == [
        {
            "number": LONG,
            "price": PRECISE,
            "twice": Decimal("246913578024691357.802469135780246900"),
            "more": LONG + 1,
            "text": f"{LONG}/{PRECISE}",
            "name": "found",
            "tiny": TINY,
        }
    ]
    assert scene.target.requests[0].path == f"/in/{LONG}/{PRECISE}"
    assert scene.target.requests[0].headers["X-Number"] == str(LONG)


@pytest.mark.parametrize("number", [LONG, PRECISE, 10**400, TINY, Decimal("1.50"), -LONG])
async def test_numbers_as_entity_key_result_key_and_target_id(number: Any, tmp_path: Path) -> None:
    keys: list[str] = []

    async def target(request: web.Request) -> web.Response:
        sent = await scene.target.take(request)
        keys.append(request.headers["Idempotency-Key"])
        return web.Response(body=encode([{"ref": entity["number"], "ok": True} for entity in sent]))

    results = {"items": "body", "match": "item.ref", "ok": "item.ok", "id": "item.ref"}
    for run in ("one", "two"):
        scene = Scene(tmp_path / run)
        outcome = await scene.run(
            orders({"number": number}), target, outgoing={"results": results}, delivery={"batch": 2}
        )
        assert outcome.counts == {"fetched": 1, "delivered": 1}
        assert outcome.received == [{"number": number}]
        assert encode(outcome.received[0]) == encode({"number": number}), "digit for digit"
    assert keys[0] == keys[1], "the same content has the same idempotency key in any run"


async def test_different_long_numbers_have_different_keys(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    outcome = await scene.run(orders({"number": LONG}, {"number": LONG + 1}, {"number": float(LONG)}))
    keys = {request.headers["Idempotency-Key"] for request in scene.target.requests}
    assert (len(outcome.received), len(keys)) == (3, 3)


amounts = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**20), max_value=10**20)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
lines = st.fixed_dictionaries({"sku": texts, "qty": st.integers(-(10**40), 10**40), "price": amounts})
some_orders = st.lists(
    st.fixed_dictionaries(
        {
            "number": st.one_of(st.integers(-(10**45), 10**45), texts, st.none()),
            "status": st.sampled_from(["paid", "open"]),
            "note": st.one_of(texts, st.none()),
            "lines": st.lists(lines, max_size=3),
        }
    ),
    max_size=8,
)

TRANSFORM = [
    {"filter": 'order.status == "paid"'},
    {
        "map": {
            "Number": "order.number",
            "Note": 'order.note or "-"',
            "Lines": {
                "each": "order.lines",
                "name": "line",
                "map": {"Sku": "line.sku", "Sum": "line.qty * line.price"},
            },
            "Total": "sum(line.qty * line.price for line in order.lines)",
        }
    },
]


def model(order: dict[str, Any]) -> dict[str, Any]:
    """What the route does to an order, in plain Python with enough precision."""
    sums = [_exact(line["qty"], line["price"]) for line in order["lines"]]
    return {
        "Number": order["number"],
        "Note": order["note"] or "-",
        "Lines": [{"Sku": line["sku"], "Sum": each} for line, each in zip(order["lines"], sums, strict=True)],
        "Total": Decimal(sum(int(each.scaleb(8, _WIDE)) for each in sums)).scaleb(-8, _WIDE),
    }


def _exact(quantity: int, price: Decimal) -> Decimal:
    return _WIDE.multiply(Decimal(quantity), price)


def _has_key(order: dict[str, Any]) -> bool:
    number = order["number"]
    return isinstance(number, int) or bool(number and number.strip() and number.isprintable())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(some_orders, st.booleans(), st.sampled_from([1, 3]))
def test_any_orders_come_out_as_plain_python_says(given_orders: list[Any], pretty: bool, batch: int) -> None:
    text = encode({"orders": given_orders})
    if pretty:
        text = msgspec.json.format(text, indent=2)
    with TemporaryDirectory() as folder:
        scene = Scene(Path(folder))
        outcome = asyncio.run(scene.run(page(text), transform=TRANSFORM, delivery={"batch": batch, "resend": "always"}))
    keyed = [order for order in given_orders if _has_key(order)]
    expected = [model(order) for order in keyed if order["status"] == "paid"]
    assert outcome.error is None
    assert outcome.balance.balanced
    assert outcome.counts.get("rejected", 0) == len(given_orders) - len(keyed)
    assert sorted(map(_plain, outcome.received)) == sorted(map(_plain, expected))


def _plain(value: Any) -> str:
    """The entity as text, 1.50 as 1.5: how many zeros stand behind the point is not what is compared here."""
    if isinstance(value, dict):
        return str({name: _plain(inner) for name, inner in sorted(value.items())})
    if isinstance(value, list):
        return str([_plain(inner) for inner in value])
    return repr(Decimal(value).normalize(_WIDE)) if isinstance(value, int | Decimal) else repr(value)
