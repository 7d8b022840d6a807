"""Functions that tests of the python step name."""

from __future__ import annotations

from typing import Any

from airflow_integrations.errors import EntityError, OutageError

calls: list[int] = []


def spoil(order: Any, **options: Any) -> Any:
    """Changes all that it was given, as careless functions do."""
    order["customer"]["id"] = 0
    order["lines"].append(1)
    for value in options.values():
        if isinstance(value, dict):
            value.clear()
    return order


def divided(order: Any) -> Any:
    if order["n"] == "itself":
        order["n"] = order
        return order
    return {"share": [float("inf") if order["n"] == 0 else 1 / float(order["n"])]}


def judge(order: Any) -> Any:
    match order["n"]:
        case 0:
            return None
        case 1:
            raise EntityError("one is too few", field="n")
        case 2:
            raise KeyError("x" * 1000)
    return {"n": order["n"] * 10}


def judge_all(orders: list[Any]) -> list[Any]:
    calls.append(len(orders))
    if any(order["n"] == 2 for order in orders):
        raise ValueError("two!")
    if any(order["n"] == 6 for order in orders):
        raise EntityError("six is too many")
    return [
        None if order["n"] == 0 else EntityError("one is too few") if order["n"] == 1 else {"n": order["n"] * 10}
        for order in orders
    ]


def drop_one(orders: list[Any]) -> list[Any]:
    return orders[1:]


def echo(order: Any, **options: Any) -> Any:
    return options


def echo_all(orders: list[Any], **options: Any) -> list[Any]:
    return [options for _ in orders]


async def later(order: Any) -> Any:
    return order


number = 5


def away(order: Any) -> Any:
    raise OutageError("the scoring service is away")
