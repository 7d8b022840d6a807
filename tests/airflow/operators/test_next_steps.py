from __future__ import annotations

import json
import logging
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, DownstreamTasksSkipped
from airflow_tasks import task_of

from airflow_integrations.airflow import build_dag
from airflow_integrations.airflow.operators.next_steps import next_steps
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.failure_summary import Troubles
from airflow_integrations.ledger.status import INCOMING, OUTCOMES
from airflow_integrations.run import Run
from airflow_integrations.window import Window

WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


def red(*, unfinished: str | None = None, **counts: int) -> Balance:
    books = dict.fromkeys((*INCOMING, *OUTCOMES), 0) | counts
    return Balance(books | {"fetched": sum(counts.values())}, unfinished, "it went wrong")


def troubles(*refused: str, doubtful: tuple[str, ...] = (), untold: int = 0) -> Troubles:
    return Troubles((), refused, doubtful, untold)


def test_the_command_sends_just_these_again(make_route: Callable[..., Any]) -> None:
    run = Run(make_route(), "r", WINDOW)
    lines = next_steps(run, "orders", red(rejected=2), troubles("A'; rm -rf ~", "B"))
    command = shlex.split(lines[1])
    assert command[:5] == ["airflow", "dags", "trigger", "orders", "--conf"]
    assert json.loads(command[5]) == {
        "keys": ["A'; rm -rf ~", "B"],
        "window_start": "2026-01-01T00:00:00Z",
        "window_end": "2026-01-02T00:00:00Z",
    }
    assert len(command) == 6
    assert json.loads(shlex.split(lines[3])[5]) == {"retry": {"keys": ["A'; rm -rf ~", "B"]}}


def test_what_is_in_doubt_is_looked_up_first(make_route: Callable[..., Any]) -> None:
    lines = next_steps(Run(make_route(), "r", WINDOW), "orders", red(in_doubt=1), troubles(doubtful=("A",)))
    assert "Look in the target for A" in lines[0]


def test_entities_that_cannot_be_named_are_counted(make_route: Callable[..., Any]) -> None:
    lines = next_steps(Run(make_route(), "r", WINDOW), "orders", red(rejected=3), troubles(untold=3))
    assert lines[0].startswith("→ 3 more are not named")
    assert not any("airflow dags trigger" in line for line in lines)


@pytest.mark.parametrize("stage", ["transform", "push"])
def test_a_route_that_changed_is_cleared_from_fetch(make_route: Callable[..., Any], stage: str) -> None:
    """Clearing the stage itself would fail again for the same reason."""
    balance = replace(red(unfinished=stage, pending=1), changed=True)
    lines = next_steps(Run(make_route(), "r", WINDOW), "orders", balance, troubles())
    assert "Clear the task fetch of this run" in lines[0]


@pytest.mark.parametrize("stage", ["fetch", "transform", "push"])
def test_a_stage_that_did_not_end_is_cleared(make_route: Callable[..., Any], stage: str) -> None:
    run = Run(make_route(), "r", WINDOW)
    lines = next_steps(run, "orders", red(unfinished=stage, pending=1), troubles())
    assert f"clear the task {stage} of this run" in lines[0]


def test_of_a_push_that_is_spread_the_task_that_failed_is_cleared(make_route: Callable[..., Any]) -> None:
    route = make_route(tasks={"spread": 2})
    lines = next_steps(Run(route, "r", WINDOW), "orders", red(unfinished="push", pending=1), troubles())
    assert "one of push, push_2," in lines[0]


def test_keys_after_a_split_are_not_asked_of_the_source(make_route: Callable[..., Any]) -> None:
    route = make_route(transform=[{"split": {"each": "order.lines", "key": "item.sku"}}])
    lines = next_steps(Run(route, "r", WINDOW), "orders", red(rejected=1), troubles("A/1"))
    assert "split from" in lines[0]
    assert json.loads(shlex.split(lines[2])[5]) == {"retry": {"keys": ["A/1"]}}


def test_the_log_of_settle_says_which_and_why_and_what_to_do(
    make_route: Callable[..., Any], make_context: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    dag = build_dag(make_route(transform=[{"set": {"total": "decimal(order.total)"}}]))
    conf = {"entities": [{"number": 7, "total": "abc"}]}
    task_of(dag, "fetch").execute(make_context(dag, conf=conf, run_after=WINDOW.end))
    with pytest.raises(DownstreamTasksSkipped):
        task_of(dag, "transform").execute(make_context(dag, conf=conf, run_after=WINDOW.end))
    caplog.clear()
    with pytest.raises(AirflowFailException, match=r"^1 rejected of 1 entity \(delivery\.fail_run: any\)"):
        task_of(dag, "settle").execute(make_context(dag, conf=conf, run_after=WINDOW.end))
    told = [(record.levelno, record.getMessage()) for record in caplog.records if record.name == "airflow_integrations"]
    assert told[0] == (logging.INFO, "1 fetched = 1 rejected")
    assert told[1][0] == logging.WARNING
    assert told[1][1].startswith("rejected in transform: 1 × transform.0.set total: decimal(order.total): ")
    assert told[1][1].endswith("(7)")
    assert [level for level, _ in told[2:]] == [logging.ERROR] * 2
    assert "trigger the DAG with the corrected entities" in told[-1][1]


def test_the_documentation_shows_the_next_steps_as_they_are(make_route: Callable[..., Any]) -> None:
    page = (Path(__file__).parents[3] / "docs" / "operations" / "airflow.md").read_text(encoding="utf-8")
    shown = re.findall(r"^      ((?:→|  airflow dags) .*)$", page, re.MULTILINE)
    run = Run(make_route(), "r", WINDOW)
    lines = next_steps(run, "shop_orders_to_erp", red(rejected=1, failed=1), troubles("SO-3", "SO-2"))
    assert [re.sub(r'"2026-[^"]*"', "…", line) for line in lines] == shown
