from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.exceptions import AirflowFailException, DagRunTriggerException
from airflow_tasks import task_of

from airflow_integrations.airflow.config.ledger import open_ledger
from airflow_integrations.airflow.config.settings import staging_base
from airflow_integrations.airflow.maintenance.dag import MAINTENANCE, WakeOperator, build_maintenance
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.records import Outcome, RunRef
from airflow_integrations.ledger.runs.carry_over import lapsed_runs
from airflow_integrations.ledger.runs.claims import reserve
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import begin_run, finish_run
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
ROUTE = "entity: {key: entity.id}\nincoming: {http: {connection: x, path: /x, records: body}}\noutgoing: {none: {}}\n"


class TaskInstance:
    """Of the maintenance: it knows the DAG of one route."""

    dag_id = MAINTENANCE

    def get_dag(self, dag_id: str) -> Any:
        return SimpleNamespace(is_paused=False, next_dagrun=None, relative_fileloc="integration_routes.py")

    def get_dr_count(self, dag_id: str, *, states: list[str]) -> int:
        return 0


@pytest.fixture
def tidy(tmp_path: Path) -> Callable[..., Any]:
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes" / "orders.yaml").write_text(ROUTE)

    def tidy(*, run_type: str = "scheduled", minute: int = 30) -> Any:
        task = task_of(build_maintenance(tmp_path / "routes"), "cleanup")
        run = SimpleNamespace(run_type=DagRunType(run_type), run_after=datetime(2026, 1, 1, 12, minute, tzinfo=UTC))
        return task.execute({"ti": TaskInstance(), "dag_run": run})

    return tidy


def begin(ledger: Any, run_id: str, staging: Staging) -> RunRef:
    window = Window(datetime(2019, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC))
    return begin_run(
        ledger,
        "orders",
        run_id,
        kind="manual",
        window=window,
        route_hash="x",
        staging=str(staging.folder),
        now=LONG_AGO,
    )


def finish(ledger: Any, run: RunRef) -> None:
    finish_run(ledger, run, counts={}, seconds={}, verdict=None, bytes=9, covered=None, cursor=None, now=LONG_AGO)


def decide(ledger: Any, run: RunRef, **outcome: Any) -> None:
    conclude(
        ledger,
        run,
        [Outcome(key="1", hash="h", version="1", payload_stage="push", payload_at=0, **outcome)],
        now=LONG_AGO,
    )


def test_a_route_with_something_due_gets_a_run(tidy: Callable[..., Any]) -> None:
    with open_ledger() as ledger:
        run = begin(ledger, "r", Staging(staging_base(), "orders", "r"))
        decide(
            ledger, run, status="retrying", reason="away", error_class="outage", since=LONG_AGO, next_attempt=LONG_AGO
        )
        finish(ledger, run)
    (wanted,) = tidy()
    assert wanted["route"] == "orders"
    with pytest.raises(DagRunTriggerException) as caught:
        WakeOperator(task_id="wake", **wanted).execute({})
    assert caught.value.trigger_dag_id == "orders"
    assert caught.value.dag_run_id.startswith("retry__")
    assert caught.value.conf == {"retry": "due"}
    assert caught.value.skip_when_already_exists


READS = "entity: {key: entity.id}\nincoming: {route: orders}\noutgoing: {none: {}}\n"


def fetched(ledger: Any, run_id: str = "source") -> None:
    """A run of the source whose fetch is finished."""
    run = begin(ledger, run_id, Staging(staging_base(), "orders", run_id))
    ledger.fetches.publish(run, after=None)
    finish(ledger, run)


def test_a_route_that_reads_another_one_gets_a_run_when_that_has_fetched(
    tidy: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "routes" / "invoices.yaml").write_text(READS)
    assert tidy() == []
    with open_ledger() as ledger:
        assert ledger.fetches.subscriptions() == [("invoices", "orders", "records")]
        fetched(ledger)
    (wanted,) = tidy()
    assert wanted["route"] == "invoices"
    with pytest.raises(DagRunTriggerException) as caught:
        WakeOperator(task_id="wake", **wanted).execute({})
    assert caught.value.dag_run_id.startswith("event__")
    assert caught.value.conf == {"events": True}


