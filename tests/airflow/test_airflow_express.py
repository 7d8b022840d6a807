"""A run that was rung for goes all the way in fetch's task; what stands in the way is left to the tasks behind."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, DownstreamTasksSkipped

from airflow_integrations.airflow import build_dag
from airflow_integrations.airflow.ledger import open_ledger
from airflow_integrations.engine import express
from airflow_integrations.ledger.event_rows import NewEvent
from airflow_integrations.ledger.overview import runs
from airflow_integrations.ledger.queries import where
from airflow_integrations.outgoing.none import NoOutgoing

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PAID = {"number": 1, "status": "paid"}
OPEN = {"number": 2, "status": "open"}


@pytest.fixture
def rung(make_route: Callable[..., Any], make_context: Callable[..., Any]) -> Callable[..., Any]:
    """Run one stage of a run that was rung for; the stages of a test belong to one run."""
    dag = build_dag(make_route(trigger={}))

    def rung(stage: str) -> Any:
        context = make_context(dag, conf={"events": True}, run_after=NOW)
        try:
            return dag.get_task(stage).execute(context)
        except DownstreamTasksSkipped as skipped:
            skipped.result = context["ti"].pushed["return_value"]  # type: ignore[attr-defined]
            raise

    return rung


def put(*records: Any) -> None:
    with open_ledger() as ledger:
        body = json.dumps(list(records)).encode()
        ledger.inbox.put([NewEvent(route="orders", event_id="e-1", body=body, source="webhook")], time.time())


def test_all_is_done_in_one_task(rung: Callable[..., Any]) -> None:
    put(PAID, OPEN)
    with pytest.raises(DownstreamTasksSkipped) as caught:
        rung("fetch")
    assert set(caught.value.tasks) == {"transform", "push", "settle"}
    counts = caught.value.result["counts"]  # type: ignore[attr-defined]
    assert (counts["fetched"], counts["filtered"], counts["skipped"]) == (2, 1, 1)  # outgoing: none skips
    with open_ledger() as ledger:
        (books,) = runs(ledger.database, "orders").runs
        assert books.finished is not None
        assert books.kind == "event"
        assert ledger.inbox.waiting(time.time() + 10**6) == []


def test_where_something_was_rejected_settle_says_so(rung: Callable[..., Any]) -> None:
    put(PAID, {"status": "paid"})
    with pytest.raises(DownstreamTasksSkipped) as caught:
        rung("fetch")
    assert set(caught.value.tasks) == {"transform", "push"}
    with pytest.raises(AirflowFailException, match="1 rejected"):
        rung("settle")


def test_a_push_that_meets_an_outage_is_left_to_the_push_task(
    rung: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(PAID)

    async def away(self: Any, batch: Any) -> Any:
        from airflow_integrations.errors import OutageError

        raise OutageError("the target is away")

    with monkeypatch.context() as patched:
        patched.setattr(NoOutgoing, "send", away)
        with pytest.raises(DownstreamTasksSkipped) as caught:
            rung("fetch")
    assert caught.value.tasks == ["transform"]
    assert rung("push")["counts"] == {"skipped": 1}
    assert rung("settle")["counts"]["skipped"] == 1
    with open_ledger() as ledger:
        found = where(ledger.database, "orders", "1", time.time())
        assert found is not None
        assert found.status == "skipped"


def test_many_entities_are_left_to_the_tasks_behind(rung: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(express, "MOST_ENTITIES", 1)
    put(PAID, OPEN)
    assert rung("fetch")["entities"] == 2
    assert rung("transform")["counts"]["filtered"] == 1


def test_an_empty_inbox_is_nothing_to_do(rung: Callable[..., Any]) -> None:
    with pytest.raises(DownstreamTasksSkipped) as caught:
        rung("fetch")
    assert set(caught.value.tasks) == {"transform", "push", "settle"}


def test_a_fetch_by_hand_without_the_others_goes_no_further(
    make_route: Callable[..., Any], make_context: Callable[..., Any]
) -> None:
    from airflow.sdk import DAG

    from airflow_integrations.airflow import FetchOperator

    put(PAID)
    with DAG("by_hand") as dag:
        fetch = FetchOperator(task_id="fetch", route=make_route(trigger={}))
    result = fetch.execute(make_context(dag, conf={"events": True}, run_after=NOW))
    assert result["entities"] == 1
    assert "skipped" not in result["counts"]
