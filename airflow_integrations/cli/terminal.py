"""Where commands print: plain text lines, or rich tables; never markup that a payload brought along."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["annotation", "console", "out", "table"]


def out(text: str = "") -> None:
    """One line on standard output, as it is."""
    print(text, file=sys.stdout)  # noqa: T201


def console(*, stderr: bool = False) -> Console:
    """A console on the present standard output (looked up now: tests and pipes replace it)."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = max(made.width, 160)  # a file or pipe is no narrow screen: don't cut what is read by programs
    return made


def table(*columns: str, title: str | None = None) -> Table:
    from rich import box
    from rich.table import Table

    made = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def annotation(level: str, message: str, *, file: str, line: int = 0, column: int = 0, title: str = "") -> str:
    """A GitHub Actions workflow command that marks a line of a file.

    https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """

    def value(text: str) -> str:
        return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    def attribute(text: str) -> str:
        return value(text).replace(":", "%3A").replace(",", "%2C")

    given = {"file": file, "line": str(line or 1), "col": str(column or 1), "title": title}
    return (
        f"::{level} "
        + ",".join(f"{name}={attribute(text)}" for name, text in given.items() if text)
        + f"::{value(message)}"
    )
