r"""Finds given texts in other texts, whatever escapings a server has put around their characters.

A server that repeats what it was sent may write ``a/b`` as ``a\/b``, ``a\u002fb``, ``a%2Fb`` or ``a&#x2f;b``, and any
of these inside another. So texts are not compared as they are written but as they read when every escaping is undone,
layer by layer, and what is found is hidden where it stands in the original. The work is linear in the text.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from html import escape, unescape
from urllib.parse import quote, quote_plus

__all__ = ["HIDDEN", "SHORTEST", "SecretFinder", "beginning"]

HIDDEN = "***"
SHORTEST = 4
"""Characters of a secret from which on it is looked for: shorter ones are part of everything."""
MARGIN = 4096
"""Characters behind the part of a text that is shown, which are read so that no secret is cut in halves."""

_LAYERS = 8
"""Of escapings that are undone at most."""
_FEW = 24
"""Up to so many forms each is looked for by itself; more of them share one pass."""
_CORE = 6
"""Characters of a piece of base64 from which on it says something."""
_RELEASED = re.compile(r"[+:'?*]")
"""What EDIFACT writes with its release character, ``O?'Neil``."""
_NESTED = re.compile(r"[\\%&]")
_ESCAPE = re.compile(
    r"""
      ((?:\\++x[0-9a-fA-F]{2})+|(?:%[0-9a-fA-F]{2})+)
    | \\++(?:u([0-9a-fA-F]{4})(?:\\++u([dD][c-fC-F][0-9a-fA-F]{2}))?|([^\\%&]))?
    | %u([0-9a-fA-F]{4})
    | &(?:\#[0-9]{1,8}|\#[xX][0-9a-fA-F]{1,7}|[A-Za-z][A-Za-z0-9]{1,31});
    """,
    re.VERBOSE | re.DOTALL,
)
_HALF = re.compile(r"(?:(?<!\\)\\++(?:u[0-9a-fA-F]{0,3}|x[0-9a-fA-F]?)?|%u?[0-9a-fA-F]{0,3}|&\#?[A-Za-z0-9]{0,31})\Z")
"""An escape that was cut off."""
_FLAT = str.maketrans("+\n\r\t\b\f", " nrtbf", "\"'`")
r"""Escapes of one character lose their backslash, so the characters they stand for become the same letter. A plus is a
space in a form. Quotes are dropped: CSV, SQL and shells double them."""


_DIGITS = str.maketrans("", "", "\\x%")
_LATIN = {0xDC00 + byte: byte for byte in range(0x80, 0x100)}
"""Bytes that are not UTF-8 are taken as Latin-1."""


