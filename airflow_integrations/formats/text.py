"""Decode bytes to text, in pieces."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

from airflow_integrations.formats import ContentError

__all__ = [
    "TextDecoding",
    "Transcoding",
    "charset",
    "checked_encoding",
    "is_marked",
    "is_one_by_one",
    "is_utf_8",
    "known_encoding",
    "unwritable_in_xml",
]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark begins the same
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MARK_BYTES = tuple(mark for mark, _ in _MARKS)


@lru_cache(maxsize=256)
def charset(content_type: str | None) -> str | None:
    """The ``charset`` parameter of a Content-Type; None where it has none or Python does not know it."""
    for parameter in (content_type or "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            named = value.strip().strip('"')
            return codecs.lookup(named).name if known_encoding(named) else None
    return None


def known_encoding(name: str) -> bool:
    """Whether this names a way to write text; Python also knows codecs that are none, such as ``zip``."""
    try:
        return codecs.lookup(name)._is_text_encoding
    except (LookupError, ValueError):
        return False


def checked_encoding(name: str) -> str:
    """An encoding that an option names. Raises ValueError for an unknown one."""
    if not known_encoding(name):
        raise ValueError(f"unknown encoding {name!r}; write it like utf-8, cp1252 or iso-8859-1")
    return name


@lru_cache(maxsize=256)
def is_utf_8(name: str | None) -> bool:
    """Whether text in this encoding, None for none that is named, is UTF-8 as it stands."""
    return name is None or codecs.lookup(name).name in ("utf-8", "utf-8-sig", "ascii")


_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def unwritable_in_xml(text: str) -> str | None:
    """The first character that XML 1.0 has no way to write (section 2.2); None where there is none."""
    found = _NOT_XML.search(text)
    return None if found is None else found[0]


class TextDecoding:
    """Bytes to text, chunk by chunk. A byte order mark counts more than ``encoding``, which counts more than UTF-8."""

    def __init__(self, encoding: str | None = None, *, lenient: bool = False) -> None:
        """``lenient``: bytes that are not text become surrogates (PEP 383) where the bytes behind them can still be
        read, so that one of them need not spoil all of the content."""
        self._encoding = encoding
        self._lenient = lenient
        self.damaged = False
        """Whether some bytes were not text."""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._held = b""
        self._seen = 0

    def feed(self, chunk: bytes, *, last: bool = False) -> str:
        """The text of this chunk. Raises ContentError for bytes that are not text in this encoding."""
        if self._decoder is None:
            self._held += chunk
            if len(self._held) < 4 and not last:
                return ""
            chunk, self._held = self._held, b""
            marked = next((name for mark, name in _MARKS if chunk.startswith(mark)), None)
            self._encoding = marked or self._encoding or "utf-8"
            self._decoder = codecs.getincrementaldecoder(self._encoding)("strict")
        try:
            text = self._decoder.decode(chunk, last)
        except UnicodeDecodeError as error:
            if self._lenient and is_one_by_one(self.encoding, utf_8=True):
                self.damaged, self._lenient = True, False
                self._decoder.errors = "surrogateescape"
                return self.feed(chunk, last=last)
            near = error.object[max(0, error.start - 20) : error.start + 20].decode("ascii", "replace")
            raise ContentError(
                f"the text is not {self._encoding}: {error.reason} near byte {self._seen + error.start}, {near!r}; "
                "if it is written in another encoding, say encoding: cp1252 (or whichever it is)"
            ) from None
        except UnicodeError as error:  # of the stream as a whole, such as UTF-16 without its mark
            raise ContentError(f"the text is not {self._encoding}: {error}") from None
        self._seen += len(chunk)
        return text

    @property
    def encoding(self) -> str:
        """The encoding that the content is read in."""
        return self._encoding or "utf-8"

    def shown(self, text: str) -> str:
        """Text of which some bytes were none, with these bytes as ``\\xe9``."""
        name = self.encoding
        return text.encode(name, "surrogateescape").decode(name, "backslashreplace")


def is_one_by_one(name: str, *, utf_8: bool = False) -> bool:
    """Whether each byte is a character, so that a wrong one says nothing about those behind it. ``utf_8``: UTF-8, of
    which that is also so, counts as well."""
    return utf_8 if is_utf_8(name) else len(_ALL.decode(name, "replace")) == 256


_ALL = bytes(range(256))


class Transcoding:
    """Bytes in any encoding to UTF-8, chunk by chunk. UTF-8 passes as it is, without its mark."""

    def __init__(self, encoding: str | None = None) -> None:
        self._encoding = encoding
        self._text: TextDecoding | None = None
        self._start: bytes | None = b""

    def feed(self, chunk: bytes, *, last: bool = False) -> bytes:
        """Raises ContentError for bytes that are not text in this encoding; wrong UTF-8 is left to the reader."""
        if self._start is not None:
            chunk = self._start + chunk
            if len(chunk) < 4 and not last:
                self._start = chunk
                return b""
            self._start = None
            if chunk.startswith(codecs.BOM_UTF8):
                return chunk[3:]
            if is_marked(chunk) or not is_utf_8(self._encoding):
                self._text = TextDecoding(self._encoding)
        return chunk if self._text is None else self._text.feed(chunk, last=last).encode()


def is_marked(content: bytes) -> bool:
    """Whether content begins with a byte order mark."""
    return content.startswith(_MARK_BYTES)
