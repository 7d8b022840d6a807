"""Routes in a real Airflow on SQLite, against a real source and target."""

from __future__ import annotations

import contextlib
import signal
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from airflow_preload import forks_that_had_to_load
from e2e_scene import MAINTENANCE, START, Airflow, Systems, numbers, window

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("airflow")]


def look_after(airflow: Airflow) -> None:
    """What the maintenance does every two minutes, now."""
    airflow.ended(MAINTENANCE, airflow.trigger(MAINTENANCE))


def test_what_is_forked_for_a_task_or_a_file_has_loaded_the_engine(airflow: Airflow, systems: Systems) -> None:
    airflow.ended("nothing", airflow.trigger("nothing", window(1)))
    assert forks_that_had_to_load(airflow.components.home) == []


def test_a_schedule_takes_its_newest_window(airflow: Airflow, systems: Systems) -> None:
    dag = "windows_scheduled"
    (run, *_) = airflow.wait("a scheduled run", lambda: airflow.runs(dag, "scheduled"))
    airflow.ended(dag, run["dag_run_id"])
    start, end = run["data_interval_start"], run["data_interval_end"]
    assert datetime.fromisoformat(end) - datetime.fromisoformat(start) == timedelta(minutes=5)
    state = systems.state(dag)
    assert [start, end] in state["windows"]
    minutes = [datetime.fromisoformat(start) + timedelta(minutes=minute) for minute in range(5)]
    assert {f"{minute:%Y%m%dT%H%M}" for minute in minutes} <= set(state["received"])


def test_a_trigger_says_its_window_and_what_to_take(airflow: Airflow, systems: Systems) -> None:
    dag = "asked"
    limited = airflow.trigger(dag, window(90) | {"limit": 3})
    keyed = airflow.trigger(dag, window(90) | {"keys": [numbers(90)[60]], "region": "UK"})
    given = airflow.trigger(dag, {"entities": [{"number": "mine", "total": "1.10"}]})
    dry = airflow.trigger(dag, window(3) | {"dry_run": True})
    for run in (limited, keyed, given, dry):
        airflow.ended(dag, run)
    assert sorted(systems.state(dag)["received"]) == sorted([*numbers(3), numbers(90)[60], "mine"])
    assert airflow.counts(dag, dry)["skipped"] == 3
    assert set(airflow.result(dag, limited, "fetch")) == {"manifest", "entities", "counts"}


@pytest.mark.parametrize(
    "conf",
    [
        {"window_start": "yesterday", "window_end": "2026-01-01T00:00:00Z"},
        {"limit": 0},
        {"keys": "a"},
        {"dry_run": "yes"},
        {"entities": ["a"]},
        {"region": 7},
        {"retry": "faild"},
        {"retry": {"status": "failed"}},
        {"confirm": [{"target_id": "T"}]},
    ],
    ids=str,
)
def test_what_the_schema_refuses_is_answered_with_400(airflow: Airflow, conf: dict[str, Any]) -> None:
    airflow.trigger("asked", conf, expect=400)


def test_what_only_fetch_can_see_fails_at_once_and_clearly(airflow: Airflow) -> None:
    run = airflow.trigger("asked", {"limits": 3, "window_start": START})
    airflow.ended("asked", run, "failed")
    assert airflow.tasks("asked", run)["fetch"]["try_number"] == 1
    log = airflow.log("asked", run, "fetch")
    assert "'limits' is unknown, did you mean 'limit'" in log
    assert "window_start and window_end go together" in log


def test_where_there_is_nothing_the_rest_is_skipped(airflow: Airflow, systems: Systems) -> None:
    systems.control("nothing", empty=True)
    run = airflow.trigger("nothing", window(10))
    airflow.ended("nothing", run)
    assert airflow.states("nothing", run) == {
        "fetch": "success",
        "transform": "skipped",
        "push": "skipped",
        "settle": "skipped",
    }


