"""What went wrong in a run, as rows of a table: those with one reason stand together."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_integrations.display.printable import visible_key
from airflow_integrations.display.reasons import place_and_reason
from airflow_integrations.engine.segment_lines import Problem

__all__ = ["problem_rows"]

NAMED = 3
"""Keys that a row names."""


def problem_rows(found: Sequence[Problem]) -> list[tuple[str, str, str, str]]:
    """Key or keys, the stage, what became of them, the reason; in the order in which they came."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for problem in found:
        place, reason = place_and_reason(problem.stage, problem.reason)
        groups.setdefault((place, problem.status.replace("_", " "), reason), []).append(problem.key)
    return [(_keys(keys), *group) for group, keys in groups.items()]


def _keys(keys: list[str]) -> str:
    """``O-1``, ``O-1, O-2, O-3 and 14 more``, ``(none)``, ``(none), 25 times``."""
    named = [visible_key(key) for key in dict.fromkeys(keys) if key]
    if not named:
        return "(none)" if len(keys) == 1 else f"(none), {len(keys):,} times"
    more = len(keys) - min(len(named), NAMED)
    return ", ".join(named[:NAMED]) + (f" and {more:,} more" if more else "")
