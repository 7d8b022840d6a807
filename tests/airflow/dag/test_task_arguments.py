"""What ``tasks`` and ``dag`` say in a route file stands in Airflow's DAG, and in what Airflow keeps of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from airflow.serialization.serialized_objects import DagSerialization
from pydantic import ValidationError

from airflow_integrations.airflow import build_dag, build_events_dag
from airflow_integrations.airflow.dag.pools import EVENTS_POOL, weight
from airflow_integrations.airflow.operators.consume import build_live_dag
from airflow_integrations.alerting.messages import Message
from airflow_integrations.route import registry
from airflow_integrations.route.hash import data_hash

STAGES = ("fetch", "transform", "push", "settle")
ALL = {
    "queue": "plant",
    "pool": "erp",
    "pool_slots": 2,
    "executor_config": {"pod_template_file": "/pods/large.yaml", "cpu": 2},
    "priority_weight": 3500,
    "retries": 7,
    "retry_delay": "2h",
    "timeout": "1h",
    "max_active_tis_per_dag": 1,
}
PUSH = {"queue": "dmz", "pool": "target", "pool_slots": 1, "priority_weight": 9, "retries": 0, "timeout": "5m"}


def kept(dag: Any) -> Any:
    """As Airflow has it after the database."""
    return DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))


@pytest.mark.parametrize("read", [lambda dag: dag, kept], ids=["built", "serialized"])
def test_all_tasks_have_what_stands_in_tasks_and_a_stage_its_own(
    make_route: Callable[..., Any], read: Callable[[Any], Any]
) -> None:
    dag = read(build_dag(make_route(tasks={**ALL, "push": PUSH})))
    for position, stage in enumerate(STAGES):
        task = dag.get_task(stage)
        own = stage == "push"
        assert (task.queue, task.pool, task.pool_slots) == (("dmz", "target", 1) if own else ("plant", "erp", 2))
        assert (task.retries, task.retry_delay) == (0 if own else 7, timedelta(hours=2))
        assert task.execution_timeout == timedelta(minutes=5 if own else 60)
        assert task.priority_weight == (9 if own else 3500 + position)
        assert task.executor_config == {"pod_template_file": "/pods/large.yaml", "cpu": 2}
        assert task.max_active_tis_per_dag == 1
        assert task.max_retry_delay in (timedelta(hours=2), 7200.0)


def test_one_task_has_them_too_and_so_has_the_dag_for_events(
    make_route: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__POOLS", "True")
    route = make_route(tasks={**ALL, "single": True}, trigger={})
    for dag in (build_dag(route), build_events_dag(route)):
        task = dag.get_task("run")
        assert (task.queue, task.pool, task.priority_weight) == ("plant", "erp", 3500)
    assert build_events_dag(make_route(trigger={}, tasks={"queue": "q"})).get_task("push").pool == EVENTS_POOL


def test_a_consumer_runs_where_the_route_does(make_route: Callable[..., Any]) -> None:
    route = make_route(tasks={**ALL, "push": PUSH}, trigger={"latency": "low"})
    task: Any = build_live_dag(route).get_task("consume")
    assert (task.queue, task.executor_config["cpu"], task.pool_slots) == ("plant", 2, 1)
    assert task.priority_weight == weight("critical")


def test_a_stage_that_runs_elsewhere_is_not_done_in_fetch(make_route: Callable[..., Any]) -> None:
    def most(**tasks: Any) -> int:
        found: int = make_route(tasks=tasks).tasks.most_together
        return found

    assert most() == most(queue="q") == most(push={"retries": 9}) == 1_000
    assert most(push={"queue": "dmz"}) == most(queue="q", fetch={"executor": "CeleryExecutor"}) == 0


@pytest.mark.parametrize("read", [lambda dag: dag, kept], ids=["built", "serialized"])
def test_the_dag_has_what_stands_in_dag(make_route: Callable[..., Any], read: Callable[[Any], Any]) -> None:
    access = {"sales": ["can_edit", "can_read"], "all": {"DAG Runs": ["can_create"]}}
    dag = read(build_dag(make_route(dag={"dagrun_timeout": "4h", "access_control": access})))
    assert dag.dagrun_timeout == timedelta(hours=4)
    found = {role: {name: sorted(of) for name, of in each.items()} for role, each in dag.access_control.items()}
    assert found == {"sales": {"DAGs": ["can_edit", "can_read"]}, "all": {"DAG Runs": ["can_create"]}}


def test_the_order_in_the_file_makes_no_new_version_of_the_dag(make_route: Callable[..., Any]) -> None:
    given = [
        {"access_control": {"a": ["can_read", "can_edit"], "b": ["can_read"]}},
        {"access_control": {"b": ["can_read"], "a": ["can_edit", "can_read"]}},
    ]
    one, other = (
        json.dumps(DagSerialization.to_dict(build_dag(make_route(dag=dag), documented=False))) for dag in given
    )
    assert one == other


def test_a_deadline_is_airflows_and_its_callback_notifies(
    make_route: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_integrations.airflow.maintenance import notifiers

    route = make_route(
        dag={"deadline": {"after": "30m"}},
        alerts={"notify": [{"email": "ops@example.com"}, {"slack": "slack_ops"}]},
    )
    document = json.loads(json.dumps(DagSerialization.to_dict(build_dag(route))))
    (alert,) = document["dag"]["deadline"]
    deadlines: Any = build_dag(route).deadline
    (built,) = deadlines
    assert built.interval == timedelta(minutes=30)
    assert "DagRunQueuedAtDeadline" in json.dumps(alert)
    told: list[tuple[str, Message]] = []

    def send(target: Any, message: Message) -> None:
        if target.email:
            raise OSError("no server")
        told.append((target.name, message))

    monkeypatch.setattr(notifiers, "send", send)
    from airflow.sdk._shared.module_loading import import_string

    callback = import_string(built.callback.path)
    with pytest.raises(RuntimeError, match=r"not notified: email ops@example\.com by smtp_default"):
        callback(**built.callback.kwargs, context={"dag_run": {"dag_run_id": "manual__<1>\n"}})
    ((name, message),) = told
    assert name == "slack slack_ops"
    assert message.subject == "DEADLINE orders: run manual__<1> has not ended within 30m"
    assert "<1>" not in message.html


def test_callbacks_are_named_by_installed_packages(
    make_route: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A route file names no function: its author may be somebody who may not run code here."""
    monkeypatch.setattr(registry, "callbacks", lambda: {"page": "json:dumps"})
    monkeypatch.setattr("airflow_integrations.airflow.dag.task_arguments.callbacks", registry.callbacks)
    dag: Any = build_dag(make_route(dag={"on_failure": ["page"]}))
    assert dag.on_failure_callback == [json.dumps]
    assert dag.on_success_callback is None
    with pytest.raises(ValidationError, match=r"unknown callback 'os\.system'"):
        make_route(dag={"on_success": ["os.system"]})


