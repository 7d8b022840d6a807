"""Progress on standard error: a bar for each stage on a terminal, and what the stages log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from airflow_integrations.cli.terminal import console

__all__ = ["Progress"]

_DONE = {
    "fetch": ("fetched",),
    "transform": ("transformed", "filtered", "rejected"),
    "push": ("delivered", "failed", "in_doubt", "skipped"),
}


class Progress:
    """Give :meth:`told` to ``Services(progress=…)``; use it as a context manager."""

    def __init__(self) -> None:
        screen = console(stderr=True)
        self._bars = RichProgress(
            TextColumn("{task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[details]}"),
            TimeElapsedColumn(),
            console=screen,
            disable=not screen.is_terminal,
        )
        self._tasks: dict[str, object] = {}
        self._expected: dict[str, int] = {}

    def log(self) -> logging.Logger:
        """A log whose lines stand above the bars. It is known to nobody else, so no configuration changes it."""
        made = logging.Logger("airflow_integrations.run", logging.INFO)
        made.addHandler(_Above(self._bars))
        return made

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._bars.stop()

    def expect(self, stage: str, total: int) -> None:
        """How many entities a stage will have to do with."""
        self._expected[stage] = total

    def told(self, stage: str, counts: Mapping[str, int]) -> None:
        if stage not in self._tasks:
            for ended in self._bars.tasks:  # the stage before did not know how much there would be
                self._bars.update(ended.id, total=ended.completed)
            self._tasks[stage] = self._bars.add_task(stage, total=self._expected.get(stage), details="")
        done = sum(counts.get(name, 0) for name in _DONE.get(stage, ()))
        details = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count)
        self._bars.update(self._tasks[stage], completed=done, details=details)  # type: ignore[arg-type]
        if stage == "fetch":
            self._expected["transform"] = counts.get("fetched", 0)


class _Above(logging.Handler):
    """Prints through the bars' console, which moves them down."""

    def __init__(self, bars: RichProgress) -> None:
        super().__init__()
        self._bars = bars

    def emit(self, record: logging.LogRecord) -> None:
        style = "yellow" if record.levelno >= logging.WARNING else "dim"
        screen = self._bars.console
        screen.print(record.getMessage(), style=style, soft_wrap=not screen.is_terminal)  # a file has whole lines
