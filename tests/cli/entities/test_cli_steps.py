"""``entities show`` and ``entities retry`` for entities that go in several requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_integrations.cli.airflow_access import open_ledger
from airflow_integrations.ledger.progress import Progress, StepDone
from airflow_integrations.ledger.records import Outcome
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import begin_run
from airflow_integrations.window import EPOCH, Window

NOW = 1_790_000_000.0
DONE = [
    StepDone("party", "42", "erp: POST /parties", 201, NOW, '{"id": 42}'),
    StepDone("lines[0]", "12345678901234567.10", "erp: POST /lines", 201, NOW),
]


@pytest.fixture
def ledger() -> Any:
    with open_ledger() as opened:
        window = Window(EPOCH, EPOCH)
        run = begin_run(
            opened, "orders", "r1", kind="manual", window=window, route_hash="h", staging="/nowhere/r1", now=NOW
        )
        refused: dict[str, Any] = {"status": "failed", "error_class": "refused", "reason": "sale: 422", "since": NOW}
        outcome = Outcome(
            key="1", hash="ab" * 16, payload_stage="push", payload_at=0, steps=Progress(DONE).dump(), **refused
        )
        conclude(opened, run, [outcome], now=NOW)
        yield opened


def test_the_steps_are_listed_with_request_answer_and_result(call: Any, ledger: Any) -> None:
    code, out, _ = call("entities", "show", "orders", "1")
    assert code == 0
    assert "party: erp: POST /parties → HTTP 201" in out
    assert '{"id": 42}' in out
    assert "12345678901234567.10" in out
    assert "entities retry orders --key 1 --from-step lines" in out
    _, out, _ = call("entities", "show", "orders", "1", "--format", "json")
    assert [step["step"] for step in json.loads(out)["steps"]] == ["party", "lines[0]"]


def test_a_step_is_sent_once_more(call: Any, ledger: Any) -> None:
    code, _, err = call("entities", "retry", "orders", "--key", "1", "--from-step", "sale")
    assert (code, "has not confirmed the step sale" in err) == (1, True)
    assert call("entities", "retry", "orders", "--key", "1", "--from-step", "lines")[0] == 0
    _, out, _ = call("entities", "show", "orders", "1", "--format", "json")
    assert [step["step"] for step in json.loads(out)["steps"]] == ["party"]
    assert json.loads(out)["status"] == "retrying"
