"""Which characters some bytes mean."""

from __future__ import annotations

import codecs

from airflow_integrations.formats import ContentError

__all__ = ["TextDecoding", "charset", "known_encoding"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark begins the same
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


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


class TextDecoding:
    """Bytes to text, chunk by chunk. A byte order mark counts more than ``encoding``, which counts more than UTF-8."""

    def __init__(self, encoding: str | None = None) -> None:
        self._encoding = encoding
        self._decoder: codecs.IncrementalDecoder | None = None
        self._held = b""
        self._seen = 0

    def feed(self, chunk: bytes, *, last: bool = False) -> str:
        """The text of this chunk. Raises ContentError for bytes that are no text in this encoding."""
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
            near = error.object[max(0, error.start - 20) : error.start + 20].decode("ascii", "replace")
            raise ContentError(
                f"the text is not {self._encoding}: {error.reason} near byte {self._seen + error.start}, {near!r}; "
                "if it is written in another encoding, say encoding: cp1252 (or whichever it is)"
            ) from None
        except UnicodeError as error:  # of the stream as a whole, such as UTF-16 without its mark
            raise ContentError(f"the text is not {self._encoding}: {error}") from None
        self._seen += len(chunk)
        return text