def test_an_outage_is_waited_out_and_nothing_goes_twice(airflow: Airflow, systems: Systems) -> None:
    systems.control("outage", away=True)
    run = airflow.trigger("outage", window(5))

    def tried() -> bool:
        push = airflow.tasks("outage", run)["push"]
        return push["state"] == "up_for_retry" or push["try_number"] >= 2

    airflow.wait("the end of the first try", tried)
    systems.control("outage", away=False)
    airflow.ended("outage", run)
    assert airflow.tasks("outage", run)["push"]["try_number"] >= 2
    counts = airflow.result("outage", run, "settle")["counts"]
    assert counts["delivered"], "the retry sent nothing"
    # Where the target came back amid an attempt, what had met the outage before is sent again by itself.
    assert counts["delivered"] + counts.get("retrying", 0) == 5
    airflow.wait("all deliveries", lambda: len(systems.state("outage")["received"]) >= 5)
    assert Counter(systems.state("outage")["received"]) == Counter(numbers(5))
    assert "down for maintenance" in airflow.log("outage", run, "push") or "503" in airflow.log("outage", run, "push")


def test_a_target_that_was_away_longer_gets_everything_by_itself(airflow: Airflow, systems: Systems) -> None:
    dag = "comes_back"
    systems.control(dag, away=True)
    run = airflow.trigger(dag, window(5))
    airflow.wait("the end of its tries", lambda: airflow.states(dag, run).get("push") in ("success", "failed"))
    systems.control(dag, away=False)
    airflow.ended(dag, run)  # what it could not send waits
    assert airflow.result(dag, run, "settle")["counts"]["retrying"] == 5
    records = [airflow.console("GET", f"/routes/{dag}/entities/{number}")["record"] for number in numbers(5)]
    due = max(record["next_attempt"] or 0 for record in records)  # 0: the maintenance has come by itself
    airflow.wait("their time", lambda: time.time() > due)
    look_after(airflow)
    airflow.wait("the deliveries", lambda: len(systems.state(dag)["received"]) == 5)
    assert Counter(systems.state(dag)["received"]) == Counter(numbers(5))
    woken = [each for each in airflow.runs(dag) if each["dag_run_id"] != run]
    assert {each["run_type"] for each in woken} == {"operator_triggered"}
    counts: Counter[str] = Counter()
    for each in woken:  # two of them where not all were due at the same look
        airflow.ended(dag, each["dag_run_id"])
        counts.update(airflow.result(dag, each["dag_run_id"], "settle")["counts"])
    assert (counts["fetched"], counts["carried_in"], counts["delivered"]) == (0, 5, 5)


@pytest.mark.last
def test_the_maintenance_comes_by_itself(airflow: Airflow) -> None:
    airflow.wait("the maintenance", lambda: airflow.runs(MAINTENANCE, "scheduled"))


def test_a_large_run_is_sent_by_several_tasks_and_a_small_one_by_the_first(airflow: Airflow, systems: Systems) -> None:
    small = airflow.trigger("spread", window(5))
    airflow.ended("spread", small)
    large = airflow.trigger("spread", window(40))
    airflow.ended("spread", large)
    assert airflow.states("spread", small)["push_2"] == "skipped"
    shares = [airflow.result("spread", large, task)["entities"] for task in ("push", "push_2")]
    assert sum(shares) == 40
    assert min(shares) > 5
    counts = airflow.result("spread", large, "settle")["counts"]
    assert (counts["delivered"], counts["unchanged"]) == (35, 5)
    assert Counter(systems.state("spread")["received"]) == Counter(numbers(40))


MINE = {"number": "mine", "total": "1.10"}


def test_several_tasks_fetch_the_partitions_of_a_run(airflow: Airflow, systems: Systems) -> None:
    run, given = airflow.trigger("parted", window(50)), airflow.trigger("parted", {"entities": [MINE]})
    airflow.ended("parted", run)
    fetched = [airflow.result("parted", run, f"fetch_{task}")["entities"] for task in (1, 2, 3)]
    assert fetched == [20, 20, 10]
    assert airflow.result("parted", run, "settle")["counts"]["delivered"] == 50
    airflow.ended("parted", given)
    skipped = {name for name, state in airflow.states("parted", given).items() if state == "skipped"}
    assert skipped == {"fetch_1", "fetch_2", "fetch_3"}
    small = airflow.trigger("parted", window(40))
    airflow.ended("parted", small)
    assert airflow.states("parted", small)["fetch_3"] == "skipped"
    assert airflow.result("parted", small, "settle")["counts"]["unchanged"] == 40
    airflow.call("POST", f"/dags/parted/dagRuns/{run}/clear", {"dry_run": False, "only_failed": False})
    airflow.ended("parted", run)
    assert airflow.result("parted", run, "settle")["counts"]["unchanged"] == 50
    assert Counter(systems.state("parted")["received"]) == Counter([*numbers(50), "mine"])


