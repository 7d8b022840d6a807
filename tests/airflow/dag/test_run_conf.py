from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import ParamValidationError
from pydantic import ValidationError

from airflow_integrations.airflow.dag import run_conf
from airflow_integrations.airflow.dag.run_conf_retry import Confirmation
from airflow_integrations.errors import RunError
from airflow_integrations.ledger.records import RetryWanted
from airflow_integrations.route.definition import RUN_PARAMS
from airflow_integrations.window import Window

DAY = {"window_start": "2026-01-01T00:00:00Z", "window_end": "2026-01-02T00:00:00+01:00"}


@pytest.fixture
def route(make_route: Callable[..., Any]) -> Any:
    return make_route(params={"region": "EU", "rate": Decimal("1.50"), "days": 3, "quick": False, "note": None})


def test_an_empty_conf_asks_for_nothing_and_keeps_the_defaults(route: Any) -> None:
    asked = run_conf.read(route, None)
    assert asked == run_conf.Asked(params=route.params)
    assert asked.params["rate"] == Decimal("1.50")


def test_everything_that_can_be_asked_for(route: Any) -> None:
    asked = run_conf.read(
        route, DAY | {"keys": ["a", "b"], "limit": 5, "dry_run": True, "region": "UK", "rate": "2.25"}
    )
    assert asked.window == Window.parse("2026-01-01T00:00:00+00:00", "2026-01-01T23:00:00+00:00")
    assert (asked.keys, asked.limit, asked.dry_run) == (frozenset({"a", "b"}), 5, True)
    assert asked.params["region"] == "UK"
    assert asked.params["rate"] == Decimal("2.25")


def test_what_the_ui_sends_for_an_untouched_form_asks_for_nothing(route: Any) -> None:
    form = {name: param.value for name, param in run_conf.params(route).items()}
    assert run_conf.read(route, form) == run_conf.Asked(params=route.params)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("due", RetryWanted()),
        ("in_doubt", RetryWanted(statuses=frozenset({"in_doubt"}))),
        ("all", RetryWanted(statuses=frozenset({"failed", "rejected", "in_doubt", "retrying"}))),
        (
            {"keys": ["a", 7], "statuses": ["failed", "skipped"], "error": "0123456789abcdef"},
            RetryWanted(frozenset({"failed", "skipped"}), frozenset({"a", "7"}), "0123456789abcdef"),
        ),
    ],
)
def test_what_is_open_can_be_asked_for(route: Any, given: Any, wanted: RetryWanted) -> None:
    assert run_conf.read(route, {"retry": given}).retry == wanted


def test_what_became_of_an_entity_can_be_told(route: Any) -> None:
    given = [{"key": "a"}, {"key": 7, "target_id": "T-7"}, {"key": "c", "failed": "no such customer"}]
    assert run_conf.read(route, {"confirm": given}).confirm == (
        Confirmation("a"),
        Confirmation("7", "T-7"),
        Confirmation("c", None, "no such customer"),
    )


def test_airflows_params_count_where_conf_is_silent(route: Any) -> None:
    assert run_conf.read(route, {}, {"limit": 2, "region": "UK"}).limit == 2
    assert run_conf.read(route, {"limit": 3}, {"limit": 2}).limit == 3


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"limits": 5}, "'limits' is unknown, did you mean 'limit'"),
        ({"window_start": "2026-01-01T00:00:00Z"}, "go together"),
        ({"window_start": "2026-01-02T00:00:00Z", "window_end": "2026-01-01T00:00:00Z"}, "after its end"),
        ({"window_start": "yesterday", "window_end": "2026-01-01T00:00:00Z"}, "'yesterday' is not a moment"),
        ({"window_start": "2026-02-30T00:00:00Z", "window_end": "2026-03-01T00:00:00Z"}, "is not a moment"),
        ({"window_start": "2026-01-01T00:00:00", "window_end": "2026-01-02T00:00:00Z"}, "has no time zone"),
        ({"keys": []}, "1 to 10000 keys"),
        ({"keys": [True]}, "keys: a key must be text or a number"),
        ({"keys": ["a"], "entities": [{"number": 1}]}, "exclude each other"),
        ({"limit": 0}, "not a whole number above 0"),
        ({"limit": True}, "not a whole number above 0"),
        ({"dry_run": "yes"}, "neither true nor false"),
        ({"entities": [1]}, "a list of objects"),
        ({"entities": [{}] * 101}, "101 are too many, at most 100"),
        ({"entities": [{"x": "y" * 300_000}]}, "bytes are too many, at most 262144"),
        (
            {"entities": [{"lines": [{"price": 1.5}]}]},
            '[0].lines[0].price is a number with a fraction; write decimals as strings, such as "1.5"',
        ),
        ({"rate": 1.5}, "write decimals as strings"),
        ({"rate": "much"}, "'much' is not a number"),
        ({"region": 7}, "7 is not text"),
        ({"days": True}, "True is not a whole number"),
        ({"quick": 1}, "1 is not true or false"),
        ({"retry": "faild"}, "retry: 'faild' cannot be asked for, did you mean 'failed'"),
        ({"retry": {}}, "or an object with keys, statuses or error"),
        ({"retry": {"key": ["a"]}}, "key is unknown; keys, statuses and error select"),
        ({"retry": {"keys": []}}, "1 to 10000 keys"),
        ({"retry": {"statuses": ["delivered"]}}, "statuses is a list of failed, rejected"),
        ({"retry": {"error": 7}}, "fingerprint"),
        ({"retry": "due", "keys": ["a"]}, "retry fetches nothing, so it excludes keys"),
        ({"retry": "due", "confirm": [{"key": "a"}]}, "it excludes confirm"),
        ({"confirm": []}, "1 to 10000 objects with a key"),
        ({"confirm": [{"target_id": "T"}]}, "each is an object with a key"),
        ({"confirm": [{"key": "a", "target_id": "T", "failed": "no"}]}, "exclude each other"),
        ({"confirm": [{"key": "a", "failed": ""}]}, "are texts"),
        ({"confirm": [{"key": "a"}, {"key": "a"}]}, "'a' is there twice"),
        ({"confirm": [{"key": "a"}], "limit": 3}, "confirm fetches nothing, so it excludes limit"),
    ],
)
def test_what_cannot_be_done_is_told(route: Any, given: dict[str, Any], told: str) -> None:
    with pytest.raises(RunError) as caught:
        run_conf.read(route, given)
    assert told in str(caught.value)


