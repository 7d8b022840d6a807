"""What a command loads before it does its work. Upper bounds, so that nobody adds to them without seeing it;
docs/operations/performance.md has the figures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cli_servers import Systems

PROGRAM = """
import sys
from airflow_integrations.cli import main

code = main(sys.argv[1:])
print(code, *sys.modules)
"""
HEAVY = {"airflow", "aiohttp", "alembic", "asyncio", "jinja2", "pendulum", "psycopg", "pydantic", "rich", "sqlalchemy"}
MODELS = {"jinja2", "pydantic"}
DATABASE = {"asyncio", "sqlalchemy"}
RUNS = {*MODELS, *DATABASE, "aiohttp", "pendulum", "rich"}


def loaded(*argv: str) -> tuple[int, set[str], int]:
    """Exit code, the heavy libraries that are loaded, and how many modules of this package."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, *argv], capture_output=True, text=True, check=True)
    code, *names = done.stdout.splitlines()[-1].split()
    return int(code), HEAVY & set(names), sum(name.startswith("airflow_integrations") for name in names)


@pytest.mark.parametrize(
    ("argv", "heavy", "modules"),
    [
        (["--help"], set(), 7),
        (["new", "shipments"], MODELS, 246),
        (["validate"], MODELS, 246),
        (["list"], {*MODELS, "rich"}, 237),
        (["queue"], DATABASE, 65),
        (["entities", "list", "orders"], {*DATABASE, "rich"}, 99),
        (["entities", "show", "orders", "1"], DATABASE, 107),
        (["run", "orders"], RUNS, 441),
        (["preview", "orders"], RUNS, 449),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_command_loads_what_it_needs_and_no_airflow(
    call, routes: Path, systems: Systems, argv: list[str], heavy: set[str], modules: int
) -> None:
    if argv[0] == "--help":
        argv = ["help"]
    if argv[0] == "entities":
        call("run", "orders")
    code, found, ours = loaded(*argv)
    assert (found, ours <= modules) == (heavy, True), (code, ours)


def test_a_process_ends_without_a_walk_through_all_its_objects(routes: Path) -> None:
    program = "import gc; from airflow_integrations.cli import main; main(); print(gc.get_freeze_count())"
    done = subprocess.run([sys.executable, "-c", program, "list"], capture_output=True, text=True, check=True)
    assert int(done.stdout.splitlines()[-1]) > 50_000


@pytest.mark.parametrize(
    "kind", ["email", "files", "http", "kafka", "mqtt", "nats", "odata", "rabbitmq", "redis", "sqs"]
)
def test_to_check_a_route_its_outgoing_loads_no_database(kind: str) -> None:
    program = "import sys; from airflow_integrations.route.registry import resolve; resolve('outgoing', sys.argv[1])"
    told = "print('sqlalchemy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; {told}", kind], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
