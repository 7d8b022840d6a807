"""Tables on narrow screens: they fit, lose what is empty, or become blocks; nothing is cut in the middle of a word."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from airflow_integrations.cli import terminal
from airflow_integrations.display.printable import with_status


def printed(width: int, *rows: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> str:
    shown = terminal.table("key", "status", "next attempt", "error")
    for row in rows:
        shown.add_row(*row)
    screen = terminal.console()
    file: Any = io.StringIO()
    monkeypatch.setattr(Console, "is_terminal", True)
    screen.file, screen.width = file, width
    screen.print(shown)
    told: str = file.getvalue()
    return told


ROWS = (("A-1", "delivered", "", "no error at all"), ("A-2", "rejected", "", ""))


@pytest.mark.parametrize("width", [60, 100])
def test_a_table_that_fits_stays_as_it_is(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "next attempt" in printed(width, *ROWS, monkeypatch=monkeypatch)


def test_what_does_not_fit_loses_its_empty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    told = printed(45, *ROWS, monkeypatch=monkeypatch)
    assert "next attempt" not in told
    assert "delivered   no error at all" in told


def test_a_narrow_screen_gets_a_block_for_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    told = printed(30, *ROWS, monkeypatch=monkeypatch)
    assert [line.rstrip() for line in told.splitlines()] == [
        "key     A-1",
        "  status  delivered",
        "  error   no error at all",
        "key     A-2",
        "  status  rejected",
    ]


def test_on_a_narrow_screen_no_word_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    row = (
        "shop_orders_to_warehouse",
        "delivered",
        "",
        "incoming.http.pagination is odd, and what follows is long, too",
    )
    told = printed(60, row, monkeypatch=monkeypatch)
    assert "key     shop_orders_to_warehouse" in told
    assert "incoming.http.pagination" in told


def test_a_table_without_rows_keeps_its_head(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "next attempt" in printed(60, monkeypatch=monkeypatch)
    printed(10, monkeypatch=monkeypatch)


@pytest.mark.parametrize(
    ("status", "message", "told"),
    [
        (422, "422 Unprocessable Entity: no name", "HTTP 422 Unprocessable Entity: no name"),
        (422, "HTTP 422 from erp", "HTTP 422 from erp"),
        (422, "no name", "HTTP 422: no name"),
        (422, "", "HTTP 422"),
        (None, "422 is no price", "422 is no price"),
    ],
)
def test_a_status_is_told_once(status: int | None, message: str, told: str) -> None:
    assert with_status(status, message) == told


@pytest.mark.parametrize(
    ("surroundings", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"CLICOLOR": "0"}, False), ({"CLICOLOR": "1"}, True)],
)
def test_who_wants_no_colour_gets_none(
    surroundings: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "CLICOLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm-256color", **surroundings}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Console, "is_terminal", True)
    screen = terminal.console()
    file: Any = io.StringIO()
    screen.file = file
    screen.print(Text("gone", style="red"))
    assert ("\x1b[31m" in file.getvalue()) is coloured
