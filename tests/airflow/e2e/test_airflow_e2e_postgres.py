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

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("postgres")]

FLOOD = 12
SLOTS = 2


def test_critical_goes_first_when_pool_and_executor_are_full(airflow_on_postgres: Airflow, systems: Systems) -> None:
    airflow = airflow_on_postgres
    airflow.call("PATCH", "/pools/default_pool?update_mask=slots", {"pool": "default_pool", "slots": SLOTS})
    systems.control("flow_low", hold=True, empty=True)
    low = [airflow.trigger("flow_low", window(2)) for _ in range(FLOOD)]

    def fetches() -> list[dict[str, Any]]:
        return [airflow.tasks("flow_low", run).get("fetch", {}) for run in low]

    def running() -> list[int]:
        return [number for number, fetch in enumerate(fetches()) if fetch.get("state") == "running"]

    holding = airflow.wait("a full pool", lambda: running() if len(running()) == SLOTS else None)
    critical = airflow.trigger("flow_critical", window(2))
    airflow.wait(
        "critical waits too", lambda: airflow.tasks("flow_critical", critical)["fetch"]["state"] == "scheduled"
    )
    systems.control("flow_low", released=1)
    airflow.wait("critical has begun", lambda: airflow.tasks("flow_critical", critical)["fetch"].get("start_date"))
    systems.control("flow_low", hold=False)
    airflow.ended("flow_critical", critical)
    for run in low:
        airflow.ended("flow_low", run)

    mine = airflow.tasks("flow_critical", critical)
    begun, done = mine["fetch"]["start_date"], mine["settle"]["end_date"]
    waited = [fetch["start_date"] for number, fetch in enumerate(fetches()) if number not in holding]
    # The first slot that got free was critical's, though the others had waited longer.
    assert begun < min(waited)
    # Between its stages a slot may go to another; the flood never gets past it.
    assert sum(start < done for start in waited) < len(waited)


def test_assets_are_known_before_anything_has_changed_them(airflow_on_postgres: Airflow) -> None:
    """Else two runs that are the first to change one, at the same moment, would both create it."""
    airflow = airflow_on_postgres
    assert airflow.runs("unchanged") == []
    found = airflow.call("GET", "/assets?name_pattern=route.unchanged")["assets"]
    assert [asset["uri"] for asset in found] == ["integrations://route/unchanged"]
    assert airflow.call("GET", f"/assets/events?asset_id={found[0]['id']}")["asset_events"] == []


@pytest.mark.parametrize("dag", ["windows_missed", "single"])
def test_a_backfill_takes_exactly_each_missed_window(airflow_on_postgres: Airflow, systems: Systems, dag: str) -> None:
    airflow = airflow_on_postgres
    # Where two runs of a single task are the first to change an asset, at the same moment, Airflow 3.3 fails one.
    airflow.ended(dag, airflow.trigger(dag, window(1)))
    document = {"dag_id": dag, "from_date": START, "to_date": "2026-01-01T03:00:00Z", "max_active_runs": 2}
    airflow.call("POST", "/backfills", document, expect=200)
    runs = airflow.wait("the runs of the backfill", lambda: airflow.runs(dag, "backfill"))
    for run in runs:
        airflow.ended(dag, run["dag_run_id"])
    assert len(runs) == 4
    state = systems.state(dag)
    hours = [f"2026-01-01T0{hour}:00:00Z" for hour in range(5)]
    first, *missed = sorted(state["windows"])
    assert first == list(window(1).values())
    assert missed == [[begin, end] for begin, end in itertools.pairwise(hours)]
    assert Counter(state["received"]) == Counter(numbers(240))
