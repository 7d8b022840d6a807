"""The tasks that fetch a route's partitions, as Airflow runs them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, DownstreamTasksSkipped
from airflow_tasks import task_of

from airflow_integrations.airflow import build_dag, build_events_dag
from airflow_integrations.airflow.config.ledger import open_ledger
from airflow_integrations.errors import OutageError
from airflow_integrations.incoming import Page
from airflow_integrations.incoming.http.source import HttpIncoming
from airflow_integrations.ledger.queries.overview import runs

TASKS = ["fetch_1", "fetch_2", "fetch_3"]
SHOP = {"connection": "shop", "path": "/{{ partition.value }}", "partitions": {"list": ["a", "b", "c"]}}


class Shop:
    """Two orders for each partition; ``away``: partitions that cannot be had."""

    def __init__(self) -> None:
        self.away: set[str] = set()
        self.asked: list[str] = []

    async def pages(self, incoming: Any, run: Any, services: Any, resume: Any = None) -> AsyncGenerator[Page, None]:
        place = run.partition.value
        self.asked.append(place)
        if place in self.away:
            raise OutageError(f"{place} is away")
        yield Page([{"number": f"{place}{n}", "status": "paid"} for n in range(2)])


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    shop = Shop()
    monkeypatch.setattr(HttpIncoming, "pages", lambda *given, **named: shop.pages(*given, **named))
    return shop


@pytest.fixture
def run(shop: Shop, make_route: Callable[..., Any], make_context: Callable[..., Any]) -> Callable[..., Any]:
    """Run one task of a run; those that it skips are in ``skipped``."""

    def run(
        task: str,
        *,
        incoming: dict[str, Any] | None = None,
        files: dict[str, Any] | None = None,
        conf: Any = None,
        **route: Any,
    ) -> Any:
        source = {"files": files} if files else {"http": SHOP | (incoming or {})}
        dag = build_dag(make_route(incoming=source, **route))
        context = make_context(dag, conf=conf, run_after=datetime(2026, 1, 1, 12, tzinfo=UTC))
        try:
            return task_of(dag, task).execute(context)
        except DownstreamTasksSkipped as skipped:
            return {**context["ti"].pushed["return_value"], "skipped": sorted(skipped.tasks)}

    return run


def test_partitions_have_tasks_between_fetch_and_transform(make_route: Callable[..., Any]) -> None:
    route = make_route(incoming={"http": SHOP}, tasks={"fetch": {"pool": "shop"}}, trigger={}, schedule={"every": "1h"})
    dag = build_dag(route)
    found = [dag.get_task(name) for name in TASKS]
    assert [task.upstream_task_ids for task in found] == [{"fetch"}] * 3
    assert [task.downstream_task_ids for task in found] == [{"transform"}] * 3
    assert {task.pool for task in found} == {"shop"}
    assert dag.get_task("transform").trigger_rule == "none_failed"
    assert len(dag.tasks) == 7
    assert len(build_events_dag(route).tasks) == 4
    for tasks, count in (({"fetch_spread": 1}, 4), ({"single": True}, 1)):
        assert len(build_dag(make_route(incoming={"http": SHOP}, tasks=tasks)).tasks) == count


def test_each_task_fetches_its_own_and_one_balance_is_struck(run: Callable[..., Any], shop: Shop) -> None:
    planned = run("fetch")
    assert (planned["entities"], shop.asked, "skipped" in planned) == (0, [], False)
    assert [run(task)["counts"]["fetched"] for task in reversed(TASKS)] == [2, 2, 2]
    assert run("transform")["entities"] == 6
    assert run("push")["counts"] == {"skipped": 6}
    assert run("settle")["counts"]["skipped"] == 6
    with open_ledger() as ledger:
        (books,) = runs(ledger, "orders").runs
        assert books.counts["fetched"] == 6


def test_the_last_task_that_fails_is_retried_alone(run: Callable[..., Any], shop: Shop) -> None:
    run("fetch")
    shop.away = {"b"}
    run("fetch_1")
    run("fetch_3")
    with pytest.raises(OutageError):
        run("fetch_2")
    with pytest.raises(AirflowFailException, match="clear fetch_2 of this run, with Downstream"):
        run("transform")
    with pytest.raises(AirflowFailException, match="fetch was not finished: 4 entities are pending"):
        run("settle")
    shop.away, shop.asked = set(), []
    assert run("fetch_2") == {"partitions": 1, "entities": 2, "counts": {"fetched": 2, "rejected": 0}}
    assert shop.asked == ["b"]
    assert run("transform")["entities"] == 6
    run("push")
    assert run("settle")["counts"]["skipped"] == 6


def test_a_red_run_names_the_tasks_that_fetch(
    run: Callable[..., Any], shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    run("fetch")
    with pytest.raises(AirflowFailException):
        run("settle")
    assert "one of fetch, fetch_1, fetch_2, fetch_3, says why" in caplog.text


def test_tasks_without_a_partition_are_skipped(run: Callable[..., Any], shop: Shop) -> None:
    incoming = {"partitions": {"ranges": {"every": "1d"}}, "path": "/{{ partition.start | date }}"}
    conf = {"window_start": "2026-01-01T00:00:00Z", "window_end": "2026-01-03T00:00:00Z"}
    assert run("fetch", incoming=incoming, conf=conf)["skipped"] == ["fetch_3", "fetch_4"]


@pytest.mark.parametrize("conf", [{"limit": 3}, {"entities": [{"number": 1, "status": "paid"}]}], ids=str)
def test_a_run_that_fetches_by_itself_skips_them(run: Callable[..., Any], shop: Shop, conf: dict[str, Any]) -> None:
    assert run("fetch", conf=conf)["skipped"] == TASKS
    assert run("transform")["entities"] == len(conf.get("entities", "abc"))


def test_few_entities_still_go_all_the_way_where_fetch_has_them(run: Callable[..., Any], shop: Shop) -> None:
    done = run("fetch", conf={"limit": 3}, tasks={})
    assert done["skipped"] == [*TASKS, "push", "settle", "transform"]
    assert done["counts"]["skipped"] == 3


def test_where_every_partition_is_empty_the_run_ends_well(
    run: Callable[..., Any], shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*given: Any, **named: Any) -> AsyncGenerator[Page, None]:
        yield Page([])

    monkeypatch.setattr(HttpIncoming, "pages", nothing)
    for task in ("fetch", *TASKS):
        run(task)
    assert run("transform")["skipped"] == ["push"]
    assert run("settle")["counts"]["fetched"] == 0


def test_files_are_listed_by_fetch_and_read_by_its_tasks(run: Callable[..., Any], tmp_path: Path) -> None:
    files = {"path": f"{tmp_path}/in/*.jsonl", "partitions": {"files": 1}, "settled": {"age": "0s"}, "after": "delete"}
    inbox = tmp_path / "in"
    inbox.mkdir()
    for number in range(3):
        (inbox / f"{number}.jsonl").write_text(f'{{"number": {number}, "status": "paid"}}\n')
    assert run("fetch", files=files)["skipped"] == ["fetch_4"]
    assert [run(task, files=files)["counts"]["fetched"] for task in reversed(TASKS)] == [1, 1, 1]
    assert run("transform", files=files)["entities"] == 3
    run("push", files=files)
    assert len(list(inbox.iterdir())) == 3
    assert run("settle", files=files)["counts"]["skipped"] == 3
    assert list(inbox.iterdir()) == []


def test_a_single_file_needs_no_further_task(run: Callable[..., Any], tmp_path: Path) -> None:
    files = {"path": f"{tmp_path}/*.jsonl", "partitions": {"files": 1}, "settled": {"age": "0s"}}
    (tmp_path / "0.jsonl").write_text('{"number": 1, "status": "paid"}\n')
    assert run("fetch", files=files)["skipped"] == [*TASKS, "fetch_4"]
    assert run("transform", files=files)["entities"] == 1
