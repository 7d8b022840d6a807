"""What README and the tutorial show of a shell is what the commands print; every other command exists.

A line ``…`` stands for any lines. Times, run ids, versions and ids that the demo's ERP gives differ each time.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from doc_pages import PAGES, TOP
from docs_demo import demo, served

from airflow_integrations.cli import build_parser, main
from airflow_integrations.cli.new.scaffold import route_text

CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?:    )?(?:\$ )?(airflow-integrations [^\n]+)", re.MULTILINE)
VOLATILE = (
    (re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d+)?Z"), "TIME"),
    (re.compile(r"\((now|\d+[smhd]( \d+[smhd])? ago)\)"), "(AGE)"),
    (re.compile(r"(?:cli|scheduled|manual)__[\w:+.-]+"), "RUN"),
    (re.compile(r"version +\d+"), "version NUMBER"),
    (re.compile(r"\bby cli:\S+"), "by cli:SOMEBODY"),
    (re.compile(r"\bD\d{7}\b"), "DOCUMENT"),
)


class Keyboard(io.StringIO):
    """Somebody who says yes; what is typed is seen."""

    def __init__(self, screen: io.StringIO) -> None:
        super().__init__()
        self.screen = screen

    def isatty(self) -> bool:
        return True

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]  # typeshed: IOBase gives bytes
        self.screen.write("y\n")
        return "y\n"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Runs a command as it is written, and gives what it printed."""

    def run(command: str) -> str:
        screen = io.StringIO()
        monkeypatch.setattr(sys, "stdin", Keyboard(screen))
        with contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen), contextlib.suppress(SystemExit):
            main(shlex.split(command)[1:])
        return screen.getvalue()

    editor = f'{sys.executable} -c "import pathlib, sys; file = pathlib.Path(sys.argv[1]); file.write_text('
    editor += 'file.read_text().replace(\'\\"qty\\": 0\', \'\\"qty\\": 2\'))"'
    monkeypatch.setenv("EDITOR", editor)
    with demo(tmp_path, monkeypatch):
        yield run


def told(block: str) -> list[tuple[str, list[str]]]:
    """The commands of a console block, each with the lines that it prints."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def stable(line: str) -> str:
    for volatile, word in VOLATILE:
        line = volatile.sub(word, line)
    return line.rstrip()


def assert_prints(expected: list[str], printed: str) -> None:
    lines = [stable(line) for line in printed.splitlines()]
    at, skipping = 0, False
    for line in expected:
        if line == "…":
            skipping = True
            continue
        while skipping and at < len(lines) and lines[at] != stable(line):
            at += 1
        assert at < len(lines), f"{line!r} is not in:\n{printed}"
        assert lines[at] == stable(line), printed
        at, skipping = at + 1, False
    assert skipping or at == len(lines), f"not shown: {lines[at:]}"


def test_the_tutorial_s_order_is_corrected_as_it_is_shown(shell: Callable[[str], str]) -> None:
    page = (TOP / "docs" / "start" / "tutorial.md").read_text(encoding="utf-8")
    wrong = re.search(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert wrong is not None
    Path("wrong.json").write_text(wrong[1])
    blocks = CONSOLE.findall(page)
    assert len(blocks) == 3
    for command, expected in told("".join(blocks)):
        assert_prints(expected, shell(command))


def test_the_readme_s_order_is_told_as_it_is_shown(shell: Callable[[str], str]) -> None:
    shell("airflow-integrations run shop_orders_to_erp")
    shell("airflow-integrations run shop_orders_to_erp --window-start 2026-01-01")
    [block] = CONSOLE.findall((TOP / "README.md").read_text(encoding="utf-8"))
    for command, expected in told(block):
        assert_prints(expected, shell(command))


def test_what_another_route_fetched_is_told_as_it_is_shown(
    shell: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (TOP / "docs" / "routes" / "between-routes.md").read_text(encoding="utf-8")
    labels = re.search(r"^```yaml\n(route: labels\n.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert labels is not None
    Path("dags/routes/labels.yaml").write_text(labels[1])
    Path("dags/routes/products.yaml").write_text(
        "entity: {name: product, key: product.sku}\n"
        "incoming: {http: {connection: shop, path: /api/stock}}\noutgoing: {none: {}}\n"
    )
    kinds = ["physical"] * 212 + ["service"] * 28
    products = [{"sku": f"SKU-{number}", "title": "A", "kind": kind} for number, kind in enumerate(kinds)]
    Path("products.json").write_text(json.dumps(products))

    async def label(request: web.Request) -> web.Response:
        return web.json_response({})

    app = web.Application()
    app.router.add_put("/labels/{sku}", label)
    with served(app) as port:
        monkeypatch.setenv("AIRFLOW_CONN_PRINTER", f"http://127.0.0.1:{port}")
        shell("airflow-integrations run labels")  # it begins now
        shell("airflow-integrations run products --entities products.json")
        [block] = CONSOLE.findall(page)
        for command, expected in told(block):
            assert_prints(expected, shell(command))


def test_the_ledger_s_answer_is_as_it_is_shown(shell: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("dags/routes/shop_orders.yaml").write_text(
        "entity: {name: order, key: order.number}\nincoming: {http: {connection: shop, path: /api/orders}}\n"
        "outgoing: {http: {connection: sales, method: PUT, path: '/orders/{{ order.number }}', id: body.id}}\n"
    )

    async def taken(request: web.Request) -> web.Response:
        if (await request.json())["total"] == 1:
            return web.json_response({"id": 5544})
        return web.json_response({"message": "customer C-17 is blocked"}, status=422)

    app = web.Application()
    app.router.add_put("/orders/1042", taken)
    with served(app) as port:
        monkeypatch.setenv("AIRFLOW_CONN_SALES", f"http://127.0.0.1:{port}")
        for total in (1, 2):
            Path("orders.json").write_text(json.dumps([{"number": "1042", "total": total}]))
            shell("airflow-integrations run shop_orders --entities orders.json")
    [block] = CONSOLE.findall((TOP / "docs" / "operations" / "ledger.md").read_text(encoding="utf-8"))
    for command, expected in told(block):
        assert_prints(expected, shell(command))


def test_a_route_test_that_fails_is_told_as_it_is_shown(shell: Callable[[str], str]) -> None:
    page = (TOP / "docs" / "routes" / "testing-routes.md").read_text(encoding="utf-8")
    test = re.search(r"^```yaml\n# fragment: tests\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert test is not None
    Path("routes").mkdir()
    Path("routes/orders.yaml").write_text(
        route_text("orders", "order", "http").replace("line.quantity * decimal", "3 * decimal")
    )
    Path("routes/orders.test.yaml").write_text(test[1])
    shutil.rmtree("dags")
    [block] = CONSOLE.findall(page)
    for command, expected in told(block):
        assert_prints(expected, shell(command))


def test_no_other_page_shows_what_no_test_runs() -> None:
    with_console = {page.name for page in PAGES if CONSOLE.search(page.read_text(encoding="utf-8"))}
    elsewhere = {"discover.md"}  # test_docs_discover.py
    assert with_console - elsewhere == {
        "README.md",
        "between-routes.md",
        "ledger.md",
        "testing-routes.md",
        "tutorial.md",
    }, "run the new block in a test of this file"


COMMANDS = sorted(
    {
        found.partition("  #")[0].strip()
        for page in PAGES
        for found in COMMAND.findall(page.read_text(encoding="utf-8"))
        if not re.search(r"[…\[]|\b[A-Z]{3,}\b(?!-)", found)
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one(command: str) -> None:
    build_parser().parse_args(shlex.split(command, comments=True)[1:])