@pytest.mark.parametrize("written", ["oldest", "now"])
def test_a_route_begins_to_read_where_it_says(tidy: Callable[..., Any], tmp_path: Path, written: str) -> None:
    with open_ledger() as ledger:
        fetched(ledger)
    reads = READS.replace("orders", f"{{name: orders, from: {written}}}")
    (tmp_path / "routes" / "invoices.yaml").write_text(reads)
    assert [found["route"] for found in tidy()] == (["invoices"] if written == "oldest" else [])


def test_a_route_that_reads_another_one_no_more_is_not_woken(tidy: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "routes" / "invoices.yaml").write_text(READS)
    tidy()
    with open_ledger() as ledger:
        fetched(ledger)
    (tmp_path / "routes" / "invoices.yaml").write_text(ROUTE)
    assert tidy() == []
    with open_ledger() as ledger:
        assert ledger.fetches.subscriptions() == []


def test_a_reader_without_a_file_is_forgotten_when_it_runs_no_more(tidy: Callable[..., Any]) -> None:
    with open_ledger() as ledger:
        for name, now in (("elsewhere", datetime.now(UTC).timestamp()), ("gone", LONG_AGO)):
            ledger.fetches.subscribe(name, "orders")
            window = Window(datetime(2019, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC))
            begin_run(ledger, name, "r", kind="manual", window=window, route_hash="x", staging="", now=now)
    tidy(minute=30)
    with open_ledger() as ledger:
        assert [name for name, *_ in ledger.fetches.subscriptions()] == ["elsewhere", "gone"]
    tidy(minute=0)
    with open_ledger() as ledger:
        assert [name for name, *_ in ledger.fetches.subscriptions()] == ["elsewhere"]


def test_an_event_that_nobody_took_gets_a_run(tidy: Callable[..., Any]) -> None:
    event = NewEvent(route="orders", event_id="e", body=b"[{}]", source="webhook")
    with open_ledger() as ledger:
        ledger.inbox.put([event], datetime.now(UTC).timestamp())
    assert tidy() == []  # the doorbell is still at it
    with open_ledger() as ledger:
        ledger.inbox.put([msgspec.structs.replace(event, event_id="old")], LONG_AGO)
    (wanted,) = tidy()
    assert wanted["route"] == "orders"
    with pytest.raises(DagRunTriggerException) as caught:
        WakeOperator(task_id="wake", **wanted).execute({})
    assert caught.value.dag_run_id.startswith("event__")
    assert caught.value.conf == {"events": True}


def test_what_a_run_that_died_had_under_way_is_free_again(tidy: Callable[..., Any]) -> None:
    with open_ledger() as ledger:
        run = begin(ledger, "r", Staging(staging_base(), "orders", "r"))
        reserve(ledger, run, ["1", "2"], first=0, lease_until=LONG_AGO + 1, now=LONG_AGO)
        assert [lapsed.run.run_id for lapsed in lapsed_runs(ledger, None, LONG_AGO + 2)] == ["r"]
    tidy()
    with open_ledger() as ledger:
        assert lapsed_runs(ledger, None, LONG_AGO + 2) == []


def test_what_nobody_confirmed_in_time_has_failed(tidy: Callable[..., Any]) -> None:
    with open_ledger() as ledger:
        run = begin(ledger, "r", Staging(staging_base(), "orders", "r"))
        decide(ledger, run, status="waiting", deadline=LONG_AGO + 1)
        finish(ledger, run)
    assert tidy() == []
    with open_ledger() as ledger:
        from airflow_integrations.ledger.queries.entities import where

        found = where(ledger, "orders", "1", LONG_AGO + 2)
        assert found is not None
        assert found.status == "failed"


