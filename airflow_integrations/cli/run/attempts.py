"""Says on standard error that a system does not answer, so that a command that waits for it is not silent."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence

from airflow_integrations.display.printable import visible
from airflow_integrations.http.errors import reason_phrase
from airflow_integrations.http.observer import Attempt, Why

__all__ = ["ToldAttempts"]


class ToldAttempts:
    """An observer of requests: a line for each that is tried again, or that came to nothing."""

    def __init__(self, say: Callable[[str], None] | None = None) -> None:
        self._say = say or _to_stderr
        self._failed: Counter[tuple[str, str, str]] = Counter()

    def attempted(self, attempt: Attempt) -> None:
        asked = (attempt.connection, attempt.method, attempt.path)
        if attempt.status is not None and attempt.status < 500 and attempt.status != 429:
            self._failed.pop(asked, None)
            return
        self._failed[asked] += 1
        told = "no answer" if attempt.status is None else f"HTTP {reason_phrase(attempt.status)}"
        why = f": {attempt.reason}" if attempt.reason else ""
        path = attempt.path.partition("?")[0]  # a query may hold what nobody is to see
        self._say(
            f"{attempt.connection}: {told} to {attempt.method} {path} "
            f"after {attempt.seconds:.1f} s (attempt {self._failed[asked]}){why}"
        )

    def waited(self, connection: str, why: Why, seconds: float) -> None:
        if why in ("back_off", "hold") and seconds >= 1:
            self._say(f"{connection}: waited {seconds:.0f} s, trying again")

    def delivered(self, ages: Sequence[float]) -> None:
        """Nothing to say."""


def _to_stderr(text: str) -> None:
    print(visible(text), file=sys.stderr, flush=True)  # noqa: T201
