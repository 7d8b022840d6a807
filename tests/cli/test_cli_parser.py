from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from airflow_integrations.cli import COMMANDS, Command, build_parser


def test_no_command_is_wrong_usage(call):
    code, _, err = call()
    assert code == 2
    assert "which COMMAND?" in err
    assert "validate" in err


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("lst",), "did you mean list?"),
        (("entities", "lst"), "did you mean list?"),
        (("entities",), "which COMMAND?"),
        (("run", "orders", "--window-strat", "2026-01-01"), "--window-strat 2026-01-01; did you mean --window-start?"),
        (("list", "--josn"), "did you mean --json?"),
        (("entities", "list", "orders", "--status", "rejectd"), "did you mean rejected?"),
        (("new", "orders", "--from", "shopfy"), "did you mean shopify?"),
        (("new", "orders", "--to", "sap"), "did you mean sap_s4hana?"),
        (("run", "orders", "left"), "unrecognized arguments: left"),
    ],
)
def test_wrong_usage_says_what_was_meant(call, argv, told):
    code, _, err = call(*argv)
    assert code == 2
    assert told in err
    assert f"airflow-integrations {argv[0]}" in err or len(argv) == 1


def test_help_is_a_command_too(call):
    assert call("help", "run") == call("run", "--help")
    assert call("help") == call("--help")


def test_every_command_has_help_and_a_module(call):
    commands = [
        inner for command in COMMANDS for inner in ([command] if isinstance(command, Command) else command.commands)
    ]
    assert {command.name for command in commands} >= {
        "new",
        "validate",
        "preview",
        "test",
        "run",
        "schema",
        "list",
        "doctor",
    }
    for command in COMMANDS:
        code, out, _ = call(command.name, "--help")
        assert code == 0
        assert "usage:" in out


@pytest.mark.parametrize("argv", [("version",), ("--version",)])
def test_versions(call, argv):
    code, out, _ = call(*argv)
    assert code == 0
    assert re.search(r"^airflow-integrations \d+\.\d+", out, re.M)
    assert re.search(r"^apache-airflow 3\.", out, re.M)


def test_building_the_parser_imports_nothing_heavy():
    code = (
        "import sys; from airflow_integrations.cli import build_parser; build_parser().format_help(); "
        "heavy = {'airflow', 'aiohttp', 'pendulum', 'pydantic', 'rich', 'yaml', 'sqlalchemy'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("argv", "most"),
    [
        (["--help"], 260),
        (["version"], 320),
        (["new", "stock"], 640),
        (["validate"], 640),
        (["list"], 680),
        (["schema"], 560),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_that_reads_files_alone_loads_neither_airflow_nor_a_database(routes, argv, most):
    """Modules are counted, not seconds: those do not depend on the machine."""
    code = (
        "import sys; from airflow_integrations.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "heavy = {'airflow', 'aiohttp', 'sqlalchemy', 'fastapi'} & set(sys.modules)\n"
        "print(len(sys.modules), *sorted(heavy), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, check=True)
    count, *heavy = done.stderr.splitlines()[-1].split()
    assert heavy == []
    assert int(count) <= most


def test_what_asks_the_ledger_builds_no_models_of_routes(call, routes, systems, edit):
    edit(routes / "orders.yaml", "entity: {name: order", "mask: [customer.name]\nentity: {name: order")
    call("run", "orders")
    code = (
        "import sys; from airflow_integrations.cli import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "heavy = {'airflow', 'aiohttp', 'jinja2', 'pendulum', 'pydantic'}\n"
        "print(len(sys.modules), *sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    for argv in (["entities", "show", "orders", "1"], ["entities", "list", "orders"]):
        done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, check=True)
        assert "C1" not in done.stdout
        count, *heavy = done.stderr.splitlines()[-1].split()
        assert heavy == []
        assert int(count) <= 530


@pytest.mark.parametrize(
    "argv",
    [
        ("list",),
        ("validate",),
        ("version",),
        ("queue",),
        ("runs", "orders"),
        ("cursor", "show", "orders"),
        ("ledger", "status"),
        ("entities", "list", "orders"),
        ("entities", "show", "orders", "1"),
        ("entities", "errors"),
        ("preview", "orders"),
        ("test",),
        ("doctor", "--offline"),
    ],
    ids=" ".join,
)
def test_everything_that_lists_or_shows_writes_json(call, routes, systems, argv):
    call("run", "orders")
    _, told, _ = call(*argv, "--json")
    assert told == call(*argv, "--format", "json")[1] or argv[0] in ("test", "preview", "doctor")  # they take time
    assert isinstance(json.loads(told), list | dict)


def test_schemas_are_json_schemas(call):
    code, out, _ = call("schema")
    assert code == 0
    assert "incoming" in json.loads(out)["properties"]
    code, out, _ = call("schema", "--tests")
    assert json.loads(out)["properties"].keys() == {"route", "given", "tests"}


def test_list(call, routes, edit):
    call("new", "broken")
    edit(routes / "broken.yaml", "style: cursor", "style: cusor")
    code, out, err = call("list")
    assert code == 0
    assert re.search(r"orders +http source +http target +\*/15 \* \* \* \* +normal +routes/orders\.yaml", out)
    assert "1 file has mistakes and is not listed" in err


def test_on_a_narrow_screen_the_list_leaves_out_the_files_and_cuts_no_name(call, routes, edit, monkeypatch):
    import rich.console

    from airflow_integrations.cli import list as listing

    narrow = rich.console.Console(width=80, highlight=False)
    monkeypatch.setattr(listing, "console", lambda: narrow)
    call("new", "shop_customers_to_the_erp")
    edit(routes / "shop_customers_to_the_erp.yaml", 'cron: "*/15 * * * *"', "every: 90m")
    _, out, _ = call("list")
    assert re.search(r"shop_customers_to_the_erp +http source +http target +every 1h30m +normal", out)
    assert ".yaml" not in out


def test_the_parser_is_one_for_both_command_lines():
    assert build_parser().parse_args(["list"]).chosen.name == "list"
