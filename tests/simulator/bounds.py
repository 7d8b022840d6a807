"""Bounds of the engine that a small world never reaches: in some worlds they are so small that it does."""

from __future__ import annotations

import random

from airflow_integrations.engine.fetch import at_work
from airflow_integrations.engine.live import live_run
from airflow_integrations.engine.push import chunks
from airflow_integrations.staging import segment_writer

__all__ = ["draw_bounds"]

_USUAL = at_work.COMMIT_SECONDS, segment_writer.SEGMENT_ENTITIES, chunks.CHUNK_ENTITIES, live_run.TAKEN_EVENTS
_SMALL = 0.1, 2, 2, 2


def draw_bounds(seed: int) -> bool:
    """Whether this world has small ones: segments, chunks and batches of events of two, a commit for every page."""
    small = random.Random(f"bounds {seed}").random() < 0.35
    at_work.COMMIT_SECONDS, segment_writer.SEGMENT_ENTITIES, chunks.CHUNK_ENTITIES, live_run.TAKEN_EVENTS = (
        _SMALL if small else _USUAL
    )
    return small
