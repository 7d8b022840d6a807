"""A run with few entities goes all the way in fetch's task; what stands in the way is left to the tasks behind."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, DownstreamTasksSkipped
from airflow_tasks import task_of

from airflow_integrations.airflow import build_dag, build_events_dag
from airflow_integrations.airflow.config.ledger import open_ledger
from airflow_integrations.incoming import Page
from airflow_integrations.incoming.http.source import HttpIncoming
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.ledger.queries.overview import runs
from airflow_integrations.outgoing.none import NoOutgoing

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PAID = {"number": 1, "status": "paid"}
OPEN = {"number": 2, "status": "open"}


@pytest.fixture
def rung(make_route: Callable[..., Any], make_context: Callable[..., Any]) -> Callable[..., Any]:
    """Run one stage of a run that was rung for; the stages of a test belong to one run."""
    dag = build_dag(make_route(trigger={}, tasks={}))

    def rung(stage: str) -> Any:
        context = make_context(dag, conf={"events": True}, run_after=NOW)
        try:
            return task_of(dag, stage).execute(context)
        except DownstreamTasksSkipped as skipped:
            skipped.result = context["ti"].pushed["return_value"]  # type: ignore[attr-defined]
            raise

    return rung


def put(*records: Any, age: float = 0.0) -> None:
    with open_ledger() as ledger:
        body = json.dumps(list(records)).encode()
        ledger.inbox.put([NewEvent(route="orders", event_id="e-1", body=body, source="webhook")], time.time() - age)


def test_all_is_done_in_one_task(rung: Callable[..., Any]) -> None:
    put(PAID, OPEN)
    with pytest.raises(DownstreamTasksSkipped) as caught:
        rung("fetch")
    assert set(caught.value.tasks) == {"transform", "push", "settle"}
    counts = caught.value.result["counts"]  # type: ignore[attr-defined]
    assert (counts["fetched"], counts["filtered"], counts["skipped"]) == (2, 1, 1)  # outgoing: none skips
    with open_ledger() as ledger:
        (books,) = runs(ledger, "orders").runs
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
        found = where(ledger, "orders", "1", time.time())
        assert found is not None
        assert found.status == "skipped"


@pytest.mark.parametrize("together", [0, 1, 2])
@pytest.mark.parametrize("events", [True, False])
def test_more_entities_than_that_are_left_to_the_tasks_behind(
    make_route: Callable[..., Any],
    make_context: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    together: int,
    events: bool,
) -> None:
    async def two(self: Any, run: Any, services: Any, resume: Any) -> AsyncGenerator[Page, None]:
        yield Page([PAID, OPEN])

    monkeypatch.setattr(HttpIncoming, "pages", two)
    dag = build_dag(make_route(trigger={}, tasks={"together": together}))
    context = make_context(dag, conf={"events": True} if events else {}, run_after=NOW)
    if events:
        put(PAID, OPEN)
    if together == 2:
        with pytest.raises(DownstreamTasksSkipped) as caught:
            task_of(dag, "fetch").execute(context)
        assert set(caught.value.tasks) == {"transform", "push", "settle"}
    else:
        assert task_of(dag, "fetch").execute(context)["entities"] == 2
        assert task_of(dag, "transform").execute(context)["counts"]["filtered"] == 1


def test_the_dag_of_events_takes_what_waits_whatever_it_was_asked(
    make_route: Callable[..., Any], make_context: Callable[..., Any]
) -> None:
    dag = build_events_dag(make_route(trigger={}, tasks={}))
    put(PAID)
    with pytest.raises(DownstreamTasksSkipped):
        task_of(dag, "fetch").execute(make_context(dag, run_after=NOW))
    with open_ledger() as ledger:
        (books,) = runs(ledger, "orders").runs
    assert (books.run_id, books.kind, books.counts["fetched"]) == ("orders__events/manual__1", "event", 1)
    with pytest.raises(AirflowFailException, match="events fetches nothing, so it excludes keys"):
        task_of(dag, "fetch").execute(make_context(dag, conf={"keys": ["1"]}, run_after=NOW))


@pytest.mark.parametrize("age", [0, 100])
def test_a_run_that_fetches_leaves_fresh_events_to_the_run_that_comes_for_them(
    make_route: Callable[..., Any],
    make_context: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    age: float,
) -> None:
    async def nothing(self: Any, run: Any, services: Any, resume: Any) -> AsyncGenerator[Page, None]:
        yield Page([])

    monkeypatch.setattr(HttpIncoming, "pages", nothing)
    put(PAID, age=age)
    dag = build_dag(make_route(trigger={}, tasks={}))
    context = make_context(dag, run_after=NOW)
    with pytest.raises(DownstreamTasksSkipped):
        task_of(dag, "fetch").execute(context)
    assert context["ti"].pushed["return_value"]["counts"].get("fetched", 0) == (1 if age else 0)
    with open_ledger() as ledger:
        assert len(ledger.inbox.waiting(time.time())) == (0 if age else 1)


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
        fetch = FetchOperator(task_id="fetch", route=make_route(trigger={}, tasks={}))
    result = fetch.execute(make_context(dag, conf={"events": True}, run_after=NOW))
    assert result["entities"] == 1
    assert "skipped" not in result["counts"]


def test_of_a_run_that_is_not_spread_the_further_tasks_that_push_are_skipped(
    make_route: Callable[..., Any], make_context: Callable[..., Any]
) -> None:
    put(PAID)
    dag = build_dag(make_route(trigger={}, tasks={"spread": 3, "together": 0}))
    context = make_context(dag, conf={"events": True}, run_after=NOW)
    task_of(dag, "fetch").execute(context)
    with pytest.raises(DownstreamTasksSkipped) as caught:
        task_of(dag, "transform").execute(context)
    assert set(caught.value.tasks) == {"push_2", "push_3"}
    assert task_of(dag, "push").execute(context)["entities"] == 1
