"""Divide a run into parts by the keys of its entities: each has a journal, and a task of its own.

Where the route's steps allow it, the task of a part also takes the part's own entities through them before it sends
them. What was fetched of it is called its *share*.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from zlib import crc32

from airflow_integrations.engine.segment_lines import key_of_line, transformed_lines
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

__all__ = ["WHOLE", "Part", "counts_of", "lines_of", "parts_of", "repeats_batches", "share_of", "transformed_parts"]


class Part(NamedTuple):
    """One part of a push. All states of a key are in the same one, in any process and version of Python."""

    number: int
    of: int
    entities: int | None = None
    """How many it sends; None: all of the run. With a share of its own: how many of those taken over."""
    share: int | None = None
    """How many fetched entities its task takes through transform; None: transform has done that for the whole run."""
    first: int = 0
    """Of a share: how many fetched entities the shares before it have. Its places begin there."""

    def requests(self, concurrency: int) -> int:
        """Of so many requests at the same time; all parts together have no more, but one each at least."""
        return max(1, concurrency // self.of + (self.number < concurrency % self.of))


WHOLE = Part(0, 1)


def parts_of(transformed: Manifest | None) -> list[Part]:
    """The parts of a run's push, as its transform has divided it; one where it was not divided."""
    if transformed is None or not transformed.parts:
        return [WHOLE]
    of, shares, first, parts = len(transformed.parts), transformed.shares, 0, list[Part]()
    for number, count in enumerate(transformed.parts):
        share = shares[number] if shares else None
        parts.append(Part(number, of, count, share, first))
        first += share or 0
    return parts


def share_of(staging: Staging, part: Part) -> Manifest | None:
    """The finished manifest of a part's share; None where it is not finished, or has nothing to do."""
    share = staging.manifest("share", part.number) if part.share else None
    return share if share is not None and share.complete else None


def transformed_parts(staging: Staging, transformed: Manifest | None) -> list[Part]:
    """Those parts whose entities have gone through transform: only they have begun to send."""
    return [part for part in parts_of(transformed) if not part.share or share_of(staging, part) is not None]


def counts_of(blocks: Iterable[bytes], of: int) -> list[int]:
    """How many lines each of so many parts has."""
    counts = [0] * of
    for block in blocks:
        for number in _numbers(block, block.split(b"\n"), of):
            counts[number] += 1
    return counts


def repeats_batches(blocks: Iterable[bytes]) -> bool:
    """Whether there are batches of an earlier run that have to go again as they were: divided, they would not."""
    return any(line.batch is not None for block in blocks for line in transformed_lines(block))


def lines_of(part: Part, blocks: Iterable[bytes], first: int) -> Iterator[tuple[list[int], bytes]]:
    """The lines of a part, of fetch or of transform, with their places among all of the run; ``first`` is that of the
    first line in ``blocks``. What is taken of as many blocks as there are parts comes together, about the size of
    one."""
    places, own = list[int](), list[bytes]()
    for number, block in enumerate(blocks, 1):
        lines = block.split(b"\n")
        its = [at for at, which in enumerate(_numbers(block, lines, part.of)) if which == part.number]
        places += [first + at for at in its]
        own += [lines[at] for at in its]
        first += len(lines)
        if own and number % part.of == 0:
            yield places, b"\n".join(own)
            places, own = [], []
    if own:
        yield places, b"\n".join(own)


def _numbers(block: bytes, lines: list[bytes], of: int) -> list[int]:
    """The part of each line of a block. Each part looks at all lines of the run: where no line has an escape, which is
    seen at once, no key has one."""
    if b"\\" in block:
        return [_number(line, of) for line in lines]
    return [crc32(line[2 : line.find(b'",')]) % of for line in lines]


def _number(line: bytes, of: int) -> int:
    """The part of a line of fetch or transform, which begins with its key: ``["4711",…``."""
    key = line[2 : line.find(b'",')]
    if b"\\" in key:  # an escape: two texts may mean one key, and that quotation mark may be the key's own
        key = key_of_line(line).encode("utf-8", "surrogatepass")
    return crc32(key) % of
