"""Eight times as much content costs about eight times the work, in every reader and whatever the content is."""

from __future__ import annotations

import contextlib
import time

import pytest
from hostile_shapes import READERS, SHAPES, Make, Read

from airflow_integrations.formats import ContentError
from airflow_integrations.http.content.content_encoding import CodingError

TIMES = 8
MOST = 5 * TIMES
"""Quadratic work would be 64 times as much; caches, page faults and garbage collection make linear work up to 30 times
as much: half a megabyte does not fit where 64 KB did."""
ENOUGH = 0.001
"""Seconds that can be compared."""
LARGE = 100_000
"""So often or so many bytes are the small content, where reading it takes no time that could be compared."""


def seconds(read: Read, content: bytes, times: int) -> float:
    """Of processor time, in the best of some times."""
    took = []
    for _ in range(times):
        began = time.thread_time()
        with contextlib.suppress(ContentError, CodingError):
            read(content)
        took.append(time.thread_time() - began)
    return min(took)


def sized(read: Read, make: Make) -> int:
    n = 250
    while n < LARGE and len(content := make(n)) < LARGE and seconds(read, content, 1) < ENOUGH:
        n *= 2
    return n


@pytest.mark.parametrize(("kind", "shape"), [(kind, shape) for kind, shapes in SHAPES.items() for shape in shapes])
def test_work_is_linear(kind: str, shape: str) -> None:
    make = SHAPES[kind][shape]
    for name, read in READERS[kind].items():
        n = sized(read, make)
        content, longer = make(n), make(TIMES * n)
        for _ in range(5):  # both in one stretch of time: another process may have the other half of the core
            small = max(seconds(read, content, 3), ENOUGH / 2)
            large = seconds(read, longer, 1)
            if large < MOST * small:
                break
        assert large < MOST * small, f"{name}: {n} take {1000 * small:.1f} ms, {TIMES * n} take {1000 * large:.1f} ms"
