from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.sdk import AssetOrTimeSchedule
from airflow.serialization.serialized_objects import DagSerialization

from airflow_integrations.airflow import build_dag
from airflow_integrations.airflow.dag.dag_ids import has_events_dag, route_of_dag
from airflow_integrations.airflow.dag.factory import build_events_dag
from airflow_integrations.airflow.dag.pools import EVENTS_POOL, LIVE_POOL, pool_name, pool_sizes, weight
from airflow_integrations.route.definition import PRIORITIES, Route
from airflow_integrations.route_files.load import read_routes


def serialized(dag: Any) -> Any:
    document = json.loads(json.dumps(DagSerialization.to_dict(dag)))
    document["dag"].pop("fileloc", None)  # where the DAG was built: this file, or the loader's
    document["dag"].pop("relative_fileloc", None)
    return document


def test_the_stages_follow_each_other(make_route: Callable[..., Any]) -> None:
    dag = build_dag(make_route())
    assert dag.dag_id == "orders"
    assert [task.task_id for task in dag.topological_sort()] == ["fetch", "transform", "push", "settle"]
    assert dag.get_task("settle").trigger_rule == "all_done"
    assert dag.get_task("push").trigger_rule == "none_failed"
    assert {dag.get_task(stage).trigger_rule for stage in ("fetch", "transform")} == {"all_success"}


def _tasks(dag: Any) -> Any:
    return serialized(dag)["dag"]["tasks"]


def test_a_push_that_is_spread_has_several_tasks_side_by_side(make_route: Callable[..., Any]) -> None:
    route = make_route(tasks={"spread": 3, "push": {"pool": "erp"}}, trigger=HOOK, schedule={"every": "1h"})
    dag = build_dag(route)
    pushes = [dag.get_task(task_id) for task_id in ("push", "push_2", "push_3")]
    assert [task.upstream_task_ids for task in pushes] == [{"transform"}] * 3
    assert [task.downstream_task_ids for task in pushes] == [{"settle"}] * 3
    assert {(task.pool, task.priority_weight, task.trigger_rule) for task in pushes} == {
        ("erp", pushes[0].priority_weight, "none_failed")
    }
    assert len(dag.tasks) == 6
    assert len(build_events_dag(route).tasks) == 4, "events are few"
    assert _tasks(build_dag(make_route(tasks={"spread": 1}))) == _tasks(build_dag(make_route(tasks={})))


def test_what_the_route_says_of_itself_is_the_dags(make_route: Callable[..., Any]) -> None:
    dag = build_dag(make_route(paused=False, max_active_runs=3))
    assert (dag.description, dag.owner, dag.max_active_runs) == ("Orders go to the books.", "sales-ops", 3)
    assert set(dag.tags) == {"sales", "integration", "high"}
    assert dag.is_paused_upon_creation is False
    assert build_dag(make_route()).is_paused_upon_creation is None


HOOK = {"webhook": {"path": "orders", "verify": "none"}}


def test_events_of_a_route_that_fetches_have_a_dag_of_their_own(make_route: Callable[..., Any]) -> None:
    route = make_route(trigger=HOOK, schedule={"every": "1h"}, paused=False, params={"region": "EU"})
    dag = build_events_dag(route)
    assert dag.dag_id == "orders__events"
    assert [task.task_id for task in dag.topological_sort()] == ["fetch", "transform", "push", "settle"]
    assert dag.timetable.can_be_scheduled is False
    assert (dag.max_active_runs, dag.is_paused_upon_creation) == (1, False)
    assert set(dag.tags) == {"sales", "integration", "events", "high"}
    assert dict(dag.params) == {"region": "EU"}  # what else a run may be asked for goes with the route's own DAG
    assert serialized(dag) == serialized(build_events_dag(route))


@pytest.mark.parametrize(
    ("more", "its_own"),
    [
        ({}, False),
        ({"trigger": HOOK}, True),
        ({"trigger": {"latency": "low"}}, True),
        ({"trigger": {}}, True),  # entities by API
        ({"trigger": {"listen": {"redis": {"connection": "r", "stream": "s"}}}}, True),
        ({"trigger": {"assets": "stock"}}, False),
        ({"trigger": {"assets": "stock", **HOOK}}, True),
        ({"trigger": HOOK, "incoming": {"none": {}}}, False),  # all of its runs take events
        ({"trigger": HOOK, "incoming": {"route": "stock"}}, False),
    ],
)
def test_only_events_that_would_wait_for_other_runs_have_one(
    make_route: Callable[..., Any], more: dict[str, Any], its_own: bool
) -> None:
    assert has_events_dag(make_route(**more)) is its_own


