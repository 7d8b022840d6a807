"""What ``run`` says of entities that went wrong: one reason once, and where those are that have no key."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_integrations.cli.run.problems import problem_rows
from airflow_integrations.cli.run.progress import Progress
from airflow_integrations.engine.segment_lines import Problem


def _problem(key: str, reason: str = "push: no such column") -> Any:
    return Problem(key=key, status="failed", stage="push", reason=reason, value={}, version=None)


def test_one_reason_is_one_row() -> None:
    rows = problem_rows([_problem("A"), _problem("B"), _problem("C", "too long"), _problem("D"), _problem("E")])
    assert [row[0] for row in rows] == ["A, B, D and 1 more", "C"]


def test_records_without_a_key_are_counted() -> None:
    assert [row[0] for row in problem_rows([_problem(""), _problem("")])] == ["(none), 2 times"]
    assert [row[0] for row in problem_rows([_problem("")])] == ["(none)"]


def test_a_key_that_no_record_has(call: Any, routes: Any, systems: Any, edit: Any) -> None:
    edit(routes / "orders.yaml", "order.id}", "order.number}")
    code, out, err = call("run", "orders")
    told = " ".join((out + err).split())
    assert code == 1
    assert "the entity has no key: order.number reads nothing" in told
    assert "a record has: id, status, customer, lines" in told
    assert "(none), 5 times" in told
    assert "airflow-integrations runs orders --without-key cli__" in told
    said = call("entities", "errors", "orders")[1]
    assert "The last run of orders failed all the same: 5 rejected of 5 entities" in said
    assert "runs orders --without-key cli__" in said


def test_what_a_route_without_incoming_runs_for(call: Any, routes: Any) -> None:
    (routes / "events.yaml").write_text(
        "trigger: {webhook: {path: o, verify: none}}\nentity: {name: order, key: order.id}\noutgoing: {none: {}}\n"
    )
    code, out, _ = call("run", "events")
    assert code == 0
    assert "events: what waits in the inbox" in out
    assert "1970" not in out


def test_a_line_of_the_log_stays_one_line_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        progress.log().warning("word " * 100)
    assert len(capsys.readouterr().err.splitlines()) == 1