def test_all_mistakes_are_told_at_once(route: Any) -> None:
    with pytest.raises(RunError) as caught:
        run_conf.read(route, {"limits": 1, "limit": -1, "window_end": "x"})
    assert str(caught.value).count(";") >= 3


def test_names_that_a_dag_by_hand_declares_are_not_unknown(route: Any) -> None:
    assert run_conf.read(route, {"theirs": 1}, declared=["theirs"]).limit is None


def test_the_form_is_flat_and_its_defaults_are_valid(route: Any) -> None:
    form = run_conf.params(route)
    assert list(form) == ["region", "rate", "days", "quick", "note", *RUN_PARAMS]
    ParamsDict(form).validate()


@pytest.mark.parametrize(
    "given",
    [
        {"window_start": "yesterday"},
        {"window_start": "2026-01-01T00:00:00"},
        {"window_start": "2026-13-01T00:00:00Z"},
        {"keys": [""]},
        {"keys": "a"},
        {"entities": ["a"]},
        {"entities": [{}] * 101},
        {"limit": 0},
        {"limit": "5"},
        {"dry_run": "yes"},
        {"region": 7},
        {"days": "3"},
        {"rate": "much"},
        {"retry": "faild"},
        {"retry": {}},
        {"retry": {"statuses": ["delivered"]}},
        {"retry": {"error": "no fingerprint"}},
        {"retry": {"kyes": ["a"]}},
        {"confirm": [{"target_id": "T"}]},
        {"confirm": [{"key": "a", "target_id": "T", "failed": "no"}]},
        {"confirm": {"key": "a"}},
    ],
    ids=lambda given: str(given)[:40],
)
def test_the_schema_refuses_what_it_can(route: Any, given: dict[str, Any]) -> None:
    """Airflow's REST API answers these with 400."""
    form = ParamsDict(run_conf.params(route))
    with pytest.raises(ParamValidationError):
        form.update(given)


@pytest.mark.parametrize(
    "moment", ["2026-01-01T00:00:00Z", "2026-01-01T00:00+02:00", "2026-01-01 00:00:00.123456+00:00"]
)
def test_the_schema_and_the_reader_take_the_same_moments(route: Any, moment: str) -> None:
    form = ParamsDict(run_conf.params(route))
    form.update({"window_start": moment, "window_end": "2027-01-01T00:00:00Z"})
    assert run_conf.read(route, form.validate()).window is not None


@pytest.mark.parametrize(
    "given",
    [
        {"retry": "due"},
        {"retry": {"keys": ["a"], "statuses": ["failed"], "error": "0123456789abcdef"}},
        {"confirm": [{"key": "a"}, {"key": "b", "target_id": "T"}, {"key": "c", "failed": "no"}]},
    ],
    ids=lambda given: str(given)[:40],
)
def test_the_schema_takes_what_the_reader_takes(route: Any, given: dict[str, Any]) -> None:
    form = ParamsDict(run_conf.params(route))
    form.update(given)
    assert run_conf.read(route, form.validate()) != run_conf.Asked(params=route.params)


@pytest.mark.parametrize("name", RUN_PARAMS)
def test_a_param_of_the_route_cannot_take_a_name_of_the_form(make_route: Callable[..., Any], name: str) -> None:
    with pytest.raises(ValidationError, match="already means something"):
        make_route(params={name: 1})


def test_airflow_takes_a_name_that_a_dag_does_not_declare(route: Any) -> None:
    """Where it comes to refuse one, so that the trigger gets a 400, docs/operations/airflow.md has to say so."""
    from airflow.serialization.definitions.param import SerializedParam, SerializedParamsDict

    form = run_conf.params(route)
    declared = SerializedParamsDict(
        {name: SerializedParam(param.value, source="dag", **param.schema) for name, param in form.items()}
    )
    assert declared.deep_merge({"kye": ["a"]}).validate()["kye"] == ["a"]
    with pytest.raises(RunError, match="'kye' is unknown"):
        run_conf.read(route, {"kye": ["a"]})