def test_what_is_listened_to_rings_where_events_run(make_route: Callable[..., Any]) -> None:
    trigger = {"listen": {"redis": {"connection": "r", "stream": "s"}}}
    route = make_route(trigger=trigger, schedule={"every": "1h"})
    condition: Any = build_events_dag(route).timetable.asset_condition
    assert condition.uri == "integrations://listen/orders"
    assert not isinstance(build_dag(route).timetable, AssetOrTimeSchedule)
    assert "listen/orders" in json.dumps(serialized(build_dag(make_route(trigger=trigger, incoming={"none": {}}))))


def test_a_dag_says_which_route_it_is_of() -> None:
    assert [route_of_dag(name) for name in ("orders", "orders__events", "orders__live")] == ["orders"] * 3


def test_tasks_retry_outages_and_end_in_time(make_route: Callable[..., Any]) -> None:
    task = build_dag(make_route(tasks={"retries": 5, "retry_delay": "10s", "timeout": "30m"})).get_task("push")
    assert (task.retries, task.retry_delay, task.execution_timeout) == (5, timedelta(seconds=10), timedelta(minutes=30))
    assert task.retry_exponential_backoff == 2.0
    assert task.retry_policy is not None


def test_the_schedule_catches_up_only_when_told(make_route: Callable[..., Any]) -> None:
    schedule = {"cron": "*/5 * * * *", "timezone": "Europe/Madrid", "start": "2026-01-01", "catchup": True}
    dag = build_dag(make_route(schedule=schedule))
    assert dag.catchup is True
    assert dag.start_date is not None
    assert dag.start_date.isoformat() == "2025-12-31T23:00:00+00:00"  # midnight in Madrid
    assert str(dag.timezone) == "Europe/Madrid"
    assert build_dag(make_route(schedule={"every": "1h"})).catchup is False
    assert build_dag(make_route()).timetable.can_be_scheduled is False


def test_the_story_holds_the_definition(make_route: Callable[..., Any]) -> None:
    route = make_route(description="Fences ``` in texts end nothing.")
    text = build_dag(route).doc_md or ""
    fence = next(line for line in text.splitlines() if line.endswith("yaml")).removesuffix("yaml")
    definition = yaml.safe_load(text.split(f"{fence}yaml\n")[1].rsplit(fence, 1)[0])
    assert len(fence) > 3
    assert Route.load(definition) == route


def test_the_story_says_where_from_and_to_and_shows_durations_as_they_are_written(
    make_route: Callable[..., Any],
) -> None:
    text = build_dag(make_route(schedule={"every": "1h30m", "start": "2026-01-01"})).doc_md or ""
    assert "- **Way:** shop (http) → filter → none\n" in text
    assert "- **When:** every 1h30m, from 2026-01-01" in text
    assert "every: 1h30m\n" in text


@pytest.mark.parametrize("enabled", [True, False])
def test_the_pool_of_the_priority_is_used_when_pools_are_on(
    make_route: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, enabled: bool
) -> None:
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__POOLS", str(enabled))
    pools = {task.pool for task in build_dag(make_route()).tasks}
    assert pools == {"integrations_high" if enabled else "default_pool"}


def test_weights_put_levels_apart_and_finish_what_was_begun(make_route: Callable[..., Any]) -> None:
    weights = [[weight(priority, stage) for stage in range(4)] for priority in PRIORITIES]
    assert all(min(higher) > max(lower) for higher, lower in itertools.pairwise(weights))
    dag = build_dag(make_route(priority="low"))
    tasks = [dag.get_task(stage) for stage in ("fetch", "transform", "push", "settle")]
    assert [task.priority_weight for task in tasks] == weights[-1]
    assert {str(getattr(task.weight_rule, "value", task.weight_rule)) for task in tasks} == {"absolute"}