def test_none_of_it_changes_what_a_run_does_with_data(make_route: Callable[..., Any]) -> None:
    """So a run that is under way goes on with the definition of now."""
    edited = make_route(tasks={**ALL, "push": PUSH}, dag={"dagrun_timeout": "4h"})
    assert data_hash(edited) == data_hash(make_route())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"tasks": {"single": True, "push": {"queue": "q"}}},
            r"has no stage push: write the options of push into tasks",
        ),
        ({"tasks": {"together": 10, "push": {"queue": "q"}}}, "push is to run elsewhere than fetch"),
        ({"tasks": {"executor_config": {"pod_override": {}}}}, "pod_template_file"),
        ({"tasks": {"pool_slots": 0}}, "greater than or equal to 1"),
        ({"tasks": {"pool": " "}}, "pattern"),
        ({"tasks": {"queue": "a,b"}}, "pattern"),
        ({"tasks": {"priority_weight": 2**31}}, "less than or equal"),
        ({"tasks": {"pusch": {"queue": "q"}}}, "Extra inputs"),
        ({"tasks": {"push": {"together": 1}}}, "Extra inputs"),
        ({"dag": {"dagrun_timeout": "0s"}}, "a run needs some time"),
        ({"dag": {"deadline": {"after": "1h"}}}, "nobody would be notified: write notify"),
        ({"dag": {"access_control": {"sales": ["can_fly"]}}}, "can_read"),
        (
            {"dag": {"deadline": {"after": "1h", "since": "logical_date", "notify": [{"slack": "s"}]}}},
            "a route without a schedule has no logical dates; write queued",
        ),
    ],
)
def test_mistakes_are_told_with_their_remedy(make_route: Callable[..., Any], given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        make_route(**given)
