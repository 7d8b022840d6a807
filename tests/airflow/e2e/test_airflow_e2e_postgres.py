"""What needs PostgreSQL.

Backfills: on SQLite Airflow refuses them while its scheduler writes, and may lose its scheduler. Priority where it is
hardest: runs without a logical date sort last there, in one shared pool, with no slot free anywhere.
"""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest
from e2e_scene import START, Airflow, Systems, numbers, window

pytestmark = pytest.mark.e2e

FLOOD = 12
SLOTS = 2


def test_critical_goes_first_when_pool_and_executor_are_full(airflow_on_postgres: Airflow, systems: Systems) -> None:
    airflow = airflow_on_postgres
    airflow.call("PATCH", "/pools/default_pool?update_mask=slots", {"pool": "default_pool", "slots": SLOTS})
    systems.control("flow_low", fetch_delay=3, empty=True)
    low = [airflow.trigger("flow_low", window(2)) for _ in range(FLOOD)]

    def fetches() -> list[dict[str, Any]]:
        return [airflow.tasks("flow_low", run).get("fetch", {}) for run in low]

    airflow.wait("a full pool", lambda: sum(fetch.get("state") == "running" for fetch in fetches()) >= SLOTS)
    critical = airflow.trigger("flow_critical", window(2))
    airflow.ended("flow_critical", critical)
    waiting = [fetch for fetch in fetches() if fetch.get("state") not in ("success", "running")]
    systems.control("flow_low", fetch_delay=0)
    for run in low:
        airflow.ended("flow_low", run)

    mine = airflow.tasks("flow_critical", critical)
    begun, done = mine["fetch"]["start_date"], mine["settle"]["end_date"]
    assert waiting, "the flood had passed before critical ended: nothing was shown"
    # Only what already held, or had just been promised, a slot may begin before critical does.
    overtaken = [fetch for fetch in fetches() if begun < fetch["start_date"]]
    assert len(overtaken) >= FLOOD - 2 * SLOTS
    # And once it runs each slot that gets free is its own: at most the other slot's tasks begin meanwhile.
    assert sum(begun < fetch["start_date"] < done for fetch in fetches()) <= FLOOD // 2


def test_a_backfill_takes_exactly_each_missed_window(airflow_on_postgres: Airflow, systems: Systems) -> None:
    airflow, dag = airflow_on_postgres, "windows_missed"
    document = {"dag_id": dag, "from_date": START, "to_date": "2026-01-01T03:00:00Z", "max_active_runs": 2}
    airflow.call("POST", "/backfills", document, expect=200)
    runs = airflow.wait("the runs of the backfill", lambda: airflow.runs(dag, "backfill"))
    for run in runs:
        airflow.ended(dag, run["dag_run_id"])
    assert len(runs) == 4
    state = systems.state(dag)
    hours = [f"2026-01-01T0{hour}:00:00Z" for hour in range(5)]
    assert sorted(state["windows"]) == [[begin, end] for begin, end in itertools.pairwise(hours)]
    assert Counter(state["received"]) == Counter(numbers(240))