@pytest.mark.parametrize("consumers", [0, 1, 3])
@pytest.mark.parametrize("own", [5, 8, 16, 32, 100])
def test_the_other_levels_always_leave_a_slot_to_critical(own: int, consumers: int) -> None:
    slots = own + 2 * consumers
    sizes = pool_sizes(slots, consumers)
    assert sizes.pop(LIVE_POOL) == slots
    others = sum(size for name, size in sizes.items() if name != pool_name("critical"))
    assert list(sizes) == [*(pool_name(priority) for priority in PRIORITIES), EVENTS_POOL]
    assert all(size >= 1 for size in sizes.values())
    assert others < own
    assert sizes[pool_name("critical")] == slots


@pytest.mark.parametrize("own", [5, 8, 16, 32, 100])
def test_low_has_slots_that_no_other_level_takes_while_critical_holds_its_quarter(own: int) -> None:
    sizes = pool_sizes(own)
    others = sum(sizes[name] for name in (pool_name("high"), pool_name("normal"), EVENTS_POOL))
    assert max(1, own // 4) + others + sizes[pool_name("low")] <= own


def test_of_four_slots_one_is_critical_s_while_no_events_come() -> None:
    sizes = pool_sizes(4)
    assert sum(sizes[pool_name(priority)] for priority in ("high", "normal", "low")) == 3
    assert sizes[EVENTS_POOL] == 1


def test_events_take_no_slot_of_a_batch_and_go_before_those_of_their_level(
    make_route: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__POOLS", "True")
    for priority in PRIORITIES:
        route = make_route(trigger={}, priority=priority)
        batch, events = build_dag(route).get_task("fetch"), build_events_dag(route).get_task("fetch")
        assert (events.pool != batch.pool) is (priority != "critical")  # whose pool has all slots
        assert batch.priority_weight < events.priority_weight
    by_level = [[weight(priority, stage, events=True) for stage in range(4)] for priority in PRIORITIES]
    for higher, lower in itertools.pairwise(by_level):
        assert min(weight(priority) for priority in PRIORITIES[: by_level.index(lower)]) > max(lower)
        assert min(higher) > max(lower)


def test_more_consumers_than_slots_leave_a_slot_to_each_pool() -> None:
    assert all(size >= 1 for size in pool_sizes(8, 9).values())


def test_pools_need_an_executor_with_slots() -> None:
    with pytest.raises(ValueError, match="at least 1 slot"):
        pool_sizes(0)


YAML = """
description: Orders go to the books.
owner: sales-ops
tags: [sales]
priority: high
tasks: {together: 0}
entity: {name: order, key: order.number}
schedule: {cron: "*/5 * * * *", timezone: Europe/Madrid, start: 2026-01-01, catchup: true}
params: {region: EU, rate: 1.50}
incoming:
  http: {connection: shop, path: /orders, records: body.orders}
transform:
  - filter: order.status == "paid"
outgoing: {none: {}}
"""


def test_a_route_file_and_python_give_the_same_serialized_dag(tmp_path: Path, make_route: Callable[..., Any]) -> None:
    from decimal import Decimal

    (tmp_path / "orders.yaml").write_text(YAML)
    found = read_routes(tmp_path)
    assert found.mistakes == ()
    in_python = make_route(
        schedule={"cron": "*/5 * * * *", "timezone": "Europe/Madrid", "start": "2026-01-01", "catchup": True},
        params={"region": "EU", "rate": Decimal("1.50")},
    )
    assert serialized(build_dag(found.routes["orders"].route)) == serialized(build_dag(in_python))


def test_building_twice_gives_the_same_serialized_dag(make_route: Callable[..., Any]) -> None:
    """Airflow makes a new version of a DAG for every difference."""
    assert serialized(build_dag(make_route())) == serialized(build_dag(make_route()))


def test_a_serialized_dag_comes_back(make_route: Callable[..., Any]) -> None:
    dag = DagSerialization.from_dict(DagSerialization.to_dict(build_dag(make_route(schedule={"every": "15m"}))))
    assert [task.downstream_task_ids for task in map(dag.get_task, ("fetch", "transform", "push", "settle"))] == [
        {"transform"},
        {"push"},
        {"settle"},
        set(),
    ]
    assert dag.get_task("settle").trigger_rule == "all_done"


def test_build_dag_takes_arguments_of_airflows_dag(make_route: Callable[..., Any]) -> None:
    assert build_dag(make_route(), dag_display_name="Orders").dag_display_name == "Orders"
