"""A DAG of one task: what stopped goes on, what ended and is cleared begins again, and the books are closed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from airflow.sdk.exceptions import AirflowFailException
from airflow_tasks import task_of

from airflow_integrations.airflow import build_dag, build_events_dag
from airflow_integrations.airflow.config.ledger import open_ledger
from airflow_integrations.config.model import Model
from airflow_integrations.errors import OutageError, RunError, SetupError
from airflow_integrations.incoming import Page
from airflow_integrations.ledger.queries.overview import runs
from airflow_integrations.ledger.runs.runs import route_state
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.route import registry

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ORDERS = [{"number": number, "status": "paid"} for number in range(3)]
OPEN = {"number": 9, "status": "open"}


class Source:
    """Gives its pages one after the other, then fails where it is to."""

    class Config(Model):
        path: str = "/orders"

    given: ClassVar[list[list[dict[str, Any]]]] = []
    error: ClassVar[Exception | None] = None
    asked: ClassVar[list[Any]] = []

    def __init__(self, *_: Any) -> None: ...

    async def pages(self, run: Any, services: Any, resume: Any = None) -> AsyncIterator[Page]:
        self.asked.append(resume)
        for number in range(resume or 0, len(self.given)):
            yield Page(self.given[number], number + 1)
        if self.error is not None:
            raise self.error
        yield Page([], None)


class Target:
    """Takes everything, or fails after so many batches."""

    deletes = repeatable = True

    class Config(Model):
        path: str = "/in"

    error: ClassVar[Exception | None] = None
    after: ClassVar[int] = 0
    sent: ClassVar[list[tuple[str, str]]] = []

    def __init__(self, config: Any, *_: Any) -> None:
        self.path = config.path

    async def open(self, run: Any, services: Any) -> None: ...

    async def send(self, batch: Sequence[Outbound]) -> list[Result]:
        if self.error is not None and len(self.sent) >= self.after:
            raise self.error
        self.sent.extend((self.path, outbound.key) for outbound in batch)
        return [Result("delivered") for _ in batch]

    async def close(self) -> None: ...


class World:
    """A run of the route, attempt after attempt, as Airflow counts them."""

    def __init__(self, make_route: Callable[..., Any], make_context: Callable[..., Any]) -> None:
        self.make_route, self.make_context = make_route, make_context
        self.changes: dict[str, Any] = {}
        self.tries = 0
        self.last = 4
        self.context: dict[str, Any] = {}

    def attempt(self, conf: Any = None, *, run_id: str = "scheduled__1") -> Any:
        """The next one; Airflow retries three times by itself."""
        self.tries += 1
        changes = {
            "tasks": {"single": True},
            "schedule": {"every": "1h"},
            "delivery": {"concurrency": 1},
            "incoming": {"memory": {}},
            "outgoing": {"memory": {}},
        }
        dag = build_dag(self.make_route(**changes | self.changes))
        self.context = context = self.make_context(dag, conf=conf, run_after=NOW, run_id=run_id)
        context["dag_run"].data_interval_start = datetime(2026, 1, 1, 11, tzinfo=UTC)
        context["dag_run"].data_interval_end = NOW
        context["dag_run"].run_type = "scheduled"
        context["ti"].try_number, context["ti"].max_tries = self.tries, self.last - 1
        return task_of(dag, "run").execute(context)

    def clear(self) -> None:
        """As Airflow does it: the tries go on counting."""
        self.last = self.tries + 4

    def books(self) -> dict[str, int]:
        with open_ledger() as ledger:
            (found,) = runs(ledger, "orders").runs
        assert found.finished is not None
        return {name: count for name, count in found.counts.items() if not name.startswith("step.")}

    def mark(self) -> Any:
        with open_ledger() as ledger:
            return route_state(ledger, "orders").mark


@pytest.fixture
def world(make_route: Callable[..., Any], make_context: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setitem(registry._BUILT_IN["incoming"], "memory", f"{__name__}:Source")
    monkeypatch.setitem(registry._BUILT_IN["outgoing"], "memory", f"{__name__}:Target")
    monkeypatch.setattr(Source, "given", [[ORDERS[0]], [ORDERS[1], OPEN], [ORDERS[2]]])
    for holder in (Source, Target):
        monkeypatch.setattr(holder, "error", None)
    monkeypatch.setattr(Source, "asked", [])
    monkeypatch.setattr(Target, "sent", [])
    monkeypatch.setattr(Target, "after", 0)
    return World(make_route, make_context)


def keys() -> list[str]:
    return sorted(key for _, key in Target.sent)


def test_the_dag_has_one_task_also_for_events(make_route: Callable[..., Any]) -> None:
    route = make_route(tasks={"single": True}, trigger={})
    for dag in (build_dag(route), build_events_dag(route)):
        assert [task.task_id for task in dag.tasks] == ["run"]
    (inlet,) = build_dag(route).get_task("run").inlets
    assert inlet.uri == "integrations://shop/orders"


def test_all_is_done_and_the_books_are_closed(world: World) -> None:
    result = world.attempt()
    assert keys() == ["0", "1", "2"]
    assert world.books() == {"fetched": 4, "filtered": 1, "delivered": 3}
    assert {name: count for name, count in result["counts"].items() if count} == world.books()
    assert result["entities"] == 4
    assert world.mark() == NOW
    (event,) = [each for alias in world.context["outlet_events"]._dict.values() for each in alias.asset_alias_events][
        :1
    ]
    assert event.extra["delivered"] == 3


def test_nothing_to_do_leaves_nothing_behind(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Source, "given", [])
    assert world.attempt()["counts"]["fetched"] == 0
    assert world.mark() == NOW
    assert not (tmp_path / "staging/orders/scheduled__1").exists()


@pytest.mark.parametrize("where", ["source", "target"])
def test_a_retry_goes_on_where_the_last_attempt_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    holder = Source if where == "source" else Target
    with monkeypatch.context() as away:
        away.setattr(holder, "error", OutageError("it is away"))
        with pytest.raises(OutageError, match="away"):
            world.attempt()
    with open_ledger() as ledger:
        assert [run.finished for run in runs(ledger, "orders").runs] == [None]
    world.changes = {"outgoing": {"memory": {"path": "/elsewhere"}}} if where == "target" else {}
    world.attempt()
    assert keys() == ["0", "1", "2"]  # none twice
    assert {path for path, _ in Target.sent} == {"/in"}  # by the definition that it began with
    assert Source.asked == ([None, 3] if where == "source" else [None])
    assert world.books() == {"fetched": 4, "filtered": 1, "delivered": 3}


@pytest.mark.parametrize("where", ["source", "target"])
def test_the_last_try_closes_the_books(world: World, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    monkeypatch.setattr(Source if where == "source" else Target, "error", OutageError("it is away"))
    for _ in range(3):
        with pytest.raises(OutageError):
            world.attempt()
    if where == "source":
        with pytest.raises(OutageError):
            world.attempt()
        assert world.books() == {"fetched": 4, "pending": 4}
        assert world.mark() is None
    else:  # push leaves them to a later run, and so does the task
        world.attempt()
        assert world.books() == {"fetched": 4, "filtered": 1, "retrying": 3}
        assert world.mark() == NOW


def test_an_error_that_no_retry_mends_closes_them_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Target, "error", SetupError("the ERP takes no password"))
        with pytest.raises(AirflowFailException, match="takes no password"):
            world.attempt()
    assert world.books() == {"fetched": 4, "filtered": 1, "retrying": 3}
    assert "clear the task run of this run:" in caplog.text
    world.clear()
    world.attempt()
    assert world.books()["delivered"] + world.books().get("retrying", 0) == 3


def test_a_whole_run_that_is_cleared_fetches_again_and_sends_nothing_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.attempt()
    world.clear()
    monkeypatch.setattr(Source, "given", [[*ORDERS, {"number": 7, "status": "paid"}]])
    world.attempt()
    assert keys() == ["0", "1", "2", "7"]
    assert world.books() == {"fetched": 4, "delivered": 1, "unchanged": 3}


def test_a_run_that_was_stopped_and_is_cleared_takes_the_edited_route(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Target, "error", SetupError("no such place"))
        with pytest.raises(AirflowFailException):
            world.attempt()
    world.clear()
    world.changes = {"outgoing": {"memory": {"path": "/elsewhere"}}}
    world.attempt()
    assert sorted(Target.sent) == [("/elsewhere", key) for key in "012"]


def test_what_is_of_no_use_any_more_is_fetched_again_when_it_is_cleared(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setattr(Target, "error", OutageError("away"))
        with pytest.raises(OutageError):
            world.attempt()
    for segment in (tmp_path / "staging/orders/scheduled__1").glob("*.jsonl.zst"):
        segment.unlink()
    with pytest.raises(AirflowFailException, match="is gone"):
        world.attempt()
    world.clear()
    world.attempt()
    assert keys() == ["0", "1", "2"]


def test_where_the_definition_cannot_be_had_a_retry_fetches_again(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setattr(Target, "error", OutageError("away"))
        with pytest.raises(OutageError):
            world.attempt()
    (tmp_path / "staging/orders/scheduled__1/definition.zst").unlink()
    world.changes = {"outgoing": {"memory": {"path": "/elsewhere"}}}
    world.attempt()
    assert sorted(Target.sent) == [("/elsewhere", key) for key in "012"]


def test_a_run_that_is_red_says_what_to_do(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Source, "given", [[*ORDERS, {"status": "paid"}]])
    with pytest.raises(AirflowFailException, match="1 rejected of 4 entities"):
        world.attempt()
    assert keys() == ["0", "1", "2"]
    assert world.context["ti"].pushed["return_value"]["counts"]["rejected"] == 1


def test_a_run_that_was_begun_by_four_tasks_is_gone_on_with(world: World) -> None:
    """The route is edited during a run: Airflow then has the run's task ``run`` beside those that are gone."""
    world.changes = {"tasks": {"together": 0}}
    with pytest.raises(Exception, match="run"):
        world.attempt()  # it has no such task
    dag = build_dag(
        world.make_route(
            **{
                **world.changes,
                "schedule": {"every": "1h"},
                "incoming": {"memory": {}},
                "outgoing": {"memory": {}},
                "delivery": {"concurrency": 1},
            }
        )
    )
    task_of(dag, "fetch").execute(world.context)
    world.changes = {}
    world.attempt()
    assert Source.asked == [None]
    assert keys() == ["0", "1", "2"]


