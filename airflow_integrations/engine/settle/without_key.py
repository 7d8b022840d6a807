"""Entities that were rejected because they have no usable key: only the run's staged problems know them."""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from airflow_integrations.engine.segment_lines import Problem, read_problems
from airflow_integrations.engine.transformed_segments import staged_problems
from airflow_integrations.errors import RunError
from airflow_integrations.staging.compression import DAMAGED
from airflow_integrations.staging.folder import Staging

__all__ = ["MOST", "WithoutKey", "without_key"]

MOST = 100
"""That are read at once."""


class WithoutKey(NamedTuple):
    problems: tuple[Problem, ...]
    more: bool
    """There are others behind them."""


def without_key(staging: Staging, *, most: int = MOST) -> WithoutKey:
    """Those of one run, in the order in which they came; none where the run's payloads are gone.

    Memory is bounded by ``most`` records; reads the run's problems up to the last of them.
    """
    found: list[Problem] = []
    try:
        for segments in staged_problems(staging):
            problems = read_problems(staging.blocks(segments))
            found += islice((problem for problem in problems if not problem.key), most + 1 - len(found))
    except (RunError, *DAMAGED, ValueError):
        pass  # what is gone or broken can no longer be shown
    return WithoutKey(tuple(found[:most]), len(found) > most)
