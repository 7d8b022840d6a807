"""Whose turn it is to consume: a lease, or the certainty that the one before is gone. On SQLite and PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from airflow_integrations.ledger.inbox.consumers import consumed, hold, release_consumer
from airflow_integrations.ledger.inbox.holder_process import LONGEST, has_died, holder_name
from airflow_integrations.ledger.ledger import Ledger

HOLDER = (
    "import sys; from airflow_integrations.ledger.inbox.holder_process import holder_name; "
    "print(holder_name('scheduled__1'), flush=True); sys.stdin.read()"
)


@contextmanager
def consumer() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A process that could be one, and its name."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), process
    finally:
        process.kill()
        process.communicate()


def test_one_that_lives_keeps_its_lease_and_no_longer(ledger: Ledger) -> None:
    database = ledger
    assert hold(database, "orders", "a", until=20.0, now=5.0)
    assert not hold(database, "orders", "b", until=30.0, now=19.0)
    assert hold(database, "orders", "a", until=25.0, now=19.0)
    assert consumed(database, 25.0) == {"orders"}
    assert hold(database, "orders", "b", until=40.0, now=26.0)
    release_consumer(database, "orders", "a")  # which has it no longer
    assert consumed(database, 26.0) == {"orders"}
    release_consumer(database, "orders", "b")
    assert consumed(database, 26.0) == set()


@pytest.mark.skipif(sys.platform != "linux", reason="nobody else tells when a process began")
def test_the_lease_of_a_process_that_died_is_not_waited_for(ledger: Ledger) -> None:
    database = ledger
    with consumer() as (holder, process):
        assert hold(database, "orders", holder, until=1e9, now=5.0)
        assert not hold(database, "orders", holder_name("next"), until=1e9, now=6.0)
        assert consumed(database, 6.0) == {"orders"}
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays until somebody asks
        assert has_died(holder)
    assert has_died(holder)
    assert consumed(database, 6.0) == set()
    assert hold(database, "orders", holder_name("next"), until=1e9, now=6.0)
    assert consumed(database, 6.0) == {"orders"}


def test_of_processes_elsewhere_nothing_is_known() -> None:
    here = holder_name("run")
    host, place, pid, start, _ = here.split(":")
    assert not has_died(here)
    for elsewhere in (f"{host}:other:{pid}:0:run", f"{host}::{pid}::run", "worker:1:scheduled__1", "", "a:b:c:d:e"):
        assert not has_died(elsewhere)
    if place:
        assert has_died(f"{host}:{place}:{pid}:{int(start) - 1}:run")  # another process had this number
    assert len(holder_name("x" * 400)) == LONGEST
