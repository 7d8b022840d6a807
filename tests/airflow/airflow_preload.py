"""For tests with an Airflow of their own: less of the CPU's time for the same tests."""

from __future__ import annotations

from pathlib import Path

__all__ = ["forks_that_had_to_load", "preload"]

FORKS = "forks"
"""In an Airflow's home: a line for each fork, with its component, and whether what it needs was loaded before."""
PRELOADED = """
import os
import sys

from airflow_integrations.airflow.preload import preload

preload()


def _say_whether_loaded():
    with open(FORKS, "a") as told:
        print(sys.argv[1], "airflow_integrations.http.session" in sys.modules, file=told)


os.register_at_fork(after_in_child=_say_whether_loaded)
"""


def preload(home: Path, more: str = "") -> None:
    """Have Airflow's components load what each task of a route needs. A task is a fork of the scheduler, and a DAG file
    is read in a fork of the DAG processor: hundreds of them need not load the same modules, half a second each time.

    They also run ``more``, which is Python.

    test_first_second.py sees to it that a process without them loads what it needs; so do the Airflows of the demo and
    of the production set-up, which preload nothing.
    """
    (home / "config").mkdir()
    named = f"FORKS = {str(home / FORKS)!r}\n"
    (home / "config" / "airflow_local_settings.py").write_text(named + PRELOADED + more)


def forks_that_had_to_load(home: Path) -> list[str]:
    """The component of each process that was forked from one without all this; there was a fork before."""
    forks = [line.split() for line in (home / FORKS).read_text().splitlines()]
    assert forks
    return [component for component, loaded in forks if loaded != "True"]
