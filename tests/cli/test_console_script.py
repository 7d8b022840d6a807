"""Ctrl-C while the program starts, and when it is done: no stack trace, and never without effect."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
MODULE, FUNCTION = PROJECT["project"]["scripts"]["airflow-integrations"].split(":")
PROGRAM = f"""
import atexit, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)


def interrupt(*_):
    signal.raise_signal(signal.SIGINT)


class Dropped:
    __del__ = interrupt


class Finder:
    def find_spec(self, name, *_):
        if name == where:
            what()


what = {{"interrupt": interrupt, "dropped": Dropped, "nothing": int}}[sys.argv.pop(1)]
where = sys.argv.pop(1)
if where == "exit":
    atexit.register(what)
sys.meta_path.insert(0, Finder())
from {MODULE} import {FUNCTION}
sys.exit({FUNCTION}())
"""


def ran(what: str, where: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, what, where, "schema"], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "where",
    ["airflow_integrations.cli", "airflow_integrations.cli.parser", "airflow_integrations.cli.schema", "exit"],
)
def test_an_interrupt_ends_it_without_a_stack_trace(where: str) -> None:
    code, said = ran("interrupt", where)
    assert (code, said) in [(130, ""), (130, "interrupted\n")]


def test_an_interrupt_that_python_drops_ends_it_too() -> None:
    assert ran("dropped", "airflow_integrations.cli.schema") == (130, "")


def test_it_runs_what_is_asked() -> None:
    assert ran("nothing", "") == (0, "")


def test_until_it_hears_an_interrupt_it_imports_next_to_nothing() -> None:
    told = f"import sys; sys.path.insert(0, '.'); before = set(sys.modules); import {MODULE}"
    told += "; print(*set(sys.modules) - before)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", told], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    ours = {"airflow_integrations", "airflow_integrations.version", MODULE}
    assert set(done.stdout.split()) - ours - {"__future__"} == set()