def test_a_run_that_is_killed_in_the_middle_goes_on(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No mark is left: this is no clear. What was unanswered is sent again, and nothing that was confirmed."""
    sent = tmp_path / "sent"

    async def send(self: Target, batch: Sequence[Outbound]) -> list[Result]:
        with sent.open("a") as file:
            file.writelines(f"{outbound.key}\n" for outbound in batch)
        if len(sent.read_text().splitlines()) == 2:
            await asyncio.sleep(1.5)  # what was confirmed is on disk by then
            os._exit(9)
        return [Result("delivered") for _ in batch]

    with monkeypatch.context() as killed:
        killed.setattr(Target, "send", send)
        child = os.fork()
        if child == 0:
            world.attempt()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    world.tries = 1
    world.changes = {"outgoing": {"memory": {"path": "/elsewhere"}}}
    world.attempt()
    first = sent.read_text().split()
    assert sorted({*first, *keys()}) == ["0", "1", "2"]
    assert first[0] not in keys()
    assert {path for path, _ in Target.sent} == {"/in"}
    assert world.books() == {"fetched": 4, "filtered": 1, "delivered": 3}


def test_conf_that_makes_no_sense_fails_before_anything_is_done(world: World) -> None:
    with pytest.raises((AirflowFailException, RunError), match="unknown"):
        world.attempt({"keyz": ["1"]})
    assert Source.asked == []