def test_a_refused_entity_is_shown_and_the_others_arrive(airflow: Airflow, systems: Systems) -> None:
    bad = numbers(5)[2]
    systems.control("refused", refuse=[bad])
    run = airflow.trigger("refused", window(5))
    airflow.ended("refused", run, "failed")
    assert airflow.states("refused", run) == {
        "fetch": "success",
        "transform": "success",
        "push": "success",
        "settle": "failed",
    }
    assert sorted(systems.state("refused")["received"]) == [number for number in numbers(5) if number != bad]
    counts = airflow.result("refused", run, "settle")["counts"]
    assert (counts["fetched"], counts["delivered"], counts["failed"]) == (5, 4, 1)
    assert "has no customer" in airflow.log("refused", run, "push")
    assert airflow.tasks("refused", run)["settle"]["try_number"] == 1


def test_a_refused_entity_is_found_mended_and_sent_again(airflow: Airflow, systems: Systems) -> None:
    bad = numbers(5)[2]
    systems.control("mended", refuse=[bad])
    run = airflow.trigger("mended", window(5))
    airflow.ended("mended", run, "failed")
    (line,) = [line for line in airflow.console("GET", "/overview")["routes"] if line["route"] == "mended"]
    assert (line["state"], line["open"], line["counts"]["delivered"]) == ("failing", {"failed": 1}, 4)
    (group,) = airflow.console("GET", "/errors?route=mended")["groups"]
    assert (group["count"], group["example_key"], group["http_status"]) == (1, bad, 422)
    entity = airflow.console("GET", f"/routes/mended/entities/{bad}")
    assert entity["payloads"]["source"]["number"] == entity["payloads"]["target"]["Number"] == bad
    assert entity["runs"] == {run: f"/dags/mended/runs/{run}"}
    airflow.console("PUT", f"/routes/mended/entities/{bad}", {"Number": f"{bad}-mended", "Total": 10.5})
    done = airflow.console("POST", "/routes/mended/retry", {"keys": [bad], "send": True})
    airflow.ended("mended", done["run_id"])
    assert systems.state("mended")["received"][-1] == f"{bad}-mended"
    entity = airflow.console("GET", f"/routes/mended/entities/{bad}")
    assert entity["record"]["status"] == "delivered"
    told = [line["status"] for line in entity["record"]["history"]]
    assert told == ["delivered", "pending", "retrying", "failed", "failed"]
    assert {entity["runs"][each] for each in (run, done["run_id"])} == {
        f"/dags/mended/runs/{each}" for each in (run, done["run_id"])
    }
    assert airflow.console("GET", "/errors?route=mended")["groups"] == []


def test_people_are_told_of_a_failure_and_of_its_end(airflow: Airflow, systems: Systems) -> None:
    def told() -> list[str]:
        look_after(airflow)
        return list(systems.state("told")["messages"])

    systems.control("told", refuse=numbers(1))
    airflow.ended("told", airflow.trigger("told", window(1)), "failed")
    assert told() == ["ALERT told: a run failed"]
    systems.control("told", refuse=[])
    airflow.ended("told", airflow.trigger("told", window(2)))
    assert told() == told() == ["ALERT told: a run failed", "RESOLVED told: a run failed"]


def test_a_cleared_run_runs_again(airflow: Airflow, systems: Systems) -> None:
    systems.control("again", refuse=numbers(1))
    run = airflow.trigger("again", window(3))
    airflow.ended("again", run, "failed")
    systems.control("again", refuse=[])
    airflow.call("POST", f"/dags/again/dagRuns/{run}/clear", {"dry_run": False, "only_failed": False})
    airflow.wait("the second time", lambda: len(systems.state("again")["windows"]) == 2)
    airflow.ended("again", run)
    assert set(systems.state("again")["received"]) == set(numbers(3))


