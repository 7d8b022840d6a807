"""Two runs of one route at once, in threads and in processes: every key goes to exactly one of them."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

from ledger_runs import begin, delivered, retrying, row

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.runs.carry_over import take_due
from airflow_integrations.ledger.runs.claims import reserve
from airflow_integrations.ledger.runs.outcomes import conclude

KEYS = [f"k{number:04}" for number in range(1_000)]
WIDTH = 50


def reserve_all(ledger: Ledger, run_id: str, start: Any, *, backwards: bool) -> list[str]:
    run = begin(ledger, run_id)
    firsts = list(range(0, len(KEYS), WIDTH))
    start.wait(30)
    got: list[str] = []
    for first in reversed(firsts) if backwards else firsts:
        keys = KEYS[first : first + WIDTH]
        taken = reserve(ledger, run, keys, first=first, lease_until=1e10, now=1.0).taken
        got += [key for key in keys if key not in taken]
    return got


def take_all(ledger: Ledger, run_id: str, start: Any) -> list[str]:
    run = begin(ledger, run_id)
    start.wait(30)
    got: list[str] = []
    while due := take_due(ledger, run, now=100.0, lease_until=1e10, limit=WIDTH):
        got += [one.key for one in due]
    return got


def in_process(url: str, what: str, run_id: str, start: Any) -> list[str]:
    with Ledger.open(url) as ledger:
        if what == "take":
            return take_all(ledger, run_id, start)
        return reserve_all(ledger, run_id, start, backwards=run_id == "second")


def in_processes(url: str, what: str) -> list[list[str]]:
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(2, mp_context=context) as pool:
        start = manager.Barrier(2)
        futures: list[Future[list[str]]] = [
            pool.submit(in_process, url, what, run_id, start) for run_id in ("first", "second")
        ]
        return [future.result(60) for future in futures]


def test_two_processes_reserve_the_same_keys(ledger_url: str) -> None:
    Ledger.open(ledger_url).close()
    first, second = in_processes(ledger_url, "reserve")
    assert sorted(first + second) == KEYS


def test_two_processes_take_over_what_is_due(ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger:
        conclude(ledger, begin(ledger, "old"), [retrying(key) for key in KEYS], now=2.0)
    first, second = in_processes(ledger_url, "take")
    assert sorted(first + second) == KEYS


def test_threads_of_one_ledger(ledger: Ledger) -> None:
    start = threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        parts = pool.map(lambda name: reserve_all(ledger, name, start, backwards=name in "bd"), "abcd")
        assert sorted(key for part in parts for key in part) == KEYS


def test_runs_that_conclude_the_same_entities_do_not_lock_each_other_out(ledger: Ledger) -> None:
    start = threading.Barrier(2)
    runs = [begin(ledger, "first"), begin(ledger, "second")]

    def work(number: int) -> None:
        keys = KEYS if number else KEYS[::-1]
        start.wait(30)
        for _ in range(5):
            outcomes = [(delivered if (at + number) % 2 else retrying)(key) for at, key in enumerate(keys)]
            conclude(ledger, runs[number], outcomes, now=2.0)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, (0, 1)))
    assert sum(row(ledger, key).deliveries for key in KEYS[:2]) == 10