class SecretFinder:
    """Knows secrets, and hides them in texts."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._forms: set[str] = set()
        self._starts: dict[str, list[int]] = {}
        self._shortest = 0
        self.add(*secrets)

    def __bool__(self) -> bool:
        return bool(self._forms)

    def __contains__(self, text: str) -> bool:
        """Whether it is one of the secrets."""
        return text in self._known

    def add(self, *secrets: str) -> None:
        """Know more of them. Those of fewer than SHORTEST characters are not looked for."""
        new = [secret for secret in secrets if len(secret) >= SHORTEST and secret not in self._known]
        if not new:
            return
        self._known.update(new)
        forms = {form for secret in new for form in _forms(secret)} - self._forms
        self._forms |= forms
        self._shortest = min(map(len, self._forms))
        lengths: dict[str, set[int]] = {}
        for form in self._forms:
            lengths.setdefault(form[:SHORTEST], set()).add(len(form))
        self._starts = {start: sorted(of, reverse=True) for start, of in lengths.items()}

    def hide(self, text: str) -> str:
        """The text with ``***`` in place of every secret, and of the beginning of one before an ellipsis at its end."""
        if not self._forms or (len(text) < self._shortest and not text.endswith("…")):
            return text
        spans = list(self._spans(text))
        ends = self._begun(text)
        if not spans and not ends and not any(map(self._any, _views(text))):
            return text
        for view, first, last in _tracked(text):
            spans += ((first[a], last[b - 1]) for a, b in self._spans(view))
        return _replaced(text, sorted([*spans, *ends]))

    def _any(self, view: str) -> bool:
        return next(self._spans(view), None) is not None

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        if len(self._forms) <= _FEW:
            for form in self._forms:
                at = text.find(form)
                while at >= 0:
                    yield at, at + len(form)
                    at = text.find(form, at + len(form))
            return
        starts = self._starts
        for at in range(len(text) - SHORTEST + 1):
            lengths = starts.get(text[at : at + SHORTEST])
            if lengths is not None:
                for length in lengths:
                    if text[at : at + length] in self._forms:
                        yield at, at + length
                        break

    def _begun(self, text: str) -> list[tuple[int, int]]:
        """Where the text was cut, what may be the beginning of a secret."""
        if not text.endswith("…"):
            return []
        skipped = max(0, len(text) - MARGIN)
        for tail in (text[skipped:-1], _HALF.sub("", text[skipped:-1])):
            for view, first, _ in (_as_it_is(tail), *_tracked(tail)):
                found = [at for form in self._forms if (at := _begins(view, form)) is not None]
                if found:
                    return [(skipped + first[min(found)], len(text) - 1)]
        return []


def beginning(content: bytes, length: int) -> tuple[bytes, bool]:
    """The first bytes to hide secrets in before ``length`` of them are shown, and whether there are more.

    Where there are, show nothing of the last MARGIN characters: a secret may be cut off there.
    """
    return content[: length + MARGIN], len(content) > length + MARGIN


def _forms(secret: str) -> Iterator[str]:
    """All that is looked for because of one secret."""
    yield secret
    plain = secret.encode("utf-8", "surrogatepass")
    variants = [secret, " ".join(secret.split())]
    if not secret.isprintable():
        variants.append("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in variants[1]))
    if _RELEASED.search(secret):
        variants.append(_RELEASED.sub(r"?\g<0>", secret))
    if not secret.isascii():
        variants.append(plain.decode("latin-1"))  # a server that took the bytes of a header as Latin-1
    for variant in variants:
        *_, read = _views(variant)
        yield from (form for form in (_flat(variant), read) if len(form) >= SHORTEST)
    if len(_flat(secret)) < SHORTEST:  # nothing but escapes and quotes
        yield from (json.dumps(secret)[1:-1], escape(secret), quote(secret, safe="", errors="replace"))
        yield quote_plus(secret, errors="replace")
    for skipped in range(3):
        yield from _base64_cores(plain, skipped)


def _base64_cores(plain: bytes, skipped: int) -> Iterator[str]:
    """The characters that stand for these bytes in any base64 where ``skipped`` bytes of a group come before them."""
    written = b64encode(bytes(skipped) + plain).decode("ascii")
    core = written[-(-8 * skipped // 6) : (8 * (skipped + len(plain))) // 6]
    if len(core) >= _CORE:
        yield from {_flat(core), core.replace("+", "-").replace("/", "_")}


def _views(text: str) -> Iterator[str]:
    """As it reads when one layer of escapings after the other is undone; the last one is flat."""
    yield _flat(text)
    for _ in range(_LAYERS):
        if not _NESTED.search(text):
            break
        before, text = text, _ESCAPE.sub(_meant, text)
        if text == before:
            break
        yield text
    yield _flat(text)


def _flat(text: str) -> str:
    return text.translate(_FLAT)


_Tracked = tuple[str, list[int], list[int]]
"""A view, and for each of its characters where in the original that begins and ends which stands for it."""


def _as_it_is(text: str) -> _Tracked:
    return text, list(range(len(text))), list(range(1, len(text) + 1))


def _tracked(text: str) -> Iterator[_Tracked]:
    """The same as :func:`_views`."""
    view, first, last = _as_it_is(text)
    yield _flattened(view, first, last)
    for _ in range(_LAYERS):
        if not _NESTED.search(view):
            break
        before, (view, first, last) = view, _undone(view, first, last)
        if view == before:
            break
        yield view, first, last
    yield _flattened(view, first, last)


def _flattened(view: str, first: list[int], last: list[int]) -> _Tracked:
    kept = [at for at, char in enumerate(view) if ord(char) not in _FLAT or _FLAT[ord(char)] is not None]
    return _flat(view), [first[at] for at in kept], [last[at] for at in kept]


def _undone(text: str, first: list[int], last: list[int]) -> _Tracked:
    parts, firsts, lasts, done = list[str](), list[int](), list[int](), 0
    for found in _ESCAPE.finditer(text):
        start, end = found.span()
        meant = _meant(found)
        parts += (text[done:start], meant)
        firsts += first[done:start] + [first[start]] * len(meant)
        lasts += last[done:start] + [last[end - 1]] * len(meant)
        done = end
    parts.append(text[done:])
    return "".join(parts), firsts + first[done:], lasts + last[done:]


def _meant(found: re.Match[str]) -> str:
    encoded, four, low, one, wide = found.groups()
    if low is not None and 0xD800 <= (high := int(four, 16)) < 0xDC00:
        return chr(0x10000 + ((high - 0xD800) << 10) + int(low, 16) - 0xDC00)
    if four is not None:
        return chr(int(four, 16)) + ("" if low is None else chr(int(low, 16)))
    if wide is not None:
        return chr(int(wide, 16))
    if one is not None:
        return one
    if encoded is not None:
        return bytes.fromhex(encoded.translate(_DIGITS)).decode("utf-8", "surrogateescape").translate(_LATIN)
    return unescape(found[0]) if found[0][0] == "&" else ""


def _begins(text: str, form: str) -> int | None:
    """Where the text ends with the beginning of a form."""
    at = text.find(form[:SHORTEST], max(0, len(text) - len(form)))
    while at >= 0:
        if form.startswith(text[at:]):
            return at
        at = text.find(form[:SHORTEST], at + 1)
    return None


def _replaced(text: str, spans: list[tuple[int, int]]) -> str:
    parts, done = list[str](), 0
    for start, end in spans:
        if start >= done:
            parts += (text[done:start], HIDDEN)
        done = max(done, end)
    parts.append(text[done:])
    return "".join(parts)