def test_a_worker_killed_in_the_middle_of_a_push_loses_and_repeats_nothing(airflow: Airflow, systems: Systems) -> None:
    systems.control("killed", takes=4)
    run = airflow.trigger("killed", window(20))
    airflow.wait("a push under way", lambda: systems.state("killed")["begun"] == 4 + 2)
    for process in _talking_to(systems.port):
        process.send_signal(signal.SIGKILL)
    systems.control("killed", takes=None)
    airflow.ended("killed", run)
    received = Counter(systems.state("killed")["received"])
    assert sorted(received) == numbers(20)
    assert airflow.tasks("killed", run)["push"]["try_number"] == 2
    # What was under way at that moment (concurrency: 2) may go out again, by PUT without harm; nothing confirmed does.
    assert sum(received.values()) <= 20 + 2


def test_a_stopped_push_gives_back_what_it_has_not_sent(airflow: Airflow, systems: Systems) -> None:
    systems.control("stopped", takes=4)
    run = airflow.trigger("stopped", window(20))
    airflow.wait("a push under way", lambda: systems.state("stopped")["begun"] == 4 + 2)
    for process in _talking_to(systems.port):
        process.send_signal(signal.SIGTERM)
    # Only now is what is under way answered: to find the processes may take longer than to send all that is left.
    systems.control("stopped", takes=None, push_delay=0.3)
    airflow.wait("the end of the first try", lambda: airflow.tasks("stopped", run)["push"]["state"] != "running")
    systems.control("stopped", push_delay=0)
    airflow.ended("stopped", run)
    assert Counter(systems.state("stopped")["received"]) == Counter(numbers(20))
    assert "asked to stop" in airflow.log("stopped", run, "push", 1)


def _talking_to(port: int) -> list[psutil.Process]:
    """The processes below this one that have a connection to a port of this machine."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if any(connection.raddr and connection.raddr.port == port for connection in process.net_connections()):
                found.append(process)
    assert found
    return found


def test_a_file_is_at_the_target_and_moved(airflow: Airflow, systems: Systems) -> None:
    folder = Path(airflow.components.home, "in")

    def received() -> list[str]:
        return sorted(systems.state("files")["received"])

    (folder / "orders.csv").write_text("number\n" + "".join(f"row-{number}\n" for number in range(5)))
    assert airflow.wait("the file's rows", lambda: len(received()) == 5 and received()) == [
        f"row-{number}" for number in range(5)
    ]
    airflow.wait("the file in its folder", lambda: (folder / "done" / "orders.csv").exists())


def test_the_mistakes_of_all_files_are_one_import_error_and_hide_no_dag(airflow: Airflow) -> None:
    (error,) = airflow.wait("the import error", lambda: airflow.call("GET", "/importErrors")["import_errors"])
    assert error["filename"] == "integration_routes_check.py"
    for told in ("routes/broken.yaml:", "did you mean 'priority'", "'often' is not a cron", "routes/torn.yaml:"):
        assert told in error["stack_trace"]


def test_people_are_told_of_a_run_that_is_late_and_it_goes_on(airflow: Airflow, systems: Systems) -> None:
    systems.control("late", hold=True)
    run = airflow.trigger("late", window(2))
    airflow.wait(
        "the message",
        lambda: systems.state("late")["messages"],
    )
    assert systems.state("late")["messages"] == [f"DEADLINE late: run {run} has not ended within 2s"]
    systems.control("late", hold=False)
    airflow.ended("late", run)
    assert sorted(systems.state("late")["received"]) == numbers(2)


def test_the_pool_of_critical_is_free_when_all_others_are_full(airflow: Airflow, systems: Systems) -> None:
    others = ("flow_high", "flow_normal", "flow_low")
    for dag in others:
        systems.control(dag, hold=True, empty=True)
    flood = [(dag, airflow.trigger(dag, window(1))) for _ in range(2) for dag in others]
    airflow.wait("full pools", lambda: all(_running(airflow, dag) for dag in others))
    run = airflow.trigger("flow_critical", window(1))
    airflow.ended("flow_critical", run)
    assert any(airflow.call("GET", f"/dags/{dag}/dagRuns/{each}")["state"] != "success" for dag, each in flood)
    for dag in others:
        systems.control(dag, hold=False)
    for dag, each in flood:
        airflow.ended(dag, each)


def _running(airflow: Airflow, dag: str) -> bool:
    found = airflow.call("GET", f"/dags/{dag}/dagRuns/~/taskInstances?state=running")
    return bool(found["task_instances"])
