"""The lines of transform as push takes them. Apart from the other lines, which are read without what sends them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

import msgspec

from airflow_integrations.engine.push.parts import WHOLE, Part, lines_of
from airflow_integrations.engine.segment_lines import transformed_lines
from airflow_integrations.outgoing import Outbound

__all__ = ["read_outbound"]


def read_outbound(
    blocks: Iterator[bytes], route: str, version: str | None = None, *, part: Part = WHOLE, first: int = 0
) -> Iterator[Outbound]:
    """Entities whose JSON is carried through as bytes. ``version`` is that of those without one; ``first`` is the place
    of the first line among all of the run. Those of the other parts are left out."""
    for places, block in _all(blocks, first) if part.of == 1 else lines_of(part, blocks, first):
        for line, at in zip(transformed_lines(block), places):  # noqa: B905 - places may have no end, and come last
            yield Outbound(
                line.key,
                bytes(line.value),
                version=version if line.version is None else line.version,
                source=_given(line.source) if line.source else None,
                found=_given(line.found) if line.found else None,
                route=route,
                deleted=line.deleted,
                batch=line.batch,
                at=at,
            )


def _all(blocks: Iterator[bytes], first: int) -> Iterator[tuple[Iterable[int], bytes]]:
    places = count(first)
    for block in blocks:
        yield places, block


def _given(raw: msgspec.Raw) -> bytes | None:
    content = bytes(raw)
    return None if content == b"null" else content
