"""For tests with an Airflow of their own: less of the CPU's time for the same tests."""

from __future__ import annotations

from pathlib import Path

__all__ = ["preload"]

PRELOADED = """
from airflow_integrations.airflow.preload import preload

preload()
"""


def preload(home: Path, more: str = "") -> None:
    """Have Airflow's components load what each task of a route needs. A task is a fork of the scheduler, and a DAG file
    is read in a fork of the DAG processor: hundreds of them need not load the same modules, half a second each time.

    They also run ``more``, which is Python.

    test_first_second.py sees to it that a process without them loads what it needs; so do the Airflows of the demo and
    of the production set-up, which preload nothing.
    """
    (home / "config").mkdir()
    (home / "config" / "airflow_local_settings.py").write_text(PRELOADED + more)
