"""A route's own asset, and DAGs that wait for assets. What Airflow makes of them is seen in the end-to-end tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset, AssetAlias, AssetOrTimeSchedule, CronTriggerTimetable
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.definitions.asset import AssetAll, AssetAny
from airflow.serialization.serialized_objects import DagSerialization
from airflow_tasks import task_of

from airflow_integrations.airflow import build_dag
from airflow_integrations.airflow.dag.assets import changed, route_asset, triggering_assets
from airflow_integrations.airflow.operators.run_window import window
from airflow_integrations.config.model import Model
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.route import registry
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.window import EPOCH, Window

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 1, 1, 12, 10, tzinfo=UTC)
PAID = {"number": 1, "status": "paid"}
OPEN = {"number": 2, "status": "open"}


class Taking:
    """A target that takes everything."""

    repeatable = True

    class Config(Model):
        pass

    def __init__(self, config: Config, route: Route) -> None: ...

    async def open(self, run: Run, services: Services) -> None: ...

    async def send(self, batch: Sequence[Outbound]) -> list[Result]:
        return [Result("delivered") for _ in batch]

    async def close(self) -> None: ...


@pytest.fixture(autouse=True)
def _taking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._BUILT_IN["outgoing"], "taking", "test_airflow_assets:Taking")


def pushed(make_route: Callable[..., Any], make_context: Callable[..., Any], *entities: Any, **asked: Any) -> Any:
    """What the push of these entities says of assets."""
    dag = build_dag(make_route(outgoing={"taking": {}}))
    context = make_context(dag, conf={"entities": list(entities), **asked}, run_after=NOW)
    for task in ("fetch", "transform", "push"):
        task_of(dag, task).execute(context)
    return context["outlet_events"][AssetAlias("route.orders")].asset_alias_events


def test_the_asset_of_a_route_is_stable() -> None:
    assert (route_asset("orders").name, route_asset("orders").uri) == ("route.orders", "integrations://route/orders")
    assert route_asset("Shop.orders-to_ERP").uri == "integrations://route/Shop.orders-to_ERP"


def test_it_changes_when_something_was_delivered(
    make_route: Callable[..., Any], make_context: Callable[..., Any]
) -> None:
    (event,) = pushed(make_route, make_context, PAID, PAID | {"number": 3}, OPEN)
    assert (event.dest_asset_key.name, event.dest_asset_key.uri) == ("route.orders", "integrations://route/orders")
    assert event.extra == {
        "route": "orders",
        "run_id": "manual__1",
        "delivered": 2,
        "window": ["1970-01-01T00:00:00Z", "2026-01-01T12:00:00Z"],
    }


def test_it_does_not_change_when_nothing_was(make_route: Callable[..., Any], make_context: Callable[..., Any]) -> None:
    assert pushed(make_route, make_context, PAID, dry_run=True) == []
    assert len(pushed(make_route, make_context, PAID)) == 1


def test_nor_when_all_was_there_already(make_route: Callable[..., Any], make_context: Callable[..., Any]) -> None:
    def later(*given: Any, **named: Any) -> dict[str, Any]:
        return make_context(*given, **named) | {"run_id": "manual__2"}

    pushed(make_route, make_context, PAID)
    assert pushed(make_route, later, PAID) == []


def test_the_target_changes_by_the_same_rule(
    make_route: Callable[..., Any], make_context: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not an outlet itself: that would change with a dry run, too."""
    dag = build_dag(make_route())
    assert [outlet for task in dag.tasks for outlet in task.outlets if isinstance(outlet, Asset)] == []
    target = make_route(outgoing={"http": {"connection": "erp", "method": "PUT", "path": "/orders/{{ order.number }}"}})
    context = make_context(dag, conf={}, run_after=NOW)
    changed(context, target, 0, {})
    events = context["outlet_events"][AssetAlias("route.orders")].asset_alias_events
    assert events == []
    changed(context, target, 2, {"run_id": "r"})
    assert [event.dest_asset_key.uri for event in events] == [
        "integrations://route/orders",
        "integrations://erp/orders",
    ]
    assert {event.extra["delivered"] for event in events} == {2}


def test_both_tasks_that_may_push_have_the_outlet(make_route: Callable[..., Any]) -> None:
    dag = build_dag(make_route())
    outlets = {task.task_id: [outlet.name for outlet in task.outlets] for task in dag.tasks}
    assert outlets == {"fetch": ["route.orders"], "transform": [], "push": ["route.orders"], "settle": []}


