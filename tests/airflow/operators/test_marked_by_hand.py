"""A person marks a stage as success in Airflow that was not finished: settle goes by what was staged."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowRuntimeError
from airflow.sdk.execution_time.comms import ErrorResponse
from airflow_tasks import task_of

from airflow_integrations.airflow import build_dag
from airflow_integrations.airflow.config.ledger import open_ledger
from airflow_integrations.config.model import Model
from airflow_integrations.errors import IntegrationError, OutageError
from airflow_integrations.incoming import Page
from airflow_integrations.ledger.queries.overview import runs
from airflow_integrations.ledger.queries.views import RunBooks
from airflow_integrations.ledger.runs.runs import route_state
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.route import registry

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUN = "scheduled__2026-01-01T12:00:00+00:00"
END = datetime(2026, 1, 1, 12, tzinfo=UTC)
SCHEDULED = {"schedule": {"every": "1h"}, "incoming": {"memory": {}}, "outgoing": {"memory": {}}}
ORDERS = [{"number": number, "status": "paid"} for number in range(3)]


class Source:
    """Gives its pages, one after the other, and is away where it is to."""

    class Config(Model):
        pass

    pages_to_give: ClassVar[list[list[dict[str, Any]]]] = []
    away: ClassVar[bool] = False

    def __init__(self, *_: Any) -> None: ...

    async def pages(self, run: Any, services: Any, resume: Any = None) -> AsyncIterator[Page]:
        for number in range(resume or 0, len(self.pages_to_give)):
            yield Page(self.pages_to_give[number], number + 1)
        if self.away:
            raise OutageError("the shop is away")
        yield Page([], None)


class Target:
    """Takes everything, or is away."""

    deletes = repeatable = True

    class Config(Model):
        pass

    away: ClassVar[bool] = False

    def __init__(self, *_: Any) -> None: ...

    async def open(self, run: Any, services: Any) -> None: ...

    async def send(self, batch: Sequence[Outbound]) -> list[Result]:
        if self.away:
            raise OutageError("the ERP is away")
        return [Result("delivered") for _ in batch]

    async def close(self) -> None: ...


class Run:
    """A scheduled run of a route; ``states`` are what Airflow says of its tasks."""

    def __init__(self, make_route: Callable[..., Any], make_context: Callable[..., Any], **changes: Any) -> None:
        self.dag = build_dag(make_route(**SCHEDULED | changes))
        self.make_context = make_context
        self.states: dict[str, str] = {}
        self.silent = False

    def stage(self, name: str) -> Any:
        context = self.make_context(self.dag, run_after=NOW, run_id=RUN)
        context["dag_run"].data_interval_start = datetime(2026, 1, 1, 11, tzinfo=UTC)
        context["dag_run"].data_interval_end = END
        context["dag_run"].run_type = "scheduled"
        context["ti"].get_task_states = self.said
        context["ti"].try_number, context["ti"].max_tries = 1, 3
        return task_of(self.dag, name).execute(context)

    def said(self, *, dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, dict[str, str]]:
        if self.silent:
            raise AirflowRuntimeError(ErrorResponse(detail={"status_code": 500}))
        assert (dag_id, run_ids) == ("orders", [RUN])
        assert set(task_ids) == set(self.dag.task_ids) - {"settle"}
        return {RUN: self.states}

    def breaks(self, name: str) -> None:
        with pytest.raises((IntegrationError, AirflowFailException)):
            self.stage(name)

    def settled(self) -> str:
        with pytest.raises(AirflowFailException) as caught:
            self.stage("settle")
        return str(caught.value)


def books() -> tuple[RunBooks, str | None]:
    """Of the run, and the route's mark."""
    with open_ledger() as ledger:
        (found,) = runs(ledger, "orders").runs
        mark = route_state(ledger, "orders").mark
    return found, None if mark is None else mark.isoformat()


@pytest.fixture
def run(make_route: Callable[..., Any], make_context: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setitem(registry._BUILT_IN["incoming"], "memory", f"{__name__}:Source")
    monkeypatch.setitem(registry._BUILT_IN["outgoing"], "memory", f"{__name__}:Target")
    monkeypatch.setattr(Source, "pages_to_give", [ORDERS])
    monkeypatch.setattr(Source, "away", False)
    monkeypatch.setattr(Target, "away", False)
    return Run(make_route, make_context)


def test_a_fetch_that_left_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Source, "pages_to_give", [])
    monkeypatch.setattr(Source, "away", True)
    run.states["fetch"] = "success"
    run.breaks("transform")
    run.breaks("push")
    assert run.settled() == (
        "fetch was not finished, though it is marked as success: 0 entities are pending. "
        "What fetch did not read is missing"
    )
    found, mark = books()
    assert (found.verdict, mark) == (run.settled(), None)


