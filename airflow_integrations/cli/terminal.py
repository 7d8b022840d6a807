"""Where commands print: plain text lines, or rich tables; never markup that a payload brought along."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_integrations.errors import SetupError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["annotation", "console", "flush", "out", "table"]


def out(text: str = "") -> None:
    """One line on standard output, as it is. Raises SetupError where that cannot be written."""
    with _written():
        print(text, file=sys.stdout)  # noqa: T201


def flush() -> None:
    """Write what was printed. Raises BrokenPipeError where nobody reads it any more, SetupError as :func:`out`."""
    with _written():
        sys.stdout.flush()


@contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise SetupError(f"standard output cannot be written: {error.strerror}") from None


def console(*, stderr: bool = False) -> Console:
    """A console on the present standard output (looked up now: tests and pipes replace it)."""
    from rich.console import Console

    class Plain(Console):
        def print(self, *what: Any, **how: Any) -> None:
            with _written():
                super().print(*(_fitting(each, self) for each in what), **how)

        def on_broken_pipe(self) -> None:
            """Rich would end the process."""
            raise BrokenPipeError

    plain = True if os.environ.get("CLICOLOR") == "0" else None  # None: rich looks at NO_COLOR
    made = Plain(stderr=stderr, highlight=False, markup=False, emoji=False, no_color=plain)
    if not made.is_terminal:
        made.width = max(made.width, 160)  # a file or pipe is not a narrow screen: don't cut what is read by programs
    return made


NARROW = 12
"""Characters for each column. On a screen that has less, a table that does not fit is a block for each row."""


NARROW_SCREEN = 79
"""Characters. On a screen that has no more, no word of a table is broken: it is blocks instead."""


def _fitting(what: Any, screen: Console) -> Any:
    """A table as it is where it fits; else without its empty columns; else, on a narrow screen, as blocks."""
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    def fits(shown: Table) -> bool:
        return Measurement.get(screen, screen.options.update_width(10_000), shown).maximum <= screen.width

    if not isinstance(what, Table) or fits(what):
        return what
    kept = [column for column in what.columns if any(map(str, column.cells))]
    rows = list(zip(*(column.cells for column in kept), strict=True))
    less = table()
    for column in kept:
        less.add_column(column.header, overflow=column.overflow, no_wrap=column.no_wrap)
    for row, cells in zip(what.rows, rows, strict=False):
        less.add_row(*cells, style=row.style)
    wide = screen.width >= NARROW * len(kept) and (screen.width > NARROW_SCREEN or _whole_words(less, screen))
    if fits(less) or wide:
        return less
    width = max(len(str(column.header)) for column in kept)
    names = [f"{column.header!s:<{width}}" for column in kept]
    blocks = [[f"{name}  {cell}" for name, cell in zip(names, cells, strict=True) if str(cell)] for cells in rows]
    return Text("\n".join("\n  ".join(lines) for lines in blocks), overflow="fold")


def _whole_words(shown: Table, screen: Console) -> bool:
    """Whether a table can be shown without breaking words in its middle."""
    words = [
        max((len(word) for cell in [column.header, *column.cells] for word in str(cell).split()), default=0)
        for column in shown.columns
    ]
    return sum(words) + 3 * len(words) + 1 <= screen.width


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
