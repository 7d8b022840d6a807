"""Write entities as segments, closed when they are full."""

from __future__ import annotations

from airflow_integrations.staging.compression import compress
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import SegmentRef

__all__ = ["SegmentWriter"]

SEGMENT_BYTES = 4 * 1024 * 1024
"""Uncompressed bytes after which a segment is closed: bounds the memory of the stage that writes it."""

SEGMENT_ENTITIES = 10_000
"""Entities after which a segment is closed."""


class SegmentWriter:
    """Collects lines and closes a segment when it is full. ``prefix`` is the stage, or ``problems-<stage>``."""

    def __init__(self, staging: Staging, prefix: str, segments: list[SegmentRef] | None = None) -> None:
        self._staging = staging
        self._prefix = prefix
        self._lines: list[bytes] = []
        self._count = 0
        self._bytes = 0
        self.segments: list[SegmentRef] = list(segments or ())

    @property
    def full(self) -> bool:
        return self._bytes >= SEGMENT_BYTES or self._count >= SEGMENT_ENTITIES

    @property
    def pending(self) -> int:
        """Lines that are not yet in a segment."""
        return self._count

    def add(self, line: bytes) -> None:
        self._lines.append(line)
        self._count += 1
        self._bytes += len(line) + 1

    def add_block(self, block: bytes, count: int) -> None:
        """So many lines in one, a newline between them."""
        self._lines.append(block)
        self._count += count
        self._bytes += len(block) + 1

    def close_segment(self) -> bytes:
        """Write what was collected as one segment; nothing where nothing was collected. Gives its lines, too."""
        if not self._lines:
            return b""
        name = f"{self._prefix}-{len(self.segments):05d}.jsonl.zst"
        content = b"\n".join(self._lines)
        self._staging.write(name, compress(content))
        self.segments.append(SegmentRef(name, self._count, self._bytes))
        self._lines = []
        self._count = 0
        self._bytes = 0
        return content
