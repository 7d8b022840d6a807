"""Summary of a run's failures for the person on call: which entities, why, in a few lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from airflow_integrations.engine.grouped_log import GroupedProblems
from airflow_integrations.engine.segment_lines import Problem

__all__ = ["NAMED_KEYS", "Troubles", "gather"]

NAMED_KEYS = 100
"""Keys that are told one by one; of a whole day that failed, a list helps nobody."""


@dataclass(frozen=True, slots=True)
class Troubles:
    """At most :data:`NAMED_KEYS` keys of each sort, in the order of their problems, none twice."""

    lines: tuple[str, ...]
    """``rejected in transform: 12 × reason (such as KEY, KEY, …)``; each reason once."""
    refused: tuple[str, ...]
    """Keys of entities that were rejected or that the target refused: they did not arrive."""
    in_doubt: tuple[str, ...]
    """Keys of entities that may have arrived."""
    untold: int
    """Entities that are in neither list: without a key, or beyond the most."""


def gather(problems: Iterable[Problem]) -> Troubles:
    """Read a run's problems once; memory stays bounded however many there are."""
    groups: dict[str, GroupedProblems] = {}
    refused: dict[str, None] = {}
    in_doubt: dict[str, None] = {}
    untold = 0
    for problem in problems:
        what = f"{problem.status.replace('_', ' ')} {'since' if problem.status == 'in_doubt' else 'in'} {problem.stage}"
        groups.setdefault(what, GroupedProblems()).add(problem.key or "no key", problem.reason)
        if problem.status == "retrying":
            continue  # nobody has to do anything about it
        keys = in_doubt if problem.status == "in_doubt" else refused
        if problem.key and (problem.key in keys or len(keys) < NAMED_KEYS):
            keys[problem.key] = None
        else:
            untold += 1
    lines = [f"{what}: {line}" for what, group in groups.items() for line in group.lines()]
    return Troubles(tuple(lines), tuple(refused), tuple(in_doubt), untold)
