from __future__ import annotations

import sys
from argparse import Namespace
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from airflow_integrations.cli.command import UsageError
from airflow_integrations.cli.run.options import asked_run, last_window
from airflow_integrations.route.definition import Route, Schedule

NOW = datetime(2026, 3, 29, 10, 7, 30, tzinfo=UTC)


def asked(**given):
    options: dict[str, Any] = {
        "limit": None,
        "key": [],
        "entities": None,
        "window_start": None,
        "window_end": None,
        "param": [],
    }
    route = Route.load(
        {
            "route": "orders",
            "entity": {"key": "entity.id"},
            "params": {"country": "ES", "rate": Decimal("1.5"), "many": 3, "all": False, "any": None},
            "schedule": {"cron": "0 0 * * *", "timezone": "Europe/Madrid"},
            "incoming": {"http": {"connection": "shop", "path": "/", "records": "body"}},
            "outgoing": {"none": {}},
        }
    )
    return asked_run(route, Namespace(**{**options, **given}), run_id="x", now=NOW)


def test_params_have_the_type_of_their_default():
    given = ["country=1", "rate=2", "many=7", "all=true", "any=null"]
    assert asked(param=given).params == {"country": "1", "rate": 2, "many": 7, "all": True, "any": None}
    assert asked().params["rate"] == Decimal("1.5")


@pytest.mark.parametrize("param", ["many=x", "many=true", "all=1", "many"])
def test_params_of_another_type_are_refused(param):
    with pytest.raises(UsageError):
        asked(param=[param])


def test_an_unknown_param_is_told_with_the_nearest_one():
    with pytest.raises(UsageError, match="did you mean 'country'"):
        asked(param=["contry=ES"])


def test_a_day_is_meant_in_the_zone_of_the_schedule():
    run = asked(window_start="2026-03-29", window_end="2026-03-30")
    assert run.window.dump() == ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")  # the day clocks go forward


def test_a_window_that_was_asked_for_is_exactly_that_one():
    assert (asked().kind, asked().explicit) == ("cli", False)
    assert asked(window_start="2026-03-29").explicit


def test_the_end_is_now_where_it_is_left_out():
    assert asked(window_start="2026-03-29T00:00:00Z").window.end == NOW


@pytest.mark.parametrize(
    "given",
    [
        {"window_end": "2026-01-01"},
        {"window_start": "yesterday"},
        {"window_start": "2026-02-01", "window_end": "2026-01-01"},
        {"limit": 0},
        {"key": ["1"], "entities": "x.json"},
    ],
    ids=str,
)
def test_what_does_not_fit_is_wrong_usage(given):
    with pytest.raises(UsageError):
        asked(**given)


@pytest.mark.parametrize(
    ("schedule", "window"),
    [
        ({"cron": "*/5 * * * *"}, ("2026-03-29T10:00:00Z", "2026-03-29T10:05:00Z")),
        ({"cron": "0 0 * * *", "timezone": "Europe/Madrid"}, ("2026-03-27T23:00:00Z", "2026-03-28T23:00:00Z")),
        ({"cron": "@hourly"}, ("2026-03-29T09:00:00Z", "2026-03-29T10:00:00Z")),
        ({"cron": "@quarterly"}, ("2025-10-01T00:00:00Z", "2026-01-01T00:00:00Z")),
        ({"every": "1h"}, ("2026-03-29T09:07:30Z", "2026-03-29T10:07:30Z")),
    ],
    ids=str,
)
def test_the_window_is_the_last_complete_one(schedule, window):
    assert last_window(Schedule(**schedule), NOW).dump() == window


def test_without_a_schedule_it_is_everything():
    assert last_window(None, NOW).dump() == ("1970-01-01T00:00:00Z", "2026-03-29T10:07:30Z")


def test_entities_from_standard_input(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(b'{"id": 1}\n{"id": 1.10}\n')))
    assert asked(entities="-").entities == ({"id": 1}, {"id": Decimal("1.10")})


def test_entities_from_a_file_are_exact(tmp_path: Path):
    (tmp_path / "e.jsonl").write_text('{"id": 12345678901234567890, "x": 1.10}\n\n{"id": 2}\n')
    assert asked(entities=str(tmp_path / "e.jsonl")).entities == (
        {"id": 12345678901234567890, "x": Decimal("1.10")},
        {"id": 2},
    )
    (tmp_path / "e.yaml").write_text("- {id: 1, x: 0.30}\n")
    assert asked(entities=str(tmp_path / "e.yaml")).entities == ({"id": 1, "x": Decimal("0.30")},)
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(UsageError, match=r"bad\.json is not JSON"):
        asked(entities=str(tmp_path / "bad.json"))
