"""Text cut into lines, whichever line ends a file has."""

from __future__ import annotations

import re

from airflow_integrations.formats import ContentError

__all__ = ["MAX_LINE", "Lines"]

MAX_LINE = 4 * 1024 * 1024
"""Characters of one line: a longer one is noticed before it fills the memory."""
UNDECIDED = 64 * 1024
"""Characters of a file in which no line has ended outside of quotes; behind them quotes no longer count."""


class Lines:
    r"""Lines end with ``\n`` or ``\r\n``; with ``\r`` in a file whose first line does. Work is linear in the text."""

    def __init__(self, quote: str | None = None) -> None:
        """``quote``: a line end between two of them does not decide which line ends the file has."""
        self._pattern = re.compile("|".join(([re.escape(quote)] if quote else []) + ["\r\n?", "\n"]))
        self._end: str | None = None
        self._quoted = False
        self._after_return = False
        r"""Whether the text so far ends with a ``\r``, behind which a ``\n`` may follow."""
        self._rest: list[str] = []
        """The line that has not ended yet, as its pieces came: joined once, so that tiny pieces cost linear work."""
        self._size = 0

    def feed(self, text: str) -> list[str]:
        """The lines that this text completes, with their ends. Raises ContentError for one that does not end."""
        if self._end is None:
            self._decide(text)
            if self._end is None:
                self._hold(text)
                return []
            text, self._rest, self._size = "".join((*self._rest, text)), [], 0
        cut = text.rfind(self._end) + 1
        if not cut:
            self._hold(text)
            return []
        complete = "".join((*self._rest, text[:cut]))
        self._rest, self._size = [], 0
        self._hold(text[cut:])
        return self._split(complete)

    def finish(self) -> list[str]:
        """What is left."""
        text, self._rest = "".join(self._rest), []
        if self._end is None:
            self._end = "\n" if "\n" in text else "\r"
        return self._split(text)

    def _hold(self, text: str) -> None:
        self._size += len(text)
        if self._size > MAX_LINE:
            raise ContentError(f"a line has over {MAX_LINE:,} characters")
        if text:
            self._rest.append(text)

    def _decide(self, text: str) -> None:
        if self._after_return and text:
            self._end = "\n" if text[0] == "\n" else "\r"
            return
        for match in self._pattern.finditer(text):
            found = match[0]
            if found[0] not in "\r\n":
                self._quoted = not self._quoted
            elif self._quoted and self._size + match.start() < UNDECIDED:
                continue
            elif found == "\r" and match.end() == len(text):
                self._after_return = True
            else:
                self._end = "\r" if found == "\r" else "\n"
                return

    def _split(self, text: str) -> list[str]:
        """Not str.splitlines: that also cuts at characters that are plain text to CSV."""
        assert self._end is not None
        lines = [line + self._end for line in text.split(self._end)]
        last = lines.pop()[:-1]
        return [*lines, last] if last else lines
