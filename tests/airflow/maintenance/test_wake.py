from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.sdk.execution_time.comms import ErrorResponse

from airflow_integrations.airflow.dag.timetable import interval_end
from airflow_integrations.airflow.maintenance.wake import idle_routes
from airflow_integrations.route.definition import Schedule

NOW = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
OWN = "integrations_maintenance"
ROUTE = """
entity: {{key: entity.id}}
{more}
incoming: {{http: {{connection: shop, path: /x, records: body}}}}
outgoing: {{none: {{}}}}
"""


@dataclass
class Dags:
    """What Airflow's API answers a task about DAGs."""

    known: dict[str, Any] = field(default_factory=dict)
    active: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, *, next_dagrun: datetime | None = None, paused: bool = False, file: str = "routes.py"):
        self.known[name] = SimpleNamespace(is_paused=paused, next_dagrun=next_dagrun, relative_fileloc=file)

    def get_dag(self, dag_id: str) -> Any:
        if dag_id not in self.known:
            raise AirflowRuntimeError(ErrorResponse(detail={"status_code": 404}))
        return self.known[dag_id]

    def get_dr_count(self, dag_id: str, *, states: list[str]) -> int:
        assert states == ["queued", "running"]
        return self.active.get(dag_id, 0)


@pytest.fixture
def dags() -> Dags:
    found = Dags()
    found.add(OWN)
    return found


def write(folder: Path, name: str, schedule: str = "") -> None:
    (folder / f"{name}.yaml").write_text(ROUTE.format(more=f"schedule: {schedule}" if schedule else ""))


def wake(dags: Dags, folder: Path, *due: str, events: bool = False) -> list[str]:
    """The DAGs that are to run."""
    return list(idle_routes(due, due if events else (), dags, OWN, folder, NOW).values())


def test_a_route_without_a_schedule_gets_a_run(dags: Dags, tmp_path: Path) -> None:
    write(tmp_path, "orders")
    dags.add("orders")
    assert wake(dags, tmp_path, "orders") == ["orders"]


@pytest.mark.parametrize(
    ("schedule", "begin", "left"),
    [
        ('{cron: "0 * * * *"}', datetime(2026, 1, 1, 12, tzinfo=UTC), False),  # at 13:00
        ('{cron: "*/5 * * * *"}', datetime(2026, 1, 1, 11, 55, tzinfo=UTC), True),  # overdue: it is about to come
        ('{cron: "2 * * * *"}', datetime(2026, 1, 1, 11, 2, tzinfo=UTC), True),  # at 12:02
        ("{every: 1m}", datetime(2026, 1, 1, 12, tzinfo=UTC), True),
        ("{every: 6h}", datetime(2026, 1, 1, 12, tzinfo=UTC), False),
        ("{every: 6h}", None, False),  # its schedule has ended
    ],
)
def test_a_route_whose_run_comes_soon_is_left_to_it(
    dags: Dags, tmp_path: Path, schedule: str, begin: datetime | None, left: bool
) -> None:
    write(tmp_path, "orders", schedule)
    dags.add("orders", next_dagrun=begin)
    assert wake(dags, tmp_path, "orders") == ([] if left else ["orders"])


def test_what_is_paused_busy_unknown_or_broken_is_left_and_hides_no_other(
    dags: Dags, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for name in ("paused", "busy", "good"):
        write(tmp_path, name)
    (tmp_path / "broken.yaml").write_text("entity: [\n")
    dags.add("paused", paused=True)
    for name in ("busy", "broken", "removed", "good"):
        dags.add(name)
    dags.active["busy"] = 1
    assert wake(dags, tmp_path, "paused", "busy", "broken", "removed", "nowhere", "good") == ["good"]
    for told in ("paused has work waiting, but is paused", "no file holds the route 'removed'", "no DAG of"):
        assert told in caplog.text


def test_events_are_for_the_dag_that_is_theirs_and_so_are_retries_while_the_other_is_busy(
    dags: Dags, tmp_path: Path
) -> None:
    (tmp_path / "orders.yaml").write_text(ROUTE.format(more="trigger: {webhook: {path: x, verify: none}}"))
    dags.add("orders", paused=True)
    dags.add("orders__events")
    assert wake(dags, tmp_path, "orders", events=True) == ["orders__events"]
    assert wake(dags, tmp_path, "orders") == []
    dags.add("orders")
    assert wake(dags, tmp_path, "orders") == ["orders"]
    dags.active["orders"] = 1
    assert wake(dags, tmp_path, "orders") == wake(dags, tmp_path, "orders", events=True) == ["orders__events"]
    dags.active["orders__events"] = 1
    assert wake(dags, tmp_path, "orders") == wake(dags, tmp_path, "orders", events=True) == []
    dags.active.clear()
    dags.add("orders__events", paused=True)
    assert wake(dags, tmp_path, "orders", events=True) == ["orders"]
    del dags.known["orders__events"]  # Airflow has not read it yet
    assert wake(dags, tmp_path, "orders", events=True) == ["orders"]


def test_a_route_in_python_needs_no_route_file(dags: Dags, tmp_path: Path) -> None:
    dags.add("stock", file="stock.py")
    assert wake(dags, tmp_path, "stock") == ["stock"]


def test_an_interval_ends_where_its_schedule_says() -> None:
    summer = datetime(2026, 3, 28, 23, tzinfo=UTC)  # the clocks go forward in the night
    assert interval_end(Schedule(cron="@daily", timezone="Europe/Madrid"), summer) - summer == timedelta(hours=23)
    quarter = datetime(2026, 1, 1, tzinfo=UTC)
    assert interval_end(Schedule(cron="@quarterly"), quarter) == datetime(2026, 4, 1, tzinfo=UTC)