def test_conditions_are_those_of_airflow(make_route: Callable[..., Any]) -> None:
    written = {"all": ["categories", {"any": [{"uri": "s3://x/y"}, {"name": "z"}, {"route": "attributes"}]}]}
    expected = AssetAll(
        route_asset("categories"),
        AssetAny(Asset.ref(uri="s3://x/y"), Asset.ref(name="z"), route_asset("attributes")),
    )
    assert triggering_assets(make_route(trigger={"assets": written})) == expected
    assert triggering_assets(make_route(trigger={"assets": "categories"})) == route_asset("categories")
    assert triggering_assets(make_route()) is None
    assert triggering_assets(make_route(trigger={"latest": True})) is None


@pytest.mark.parametrize(
    "more",
    [
        {"trigger": {"assets": "a"}},
        {"trigger": {"assets": {"all": ["a", "b"]}, "at": "0 6 * * *", "timezone": "Europe/Madrid"}},
        {"trigger": {"assets": {"any": ["a", {"uri": "s3://x"}]}}, "schedule": {"every": "1h"}},
        {"trigger": {"assets": "a", "sweep": "*/15 * * * *"}},
    ],
)
def test_airflow_takes_the_dag(make_route: Callable[..., Any], more: dict[str, Any]) -> None:
    dag = build_dag(make_route(**more))
    dag.validate()
    DagSerialization.from_dict(DagSerialization.to_dict(dag))


def test_at_the_latest_at_a_time(make_route: Callable[..., Any]) -> None:
    timetable = build_dag(make_route(trigger={"assets": "a", "at": "0 6 * * *"})).timetable
    assert isinstance(timetable, AssetOrTimeSchedule)
    assert isinstance(timetable.timetable, CronTriggerTimetable)


def by_assets(make_context: Callable[..., Any], route: Any, *, start_date: datetime | None = LATER) -> Window:
    context = make_context(build_dag(route))
    run = SimpleNamespace(conf={}, run_type=DagRunType.ASSET_TRIGGERED, run_after=NOW, start_date=start_date)
    return window(context | {"dag_run": run})


def test_a_run_by_assets_is_for_all_up_to_its_start(
    make_route: Callable[..., Any], make_context: Callable[..., Any]
) -> None:
    """Airflow says of a burst of changes when the first one was."""
    assert by_assets(make_context, make_route(trigger={"assets": "a"})) == Window(EPOCH, LATER)
    assert by_assets(make_context, make_route(trigger={"assets": "a"}), start_date=None) == Window(EPOCH, NOW)
    both = make_route(trigger={"assets": "a"}, schedule={"cron": "0 */6 * * *"})
    assert by_assets(make_context, both) == Window(datetime(2026, 1, 1, 6, tzinfo=UTC), LATER)


def test_the_page_of_the_dag_says_when_it_runs(make_route: Callable[..., Any]) -> None:
    def when(**more: Any) -> str:
        (line,) = [line for line in (build_dag(make_route(**more)).doc_md or "").splitlines() if "**When:**" in line]
        return line.removeprefix("- **When:** ")

    assets = {"all": ["categories", {"any": ["stock", {"uri": "s3://x"}]}]}
    assert when(trigger={"assets": assets, "at": "0 6 * * *"}) == (
        "when this has changed: categories and (stock or s3://x), or `0 6 * * *` (UTC)"
    )
    both = when(trigger={"assets": "a"}, schedule={"every": "1h"}, incoming={"route": "b"})
    assert both == "every 1h; when this has changed: a; when b has fetched"
    assert when() == "when it is triggered"


def test_what_changes_is_named_to_airflow_before_a_run_changes_it_and_no_task_depends_on_it(
    make_route: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task whose inlet is an asset that is not active, because another DAG's has its name, would fail."""
    named = {task.task_id: [inlet.name for inlet in task.inlets] for task in build_dag(make_route()).tasks}
    assert named["settle"][0] == "route.orders"
    assert "inlets" in str(DagSerialization.to_dict(build_dag(make_route()))["dag"]["tasks"][-1])
    (alone,) = build_dag(make_route(tasks={"single": True})).tasks
    assert "route.orders" not in [inlet.name for inlet in alone.inlets]
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "orders")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", "settle")
    assert task_of(build_dag(make_route()), "settle").inlets == []
