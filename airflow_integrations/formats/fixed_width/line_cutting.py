"""Bytes to lines of fixed width: by line ends, or each so many places."""

from __future__ import annotations

import codecs
from collections.abc import Callable

from airflow_integrations.formats import ContentError
from airflow_integrations.formats.fixed_width.options import FixedWidthOptions
from airflow_integrations.formats.lines import Lines
from airflow_integrations.formats.text import TextDecoding, is_one_by_one, is_utf_8

__all__ = ["LineCutting"]


class LineCutting:
    """Lines without their ends. Where places are bytes, and the encoding has characters of several, a line is not text
    yet: each of its characters stands for a byte, and :attr:`cell` makes text of a part of it."""

    def __init__(self, options: FixedWidthOptions, encoding: str | None, *, lenient: bool) -> None:
        self._raw = options.unit == "bytes" and not is_one_by_one(encoding or "utf-8")
        self._encoding = codecs.lookup(encoding or "utf-8").name
        if self._raw and self._encoding.startswith(("utf-16", "utf-32", "utf-7")):
            raise ContentError(f"unit: bytes and encoding: {encoding} do not go together; count characters")
        self._text = TextDecoding(encoding, lenient=lenient)
        self._length = options.length
        self._lines = Lines()
        self._held: list[str] = []
        self._size = 0
        self._marked: bytes | None = b"" if self._raw and is_utf_8(encoding) else None
        self.rest: str | None = None
        """What is left behind the last line, where lines have a length; None where nothing is."""
        self.cell: Callable[[str], str] | None = self._cell if self._raw else None

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that this chunk completes. Raises ContentError."""
        return self._cut(self._decoded(chunk, last=False))

    def finish(self) -> list[str]:
        lines = self._cut(self._decoded(b"", last=True))
        if self._length is None:
            return lines + [line.rstrip("\r\n") for line in self._lines.finish()]
        left = "".join(self._held)
        self.rest = left if left.strip(" \r\n\x1a\0") else None
        return lines

    @property
    def damaged(self) -> bool:
        """Whether some bytes were not text."""
        return self._text.damaged

    @property
    def encoding(self) -> str:
        return self._encoding if self._raw else self._text.encoding

    def shown(self, text: str) -> str:
        """A line for people."""
        if self._raw:
            return text.encode("latin-1", "replace").decode(self._encoding, "backslashreplace")
        return self._text.shown(text) if self._text.damaged else text

    def _cell(self, text: str) -> str:
        try:
            return text.encode("latin-1").decode(self._encoding)
        except UnicodeError:
            raise ContentError(f"bytes of {self.shown(text)[:60]!r} are not text in {self._encoding}") from None

    def _decoded(self, chunk: bytes, *, last: bool) -> str:
        if not self._raw:
            return self._text.feed(chunk, last=last)
        if self._marked is not None:
            chunk = self._marked + chunk
            self._marked = chunk if len(chunk) < 3 and not last else None
            if self._marked is not None:
                return ""
            chunk = chunk.removeprefix(codecs.BOM_UTF8)
        return chunk.decode("latin-1")

    def _cut(self, text: str) -> list[str]:
        length = self._length
        if length is None:
            return [line.rstrip("\r\n") for line in self._lines.feed(text)] if text else []
        self._held.append(text)
        self._size += len(text)
        if self._size < length:
            return []
        whole = "".join(self._held)
        end = self._size - self._size % length
        self._held, self._size = [whole[end:]], self._size - end
        return [whole[at : at + length] for at in range(0, end, length)]
