"""A backfill beside the schedule: two processes run one route over the same items at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chaos.definition import FIRST, SECOND, route
from chaos.judgement import judge
from chaos.processes import Servers, Worker
from chaos.worker import Task

ITEMS = 200
STAGES = ("fetch", "transform", "push", "settle")
"""Of one run, one after the other."""


@pytest.fixture
def servers() -> Iterator[Servers]:
    with Servers.running(ITEMS, 1, "--slow", 0.3, "--calm") as running:
        yield running


@pytest.fixture
def task(servers: Servers, ledger_url: str, tmp_path: Path) -> Task:
    definition = route(batch=10, concurrency=2)
    # Nobody is silent here: a batch that took longer must not be sent again.
    return Task("fetch", "schedule", FIRST, definition, servers.url, ledger_url, tmp_path / "staging", read_timeout=60)


def perform(task: Task, *stages: Any) -> dict[str, int]:
    """The stages in processes of their own; the counts of the last one."""
    counts: dict[str, int] = {}
    for stage in stages:
        worker = Worker(replace(task, stage=stage))
        told = [event for event in worker.events() if event[0] != "progress"]
        assert worker.end() == 0
        assert [what for what, _ in told] == ["done"], told
        counts = told[0][1]["counts"]
    return counts


def at_once(*tasks: Task) -> list[dict[str, int]]:
    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(lambda task: perform(task, "push", "settle"), tasks))


def test_no_state_is_sent_twice(task: Task, servers: Servers) -> None:
    schedule, backfill = task, replace(task, run_id="backfill", kind="backfill")
    for run in (schedule, backfill):
        perform(run, "fetch", "transform")

    first, second = at_once(schedule, backfill)

    taken, counts = servers.books()
    assert counts.get("recognised", 0) + counts.get("needless", 0) + counts.get("replayed", 0) == 0
    assert first["delivered"] + second["delivered"] == len(taken)
    assert first.get("retrying", 0) + second.get("retrying", 0) > 0, "they did not meet"


def test_afterwards_nothing_is_left_to_be_sent(task: Task, servers: Servers) -> None:
    schedule, backfill = task, replace(task, run_id="backfill", kind="backfill")
    for run in (schedule, backfill):
        perform(run, "fetch", "transform")
    at_once(schedule, backfill)
    before = servers.books()[1]["requests"]

    due = perform(replace(task, run_id="due", retry=True, clock_ahead=3600), *STAGES)

    assert due["delivered"] == 0
    assert servers.books()[1]["requests"] == before
    verdict = judge(task.ledger, servers, task.staging, ITEMS, changed=False)
    assert verdict.wrong == []


def test_an_older_state_never_follows_a_newer_one(task: Task, servers: Servers) -> None:
    newer = replace(task, run_id="newer", window=SECOND)
    for run in (task, newer):
        perform(run, "fetch", "transform")

    at_once(newer, task)
    perform(replace(task, run_id="due", window=SECOND, retry=True, clock_ahead=3600), *STAGES)

    assert servers.books()[1].get("inverted", 0) == 0
    assert judge(task.ledger, servers, task.staging, ITEMS).wrong == []
