"""Texts for an unknown word: what was probably meant, and what is allowed."""

from __future__ import annotations

import difflib
from typing import Any

__all__ = ["by_word", "continued", "suggestion", "unknown"]


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
    shown = word if len(word) <= 60 else word[:57] + "…"
    return f"unknown {what} {shown!r}{continued(word, allowed, of=of)}"


def by_word(*rows: tuple[str, str]) -> dict[str, str]:
    """A table of remedies: each word of a row's first text to its second."""
    return {word: remedy for words, remedy in rows for word in words.split()}
