from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest

from airflow_integrations.airflow import cli_hook
from airflow_integrations.airflow.plugin import IntegrationsPlugin
from airflow_integrations.airflow.provider import get_provider_info


def test_the_provider_info_is_as_airflow_wants_it() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_the_entry_points_lead_to_provider_and_plugin() -> None:
    (provider,) = (each for each in entry_points(group="apache_airflow_provider") if "_integrations" in each.value)
    (plugin,) = (each for each in entry_points(group="airflow.plugins") if "_integrations" in each.value)
    assert provider.load() is get_provider_info
    assert plugin.load() is IntegrationsPlugin


def test_airflow_knows_the_options_and_their_defaults() -> None:
    from airflow.configuration import conf

    assert conf.getboolean("integrations", "pools") is False
    assert conf.get("integrations", "routes") == ""


def test_the_plugin_is_one_that_airflow_takes() -> None:
    from airflow import plugins_manager

    assert plugins_manager.is_valid_plugin(IntegrationsPlugin) if hasattr(plugins_manager, "is_valid_plugin") else True
    names = {plugin.name for plugin in plugins_manager._get_plugins()[0]}
    assert "integrations" in names


@pytest.mark.parametrize(
    "arguments",
    [["validate", "--format", "github"], ["--version"], ["--help"], ["run", "x", "--limit", "3"], []],
    ids=" ".join,
)
def test_the_command_gets_everything_behind_its_name(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.cli.cli_parser import get_parser

    got: list[Any] = []

    def called(argv: Any) -> int:
        got.append(argv)
        return 3

    monkeypatch.setattr("airflow_integrations.cli.main", called)
    parsed = get_parser().parse_args(["integrations", *arguments])
    with pytest.raises(SystemExit) as caught:
        parsed.func(parsed)
    assert caught.value.code == 3
    assert got == [arguments]


def test_there_is_one_command() -> None:
    assert [command.name for command in cli_hook.get_commands()] == ["integrations"]


HEAVY = ["aiohttp", "lxml", "jsonschema_rs", "RestrictedPython", "msgspec", "pydantic"]


@pytest.mark.parametrize(
    ("loaded", "own"),
    [
        ("airflow_integrations.airflow.provider", 3),
        ("airflow_integrations.airflow.plugin", 4),
        ("airflow_integrations.airflow.cli_hook", 4),
    ],
)
def test_what_every_airflow_process_loads_imports_nothing_heavy(loaded: str, own: int) -> None:
    program = (
        "import sys\n"
        "import airflow, airflow.cli.cli_config, airflow.sdk.plugins_manager\n"
        "before = set(sys.modules)\n"
        f"import {loaded}\n"
        "print(*sorted(set(sys.modules) - before))\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    new = done.stdout.split()
    assert not [name for name in new if name.partition(".")[0] in HEAVY]
    assert not [name for name in new if not name.startswith("airflow_integrations")]
    assert len(new) <= own
