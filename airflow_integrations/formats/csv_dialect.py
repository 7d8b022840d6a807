"""A route's CSV dialect in terms of Python's csv module: what that lacks is translated back and forth."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from airflow_integrations.formats import ContentError
from airflow_integrations.formats.options import CsvOptions

__all__ = ["CsvDialect"]

DELIMITER, NULL = "\ufdd0", "\ufdd1"
"""Stand for a delimiter of several characters, and for null. Unicode keeps them for use inside of programs."""


class CsvDialect:
    """How lines become values. A delimiter of several characters is one character for the csv module, and itself
    again where it stood inside of quotes."""

    def __init__(self, options: CsvOptions) -> None:
        self._long = options.delimiter if len(options.delimiter) > 1 else None
        self._null = options.escape + "N" if options.escape else None
        self._escaped = re.compile(re.escape(options.escape or "") + "(.)", re.DOTALL)
        self._blank_quote: re.Pattern[str] | None = None
        self.quote = options.quote
        self.comment = self._short(options.comment) if options.comment else None
        """What begins a row that is not read, as it stands in :meth:`prepared` lines."""
        self.arguments: dict[str, Any] = {
            "delimiter": DELIMITER if self._long else options.delimiter,
            "quotechar": options.quote,
            "quoting": csv.QUOTE_MINIMAL if options.quote else csv.QUOTE_NONE,
            "escapechar": options.escape,
            "skipinitialspace": options.skip_blanks,
            "strict": True,
        }
        if options.quote and not options.skip_blanks:
            delimiter, quote = re.escape(self.arguments["delimiter"]), re.escape(options.quote)
            self._blank_quote = re.compile(f"(?:^|{delimiter})[ \t]+{quote}")
        self.translates = bool(self._long or self._null)
        """Whether :meth:`prepared` lines differ from what came."""

    def prepared(self, lines: list[str]) -> list[str]:
        """Lines as the csv module takes them. Raises ContentError for characters that are not text."""
        return [self._prepared(line) for line in lines] if self.translates else lines

    def value(self, text: str) -> str | None:
        """A value that the csv module read from prepared lines."""
        if text == NULL:
            return None
        return self.restored(text) if NULL not in text else self.restored(text.replace(NULL, "N"))

    def restored(self, text: str) -> str:
        """Prepared text as it came."""
        if self._long:
            text = text.replace(DELIMITER, self._long)
        return text.replace(NULL, self._null) if self._null else text

    def may_be_misread(self, before: str, text: str) -> bool:
        """Whether a row in this text, which came as it is behind another, may have a :meth:`fault`."""
        if self._blank_quote is None or self.quote is None:
            return False
        return (
            f" {self.quote}" in text or f"\t{self.quote}" in text or (before in (" ", "\t") and text[0] == self.quote)
        )

    def fault(self, row: list[str], text: str) -> str | None:
        """Why a row, of this text, would be misread: a quote behind a blank quotes nothing for the csv module."""
        if self._blank_quote is None or not self._blank_quote.search(text):
            return None
        quote = self.quote or ""
        odd = [
            at for at, value in enumerate(row) if value.lstrip(" \t").startswith(quote) and not value.startswith(quote)
        ]
        if not odd:
            return None
        try:  # a value that is itself quoted may well begin with both
            blanks = text if self.arguments["delimiter"] == "\t" else text.replace("\t", " ")
            source = io.StringIO(blanks, newline="")
            other = next(csv.reader(source, **{**self.arguments, "skipinitialspace": True}))
        except csv.Error:
            other = []
        if len(other) == len(row) and all(other[at] == row[at].replace("\t", " ") for at in odd):
            return None
        return "a value begins with a blank and a quote; say csv: {skip_blanks: true}, or correct it in the source"

    def _prepared(self, line: str) -> str:
        if DELIMITER in line or NULL in line:
            raise ContentError("the CSV holds U+FDD0 or U+FDD1, which are not characters (Unicode §23.7)")
        if self._null and self._null in line:
            null = self._null
            line = self._escaped.sub(lambda found: NULL if found[0] == null else found[0], line)
        return self._short(line)

    def _short(self, text: str) -> str:
        return text.replace(self._long, DELIMITER) if self._long else text
