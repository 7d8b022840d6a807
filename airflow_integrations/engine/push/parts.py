"""Divide a run's push into parts by the keys of its entities: each has a journal, and a task of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from zlib import crc32

from airflow_integrations.engine.segment_lines import key_of_line, transformed_lines
from airflow_integrations.staging.manifest import Manifest

__all__ = ["WHOLE", "Part", "counts_of", "lines_of", "parts_of", "repeats_batches"]


class Part(NamedTuple):
    """One part of a push. All states of a key are in the same one, in any process and version of Python."""

    number: int
    of: int
    entities: int | None = None
    """How many it has; None: all of the run."""

    def share(self, concurrency: int) -> int:
        """Of so many requests at the same time; all parts together have no more, but one each at least."""
        return max(1, concurrency // self.of + (self.number < concurrency % self.of))


WHOLE = Part(0, 1)


def parts_of(transformed: Manifest | None) -> list[Part]:
    """The parts of a run's push, as its transform has divided it; one where it was not divided."""
    counts = transformed.parts if transformed is not None else []
    return [Part(number, len(counts), count) for number, count in enumerate(counts)] or [WHOLE]


def counts_of(blocks: Iterable[bytes], of: int) -> list[int]:
    """How many lines each of so many parts has."""
    counts = [0] * of
    for block in blocks:
        for line in block.split(b"\n"):
            counts[_number(line, of)] += 1
    return counts


def repeats_batches(blocks: Iterable[bytes]) -> bool:
    """Whether there are batches of an earlier run that have to go again as they were: divided, they would not."""
    return any(line.batch is not None for block in blocks for line in transformed_lines(block))


def lines_of(part: Part, blocks: Iterable[bytes], first: int) -> Iterator[tuple[list[int], bytes]]:
    """The lines of a part, a block at a time, with their places among all of the run; ``first`` is that of the first
    line in ``blocks``."""
    for block in blocks:
        lines = block.split(b"\n")
        own = [at for at, line in enumerate(lines) if _number(line, part.of) == part.number]
        if own:
            yield [first + at for at in own], b"\n".join([lines[at] for at in own])
        first += len(lines)


def _number(line: bytes, of: int) -> int:
    """The part of a line of transform, which begins with its key: ``["4711",…``."""
    key = line[2 : line.find(b'",')]
    if b"\\" in key:  # an escape: two texts may mean one key, and that quotation mark may be the key's own
        key = key_of_line(line).encode("utf-8", "surrogatepass")
    return crc32(key) % of