def test_a_fetch_that_broke_off(run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(Source, "away", True)
    run.breaks("fetch")
    run.states["fetch"] = "success"
    run.breaks("transform")
    run.breaks("push")
    assert run.settled() == (
        "fetch was not finished, though it is marked as success: 3 entities are pending. "
        "What fetch did not read is missing"
    )
    found, mark = books()
    assert (found.counts, mark) == ({"fetched": 3, "pending": 3}, None)
    assert "Somebody marked the task fetch as success in Airflow" in caplog.text
    monkeypatch.setattr(Source, "away", False)
    for name in ("fetch", "transform", "push"):  # it is cleared
        run.stage(name)
        run.states[name] = "success"
    assert run.stage("settle")["counts"]["delivered"] == 3
    found, mark = books()
    assert (found.verdict, mark) == (None, "2026-01-01T12:00:00+00:00")


@pytest.mark.parametrize("earlier", [False, True], ids=["never worked", "worked before the run was cleared"])
def test_a_fetch_that_worked_once_and_left_nothing_when_it_was_cleared(
    run: Run, monkeypatch: pytest.MonkeyPatch, earlier: bool
) -> None:
    if earlier:
        for name in ("fetch", "transform", "push", "settle"):
            run.stage(name)
        monkeypatch.setattr(Source, "pages_to_give", [[*ORDERS, {"number": 9, "status": "paid"}], []])
    monkeypatch.setattr(Source, "away", True)
    run.breaks("fetch")
    run.states["fetch"] = "success"
    run.breaks("transform")
    run.breaks("push")
    assert "fetch was not finished, though it is marked as success" in run.settled()


def test_a_transform_that_left_nothing(run: Run) -> None:
    run.stage("fetch")
    run.states = {"fetch": "success", "transform": "success"}
    run.breaks("push")
    assert run.settled() == "transform was not finished, though it is marked as success: 3 entities are pending"
    found, mark = books()
    assert (found.counts, mark) == ({"fetched": 3, "pending": 3}, None)


def test_a_push_that_did_not_send_all(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are sent by a later run: each has its fate, and the window is not fetched again."""
    run.stage("fetch")
    run.stage("transform")
    monkeypatch.setattr(Target, "away", True)
    run.breaks("push")
    run.states = dict.fromkeys(("fetch", "transform", "push"), "success")
    assert run.settled() == (
        "push was not finished, though it is marked as success: 3 entities are tried again by a later run"
    )
    found, mark = books()
    counts = {"fetched": 3, "retrying": 3, "step.0": 3}
    assert (found.counts, mark) == (counts, "2026-01-01T12:00:00+00:00")


def test_a_push_that_was_never_begun(run: Run) -> None:
    run.stage("fetch")
    run.stage("transform")
    run.states = dict.fromkeys(("fetch", "transform", "push"), "success")
    assert "push was not finished, though it is marked as success: 3 entities" in run.settled()


@pytest.mark.parametrize("apart", [{}, {"transform": {"queue": "large"}}])
def test_a_push_of_several_tasks_is_marked_only_where_all_of_them_are(
    run: Run, make_route: Callable[..., Any], make_context: Callable[..., Any], apart: dict[str, Any]
) -> None:
    run = Run(make_route, make_context, tasks={"spread": 2, "spread_above": 0, "together": 0, **apart})
    run.stage("fetch")
    run.stage("transform")
    sent = run.stage("push")["counts"].get("delivered", 0)
    run.states = {"fetch": "success", "transform": "success", "push": "success", "push_2": "failed"}
    told = "tried again by a later run" if apart else "pending"
    assert run.settled() == f"push was not finished: {3 - sent} entities are {told}"
    run.states["push_2"] = "success"
    if not apart:
        assert (
            run.settled() == f"push was not finished, though it is marked as success: {3 - sent} entities are pending"
        )
    assert run.stage("push_2")["counts"] == {"delivered": 3 - sent}
    assert run.stage("settle")["counts"]["delivered"] == 3


@pytest.mark.parametrize("silent", [False, True])
def test_what_failed_or_what_airflow_does_not_tell_is_not_called_marked(
    run: Run, monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    monkeypatch.setattr(Source, "away", True)
    run.breaks("fetch")
    run.states, run.silent = {"fetch": "success" if silent else "failed"}, silent
    assert run.settled() == "fetch was not finished: 3 entities are pending"
