from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
from rich.console import Console

from airflow_integrations.demo.airflow_rest import AirflowRest, Run
from airflow_integrations.demo.command import main
from airflow_integrations.demo.components import Components
from airflow_integrations.demo.rest import RestError
from airflow_integrations.demo.scenario import ROUTES, Scenario, ScenarioFailed
from airflow_integrations.demo.screen import Flow, Monitor, line, table
from airflow_integrations.window import Window

ROOT = Path(__file__).parents[2]


def test_a_folder_of_somebody_else_is_not_emptied(tmp_path: Path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(ScenarioFailed, match="not a folder of an earlier demo"):
        Scenario(tmp_path, ROOT / "dags", say=lambda text: None)
    assert (tmp_path / "letter.txt").exists()


def test_a_folder_of_an_earlier_demo_is_emptied(tmp_path: Path):
    for _ in range(2):
        scenario = Scenario(tmp_path / "demo", ROOT / "dags", say=lambda text: None)
        (tmp_path / "demo" / "left.txt").touch()
        scenario.stop()
    Scenario(tmp_path / "demo", ROOT / "dags", say=lambda text: None)
    assert not (tmp_path / "demo" / "left.txt").exists()


def test_the_password_of_the_ui_stays_as_long_as_the_folder_and_the_port_can_be_named(tmp_path: Path):
    home = tmp_path / "demo"
    first = Scenario(home, ROOT / "dags", say=lambda text: None, port=18_081)
    assert first.components.url == "http://127.0.0.1:18081"
    assert (home / "password").read_text().strip() == first.components.password
    again = Scenario(home, ROOT / "dags", say=lambda text: None)
    assert again.components.password == first.components.password
    assert again.components.env["AIRFLOW_CONN_SHOP"] != first.components.env["AIRFLOW_CONN_SHOP"]


def test_secrets_are_new_each_time_and_only_the_owner_reads_them(tmp_path: Path):
    one, other = (Scenario(tmp_path / name, ROOT / "dags", say=lambda text: None) for name in "ab")
    assert one.components.env["AIRFLOW_CONN_SHOP"] != other.components.env["AIRFLOW_CONN_SHOP"]
    assert one.components.password != other.components.password
    files = [path for path in (tmp_path / "a").rglob("*") if path.is_file() and path.name[0] != "."]
    assert files
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)


def test_a_shell_that_reads_its_file_sees_the_same_airflow_and_connections(tmp_path: Path):
    components = Components(tmp_path, {"AIRFLOW_CONN_SHOP": '{"password": "it\'s $HOME"}'}, dags=tmp_path)
    shown = subprocess.check_output(
        ["sh", "-c", f". '{components.shell}' && env -0"], text=True, env={"PATH": os.defpath}
    )
    seen = dict(pair.split("=", 1) for pair in shown.split("\0") if pair)
    expected = {name: value for name, value in components.env.items() if name.startswith("AIRFLOW")}
    assert {name: value for name, value in seen.items() if name.startswith("AIRFLOW")} == expected
    assert components.shell.stat().st_mode & 0o077 == 0