@pytest.mark.parametrize(
    ("how", "removed"),
    [({"minute": 30}, False), ({"minute": 0}, True), ({"minute": 30, "run_type": "manual"}, True)],
)
def test_once_an_hour_delivered_payloads_go_and_failed_ones_stay(
    tidy: Callable[..., Any], how: dict[str, Any], removed: bool
) -> None:
    folders = [Staging(staging_base(), "orders", run_id) for run_id in ("delivered", "failed")]
    with open_ledger() as ledger:
        for staging, status, key in zip(folders, ("delivered", "failed"), ("1", "2"), strict=True):
            staging.write("push-00000.jsonl.zst", b"x")
            run = begin(ledger, staging.run_id, staging)
            outcome = Outcome(key=key, status=status, hash="h", version="1", payload_stage="push", payload_at=0)  # type: ignore[arg-type]
            conclude(ledger, run, [outcome], now=LONG_AGO)
            finish(ledger, run)
    tidy(**how)
    assert [staging.folder.exists() for staging in folders] == [not removed, True]


def _hold(name: str) -> str:
    return f"route: {name}\n{ROUTE}retention: {{payloads: 3650d}}\n"


@pytest.mark.parametrize(
    ("files", "kept"),
    [
        ({"orders.yaml": _hold("orders")}, True),
        ({"orders.yaml": _hold("orders") + "nonsense: 1\n"}, True),
        ({"orders.yaml": _hold("orders") + "}: no YAML [\n"}, True),
        ({"another.yaml": _hold("orders") + "}: no YAML [\n"}, True),
        ({"another.yaml": _hold("others") + "nonsense: 1\n"}, False),
        ({}, False),
        (None, True),
    ],
    ids=["valid", "mistaken", "no YAML", "no YAML by another name", "another one's mistake", "no file", "no folder"],
)
def test_nothing_is_forgotten_of_a_route_whose_file_is_broken(
    tidy: Callable[..., Any], tmp_path: Path, files: dict[str, str] | None, kept: bool
) -> None:
    (tmp_path / "routes" / "orders.yaml").unlink()
    for name, content in (files or {}).items():
        (tmp_path / "routes" / name).write_text(content)
    if files is None:
        (tmp_path / "routes").rmdir()
    staging = Staging(staging_base(), "orders", "old")
    staging.write("push-00000.jsonl.zst", b"x")
    with open_ledger() as ledger:
        run = begin(ledger, "old", staging)
        decide(ledger, run, status="delivered")
        finish(ledger, run)
    tidy(run_type="manual")
    assert staging.folder.exists() is kept


def test_a_ledger_that_cannot_be_used_is_told(tidy: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    with pytest.raises(AirflowFailException, match="ledger_connection"):
        tidy()


def test_the_dag_is_one_that_airflow_takes(tmp_path: Path) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    dag = build_maintenance(tmp_path)
    dag.validate()
    assert DagSerialization.to_dict(dag) == DagSerialization.to_dict(build_maintenance(tmp_path))
    assert dag.is_paused_upon_creation is False
    assert (dag.catchup, dag.max_active_runs) == (False, 1)


def test_its_tasks_take_no_slot_from_critical(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_integrations.airflow.dag.pools import pool_name

    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__POOLS", "True")
    tidy = build_maintenance(tmp_path).get_task("cleanup")
    assert tidy.pool == pool_name("high")


def test_to_build_it_imports_no_database() -> None:
    program = (
        "import sys; from airflow.sdk import DAG, CronTriggerTimetable; before = set(sys.modules)\n"
        "from airflow_integrations.airflow.maintenance.dag import build_maintenance\n"
        "build_maintenance('/routes')\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "airflow_integrations.airflow.maintenance.dag" in loaded
    assert [name for name in loaded if name.partition(".")[0] in ("alembic", "sqlalchemy", "aiohttp")] == []
