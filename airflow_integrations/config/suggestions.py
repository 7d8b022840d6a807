"""Words of messages: what was found, what was probably meant, and what is allowed."""

from __future__ import annotations

import difflib
from decimal import Decimal
from typing import Any

__all__ = ["by_word", "continued", "described", "shortened", "suggestion", "unknown"]


def suggestion(word: str, allowed: Any, *, of: str = "One of") -> str:
    """`` did you mean 'cursor'? One of: cursor, link, …`` for an error about an unknown word."""
    names = sorted(map(str, allowed))
    folded = {name.lower(): name for name in reversed(names)}
    close = [word] if word in names else difflib.get_close_matches(word.lower(), folded, n=1)
    guess = f"did you mean {folded.get(close[0], close[0])!r}? " if close else ""
    return f"{guess}{of}: {', '.join(names) or '(none)'}"


def continued(word: str, allowed: Any, *, of: str = "One of") -> str:
    """What follows an error about an unknown word: ``, did you mean 'cursor'? One of: …``, or ``. One of: …``."""
    hint = suggestion(word, allowed, of=of)
    return f"{', ' if hint.startswith('did you') else '. '}{hint}"


def unknown(what: str, word: str, allowed: Any, *, of: str = "One of") -> str:
    """``unknown style 'cusor', did you mean 'cursor'? One of: cursor, link, …``: a whole message."""
    return f"unknown {what} {shortened(word)!r}{continued(word, allowed, of=of)}"


def by_word(*rows: tuple[str, str]) -> dict[str, str]:
    """A table of remedies: each word of a row's first text to its second."""
    return {word: remedy for words, remedy in rows for word in words.split()}


def described(value: Any) -> str:
    """What stands in the file, cut short."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, (int, Decimal)):
        return f"the number {shortened(str(value))}"
    return f"the text {shortened(str(value))!r}" if isinstance(value, str) else type(value).__name__


def shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"
