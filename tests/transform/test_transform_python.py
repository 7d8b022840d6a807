from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import pytest
import transform_functions
from pydantic import ValidationError
from transform_chain import parse

from airflow_integrations.entity import Entity
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.transform.python import Python


def step(name: str, **options: Any) -> dict[str, Any]:
    function = f"transform_functions:{name}"
    return {"python": {"function": function, **options} if options else function}


@pytest.mark.parametrize("options", [{"name": "judge"}, {"name": "judge_all", "per": "batch"}])
async def test_values_nothing_and_errors(chain: Any, options: Any) -> None:
    steps = chain(step(**options), batch=7)
    out = await steps.values(*({"n": n} for n in (3, 0, 1, 4, 2, 5)))
    assert out == [{"n": 30}, {"n": 40}, {"n": 50}]
    assert steps.books.counts == {"filtered": 1, "rejected": 2}
    assert "one is too few" in steps.books.reasons["2"]
    assert ": transform_functions:judge" in steps.books.reasons["4"]
    assert len(steps.books.reasons["4"]) < 300


async def test_a_batch_is_halved_until_the_bad_one_is_alone(chain: Any) -> None:
    transform_functions.calls.clear()
    steps = chain(step("judge_all", per="batch"), batch=8)
    assert len(await steps.values(*({"n": n} for n in (3, 3, 3, 3, 3, 2, 3, 3)))) == 7
    assert transform_functions.calls == [8, 4, 4, 2, 1, 1, 2]


async def test_an_entity_error_of_a_batch_rejects_only_the_bad_one(chain: Any) -> None:
    steps = chain(step("judge_all", per="batch"), batch=3)
    assert await steps.values({"n": 3}, {"n": 6}, {"n": 4}) == [{"n": 30}, {"n": 40}]
    assert steps.books.reasons == {"1": "transform.0.python: six is too many"}


async def test_a_batch_of_another_length_is_rejected_whole(chain: Any) -> None:
    steps = chain(step("drop_one", per="batch"))
    assert await steps.values({"n": 1}, {"n": 2}) == []
    assert "got a list of 2 and gave 1" in steps.books.reasons["0"]
    assert steps.books.counts == {"rejected": 2}


async def test_a_number_that_json_does_not_have_is_not_made_null(chain: Any) -> None:
    steps = chain(step("divided"), batch=4)
    found = await steps.values({"n": 2}, {"n": 0}, {"n": "nan"}, {"n": "itself"}, {"n": 4})
    assert [found[0], found[-1]] == [{"share": [0.5]}, {"share": [0.25]}]
    assert set(steps.books.reasons) == {"1", "2"}
    assert "NaN or Infinity" in steps.books.reasons["1"]


async def test_the_function_gets_copies(chain: Any) -> None:
    order = {"customer": {"id": 1}, "lines": []}
    before = copy.deepcopy(order)
    (entity,) = await chain(step("spoil", **{"with": {"customer": "source.customer"}})).entities([Entity("1", order)])
    assert entity.value == {"customer": {"id": 0}, "lines": [1]}
    assert entity.source == order == before


async def test_arguments_are_expressions(chain: Any) -> None:
    arguments = {"mode": {"const": "strict"}, "limit": "params.limit", "n": "order.n", "region": "var.region"}
    assert await chain(step("echo", **{"with": arguments})).values({"n": 1}) == [
        {"mode": "strict", "limit": 10, "n": 1, "region": "EU"}
    ]
    arguments.pop("n")
    assert await chain(step("echo_all", per="batch", **{"with": arguments})).values({}) == [
        {"mode": "strict", "limit": 10, "region": "EU"}
    ]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("no_such_module:f", "'no_such_module' cannot be imported: ModuleNotFoundError"),
        ("transform_functions:absent", "has no function 'absent'"),
        ("transform_functions:number", "has no function 'number'"),
        ("transform_functions:later", "is asynchronous"),
    ],
)
async def test_functions_that_are_not_there(chain: Any, function: str, message: str) -> None:
    ((place, told),) = Python.check_files(parse({"python": function}).config)
    assert place == ("function",)
    assert message in told
    with pytest.raises(SetupError, match=r"^transform\.0\.python: "):
        await chain({"python": function}).values({})


@pytest.mark.parametrize("text", ["module", "module.function", "a b:c", ":f", "m:f.g", "os:system('x')"])
def test_references_have_a_form(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        parse({"python": text})
    assert caught.value.errors()[0]["loc"] == ("python",)


def test_arguments_that_cannot_be() -> None:
    config = parse(step("echo_all", per="batch", **{"with": {"n": "order.n", "a b": 1}})).config
    route: Any = SimpleNamespace()
    assert [(place, message.split(",")[0]) for place, message in Python.mistakes(config, route)] == [
        (("with", "n"), "reads order"),
        (("with", "a b"), "'a b' is not a name of an argument"),
    ]


@pytest.mark.parametrize(
    "options", [{"name": "away"}, {"name": "away", "per": "batch"}, {"name": "echo", "with": {"x": "var.nothing"}}]
)
async def test_what_is_no_entitys_matter_stops_the_run(chain: Any, options: Any) -> None:
    with pytest.raises((OutageError, SetupError)):
        await chain(step(**options)).values({"n": 1}, {"n": 2})
