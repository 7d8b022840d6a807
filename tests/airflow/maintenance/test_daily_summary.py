from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow_tasks import task_of
from message_servers import Hook, Mailbox, http, smtp

from airflow_integrations.airflow.config import settings
from airflow_integrations.airflow.config.ledger import open_ledger
from airflow_integrations.airflow.dag import loader
from airflow_integrations.airflow.maintenance.dag import MAINTENANCE
from airflow_integrations.airflow.maintenance.daily_summary import SUMMARY, SendOperator, build_summary
from airflow_integrations.errors import RouteError, SetupError
from airflow_integrations.ledger.runs.runs import begin_run, finish_run
from airflow_integrations.window import Window

ROUTE = "entity: {key: entity.id}\nincoming: {http: {connection: x, path: /x, records: body}}\noutgoing: {none: {}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes" / "orders.yaml").write_text(
        ROUTE + "alerts: {notify: [{email: ops@example.com}, {apprise: pager}]}\n"
    )
    (tmp_path / "routes" / "stock.yaml").write_text(ROUTE + "alerts: {notify: [{email: ops@example.com}]}\n")
    (tmp_path / "routes" / "quiet.yaml").write_text(ROUTE)
    return tmp_path / "routes"


@pytest.fixture
def at_seven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__DAILY_SUMMARY", "7:05 Europe/Madrid")


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with smtp(monkeypatch) as box:
        yield box


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    with http() as endpoint:
        given = {"conn_type": "generic", "password": f"json://{endpoint.url}/x"}
        monkeypatch.setenv("AIRFLOW_CONN_PAGER", json.dumps(given))
        yield endpoint


def run(route: str, **counts: int) -> None:
    now = datetime.now(UTC)
    with open_ledger() as ledger:
        begun: Any = {"kind": "scheduled", "window": Window(now, now), "route_hash": "", "staging": ""}
        reference = begin_run(ledger, route, "r", now=now.timestamp(), **begun)
        ended: Any = {"seconds": {}, "verdict": None, "bytes": 0, "covered": None, "cursor": None}
        finish_run(ledger, reference, counts=counts, now=now.timestamp(), **ended)


def test_each_target_hears_of_the_routes_that_name_it(
    folder: Path, at_seven: None, mailbox: Mailbox, hook: Hook
) -> None:
    run("orders", fetched=3, delivered=3)
    run("quiet", fetched=9, delivered=9)
    dag = build_summary(folder)
    assert dag is not None
    wanted = task_of(dag, "summarise").execute({})
    assert json.loads(json.dumps(wanted)) == wanted
    assert [each["to"] for each in wanted] == ["email ops@example.com by smtp_default", "apprise pager"]
    for each in wanted:
        SendOperator(task_id="send", **each).execute({})
    (body,) = mailbox.html()
    assert "orders: 1 run; 3 fetched; 3 delivered" in body
    assert "stock: no run ended" in body
    assert "quiet" not in body
    assert "stock" not in hook.bodies[0]["message"]


def test_a_message_that_is_not_taken_fails_the_task(folder: Path, at_seven: None, hook: Hook) -> None:
    hook.status = 500
    dag = build_summary(folder)
    assert dag is not None
    wanted = task_of(dag, "summarise").execute({})[1]
    with pytest.raises(Exception, match="did not take the message"):
        SendOperator(task_id="send", **wanted).execute({})


def test_the_dag_is_there_only_where_it_is_configured(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = tmp_path / "integration_routes.py"
    assert SUMMARY not in loader.load_routes(beside)
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__DAILY_SUMMARY", "7:05 Europe/Madrid")
    assert {SUMMARY, MAINTENANCE, "orders"} <= set(loader.load_routes(beside))
    assert SUMMARY not in loader.load_routes(beside, maintenance=False)
    monkeypatch.setattr(loader, "get_parsing_context", lambda: type("Context", (), {"dag_id": SUMMARY}))
    assert set(loader.load_routes(beside)) == {SUMMARY}


def test_the_dag_is_one_that_airflow_takes(folder: Path, at_seven: None) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    dag = build_summary(folder)
    assert dag is not None
    dag.validate()
    assert DagSerialization.to_dict(dag) == DagSerialization.to_dict(build_summary(folder))
    assert settings.daily_summary() == settings.DailyTime("5 7 * * *", "Europe/Madrid")


def test_no_route_can_have_its_name(folder: Path, tmp_path: Path) -> None:
    (folder / f"{SUMMARY}.yaml").write_text(ROUTE)
    with pytest.raises(RouteError, match="this is the name of the daily summary's DAG; choose another"):
        loader.check_routes(tmp_path / "integration_routes.py")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("25:00", "daily_summary is a time such as 07:00"),
        ("7", "daily_summary is a time such as 07:00"),
        ("07:00 Europe/Madird", "unknown time zone 'Europe/Madird', did you mean 'Europe/Madrid'"),
    ],
)
def test_a_time_that_is_none_is_told_and_hides_no_route(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__DAILY_SUMMARY", text)
    with pytest.raises(SetupError, match=told):
        settings.daily_summary()
    beside = tmp_path / "integration_routes.py"
    assert set(loader.load_routes(beside)) == {"orders", "stock", "quiet", MAINTENANCE}
    with pytest.raises(RouteError, match=told):
        loader.check_routes(beside)
