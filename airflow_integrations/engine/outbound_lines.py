"""The lines of transform as push takes them. Apart from the other lines, which are read without what sends them."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from airflow_integrations.engine.segment_lines import transformed_lines
from airflow_integrations.outgoing import Outbound

__all__ = ["read_outbound"]


def read_outbound(blocks: Iterator[bytes], route: str, version: str | None = None) -> Iterator[Outbound]:
    """Entities whose JSON is carried through as bytes. ``version`` is that of those without one."""
    for block in blocks:
        for line in transformed_lines(block):
            yield Outbound(
                line.key,
                bytes(line.value),
                version=version if line.version is None else line.version,
                source=_given(line.source) if line.source else None,
                found=_given(line.found) if line.found else None,
                route=route,
                deleted=line.deleted,
                batch=line.batch,
            )


def _given(raw: msgspec.Raw) -> bytes | None:
    content = bytes(raw)
    return None if content == b"null" else content