def test_settings_of_the_caller_s_airflow_stay_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", "http://x")
    env = Scenario(tmp_path / "demo", ROOT / "dags", say=lambda text: None).components.env
    assert env["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert "AIRFLOW_CONN_OTHER" not in env
    assert "127.0.0.1" in env["NO_PROXY"]


@pytest.mark.parametrize(
    "what", [["check"], ["shop", "check"], ["shopify"], ["shopify", "check"]], ids=lambda what: "-".join(what)
)
def test_without_a_dags_folder_it_says_so(what: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main([*what, "--dags", str(tmp_path / "none")])
    assert "--dags" in capsys.readouterr().err


class FakeAirflow:
    """Two runs of the orders' route have ended and one is under way."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def runs(self, route: str):
        states = ("success", "failed", "running") if route == ROUTES[0] else ()
        return [Run(route, f"r{number}", "scheduled", state, None) for number, state in enumerate(states)]

    def result(self, run, task: str):
        self.asked.append(run.run_id)
        return {"counts": {"fetched": 10, "delivered": 5, "unchanged": 1, "filtered": 4}, "balanced": True}


class BusyAirflow(FakeAirflow):
    """SQLite under load: each request that writes fails once, the trigger after its run was made."""

    def __init__(self) -> None:
        super().__init__()
        self.failed: set[str] = set()
        self.made: list[str] = []

    def _busy(self, what: str) -> None:
        if what not in self.failed:
            self.failed.add(what)
            raise RestError("database is locked", 500)

    def has_dag(self, route: str) -> bool:
        return True

    def unpause(self, route: str) -> bool:
        self._busy(route)
        return True

    def runs(self, route: str):
        window = Window.parse("2030-01-01T00:00:00Z", "2030-01-01T00:05:00Z")
        return [Run(route, "scheduled__1", "scheduled", "running", window)]

    def _call(self, method: str, path: str, document=None):
        if method == "POST":
            if document["dag_run_id"] in self.made:
                raise RestError("there is such a run", 409)
            self.made.append(document["dag_run_id"])
            self._busy("trigger")
        assert path.endswith(f"/dagRuns/{quote(self.made[0], safe='')}")
        return {"dag_id": ROUTES[0], "dag_run_id": self.made[0], "run_type": "manual", "state": "queued"}

    trigger = AirflowRest.trigger


def test_an_airflow_that_is_busy_gets_its_one_run_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    scenario = Scenario(tmp_path / "demo", ROOT / "dags", say=lambda text: None)
    scenario.airflow = busy = BusyAirflow()  # type: ignore[assignment]
    monkeypatch.setattr(scenario, "check_processes", lambda: None)
    scenario.switch_on(timeout=30, replay=True)
    assert busy.failed == {*ROUTES, "trigger"}
    assert len(busy.made) == 1


class FakeErp:
    def get(self, path: str, **query: object):
        return {"orders": 12, "stock": 3, "customers": 2}


def test_the_table_adds_up_the_books_and_asks_for_each_once():
    airflow = FakeAirflow()
    monitor = Monitor(airflow, FakeErp())  # type: ignore[arg-type]
    monitor.flows()
    flow = monitor.flows()[0]
    assert flow == Flow(
        ROUTES[0],
        {"fetched": 20, "delivered": 10, "unchanged": 2, "filtered": 8},
        runs=2,
        running=1,
        failed=1,
        in_erp=12,
    )
    assert airflow.asked == ["r0", "r1"]
    shown = io.StringIO()
    Console(file=shown, width=140).print(table(monitor.flows(), 140))
    assert shown.getvalue().splitlines()[3].split() == [ROUTES[0], "2", "1", "1", "20", "10", "2", "8", "-", "12"]
    assert "20 fetched, 10 delivered, 12 in the ERP" in line(monitor.flows())


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_nothing_of_the_table_is_cut_off(width: int):
    counts = {"fetched": 1_234_567, "delivered": 123_456_789, "unchanged": 123, "filtered": 12_345_678, "in_doubt": 12}
    flow = Flow("shop_customers_to_erp", counts, runs=1234, running=1, failed=12, in_erp=123_456)
    shown = io.StringIO()
    Console(file=shown, width=width).print(table([flow], width))
    lines = shown.getvalue().splitlines()
    heads, unchanged = ("delivered unchanged", " 123") if width >= 120 else ("delivered", "")
    assert " ".join(lines[1].split()) == f"route runs now red fetched {heads} filtered problems in ERP"
    assert " ".join(lines[3].split()) == f"{flow.route} 1234 1 12 1234567 123456789{unchanged} 12345678 12 123456"


@pytest.mark.e2e
@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_tells_where_and_leaves_no_process_behind(tmp_path: Path, number: signal.Signals):
    command = [sys.executable, "-m", "airflow_integrations.demo", "--home", str(tmp_path / "demo")]
    # With SIGINT it is ended while Airflow is still starting.
    up = "The demo is up" if number is signal.SIGTERM else "Airflow: starting"
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as demo:
        told = []
        assert demo.stdout is not None
        for text in demo.stdout:
            told.append(text)
            if up in text:
                break
            if "The demo is up" in text:  # and would stay so
                demo.kill()
        assert up in told[-1], "".join(told)
        time.sleep(2)
        below = psutil.Process(demo.pid).children(recursive=True)
        assert len(below) > 3
        demo.send_signal(number)
        told.append(demo.stdout.read())
        code = demo.wait(60)
    assert code == 0, "".join(told)
    assert told[-1].rstrip().endswith("Everything is stopped.")
    alive = [process for process in below if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert alive == []
