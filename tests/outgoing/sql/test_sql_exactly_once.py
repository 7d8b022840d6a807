"""Whatever is killed around a commit, each entity is written once: also where it only ever adds rows."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from push_process import Task, work
from sql_surroundings import Tables

HERE = Path(__file__).resolve().parents[2]

CONFIGS: dict[str, dict[str, Any]] = {
    "append": {"table": "got", "mode": "append", "columns": {"id": "order.id", "name": "order.name"}},
    "insert": {
        "table": "once",
        "key": "id",
        "mode": "insert",
        "children": {"lines": {"table": "order_lines", "on": {"order_id": "id"}}},
    },
}


@pytest.fixture
def tables(database_url: str) -> Tables:
    tables = Tables(database_url)
    tables.run(
        "CREATE TABLE got (id int, name varchar(20))",
        "CREATE TABLE once (id int primary key, name varchar(20))",
        "CREATE TABLE order_lines (order_id int, no int)",
    )
    return tables


def killed(task: Task) -> subprocess.CompletedProcess[str]:
    """A process of its own that dies. What it left is taken up in this one, which knows nothing of it."""
    paths = os.pathsep.join([str(HERE / "sql"), str(HERE.parent)])
    return subprocess.run(
        [sys.executable, str(HERE / "sql" / "push_process.py"), json.dumps(dataclasses.asdict(task))],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(("mode", "count", "batch"), [("append", 40, 10), ("insert", 40, 10), ("append", 400, 120)])
@pytest.mark.parametrize("dies", ["before", "after"])
def test_a_push_that_is_killed_around_a_commit_writes_each_row_once(
    tables: Tables, tmp_path: Path, mode: str, count: int, batch: int, dies: str
) -> None:
    task = Task(tables.url, str(tmp_path), CONFIGS[mode], count, batch)
    dead = killed(dataclasses.replace(task, dies=dies))
    assert dead.returncode == -9, dead.stderr
    assert asyncio.run(work(task)) == {"delivered": count, "balanced": True}
    table = CONFIGS[mode]["table"]
    assert sorted(tables.rows(f"select id from {table}")) == [(number,) for number in range(count)]
    if mode == "insert":
        assert tables.rows("select count(*) from order_lines") == [(80,)]


def test_without_markers_what_is_unanswered_waits_for_a_person(tables: Tables, tmp_path: Path) -> None:
    task = Task(tables.url, str(tmp_path), {**CONFIGS["append"], "exactly_once": False})
    assert killed(dataclasses.replace(task, dies="after")).returncode == -9
    told = asyncio.run(work(task))
    assert told["in_doubt"] > 0
    assert told["in_doubt"] + told["delivered"] == 40
    ids = [row[0] for row in tables.rows("select id from got")]
    assert len(ids) == len(set(ids))
