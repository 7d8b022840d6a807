"""The records of a JSON document that cannot be decoded as a whole: a broken one must not hold back the others."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from airflow_integrations.formats import ContentError, bad_record
from airflow_integrations.formats.json import read

__all__ = ["separated"]

MAX_RECORDS = 1_000_000
"""Of a document that is taken apart."""
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+("?)|[{}\[\],:]', re.DOTALL)
"""A string, closed or up to the end of the content, or what structures a document. All else is inside of a value."""
_PAIRS = {b"}": b"{", b"]": b"["}
_valid = msgspec.json.Decoder(msgspec.Raw).decode


def separated(content: bytes, path: tuple[str, ...]) -> tuple[Any, list[Any]] | None:
    """``(the document with an empty list at path, its records)``; each record is ``msgspec.Raw``, or a BadRecord. One
    with half of a surrogate pair in a text is a decoded value: a decoder that skips over it would refuse its bytes.

    None where brackets do not match, where there is no list at ``path``, or where what is around it cannot be decoded:
    then nobody knows where a record ends. Work is linear in the content.
    """
    found = _elements(content, path)
    if found is None:
        return None
    start, cuts = found
    try:
        document = read(content[:start] + content[cuts[-1] :])
    except ContentError:
        return None
    at = document
    for name in path:
        at = at.get(name) if isinstance(at, dict) else None
    if at != []:  # another list of that name came behind it, and counts
        return None
    pieces = [content[begin:end] for begin, end in zip([start, *(cut + 1 for cut in cuts)], cuts, strict=False)]
    if len(pieces) == 1 and not pieces[0].strip():
        pieces = []
    if not all(map(bytes.strip, pieces)):  # a comma too many: is there a record missing?
        return None
    return document, [_record(number, piece.strip()) for number, piece in enumerate(pieces, 1)]


def _record(number: int, piece: bytes) -> Any:
    try:
        if not piece.isascii():
            piece.decode()
        _valid(piece)
    except (ValueError, RecursionError):
        try:
            return read(piece)
        except ContentError as error:
            return bad_record(f"record {number}: {error}", piece.decode("utf-8", "backslashreplace"))
    return msgspec.Raw(piece)


def _elements(content: bytes, path: tuple[str, ...]) -> tuple[int, list[int]] | None:
    """Where the list at ``path`` begins, behind its bracket, and where each of its elements ends."""
    if content[:512].lstrip()[:1] not in (b"{", b"["):
        return None
    stack: list[bytes] = []
    level, wanted, key = 0, not path, b""
    """How many brackets are open that lead to the list; whether the next value is the one that leads on."""
    for match in _TOKEN.finditer(content):
        token = match[0]
        if token[:1] == b'"':
            if not match[1]:
                return None
            key, wanted = token, False
        elif token in (b"{", b"["):
            if token == b"[" and wanted and level == len(path):
                return _ends(content, match.end())
            if token == b"{" and level == len(stack) < len(path) and (wanted or not stack):
                level += 1
            wanted = False
            stack.append(token)
        elif token == b":":
            wanted = 0 < level == len(stack) and _is_name(key, path[level - 1])
        elif token == b",":
            wanted = False
        elif not stack or stack.pop() != _PAIRS[token]:
            return None
        else:
            wanted, level = False, min(level, len(stack))
    return None


def _ends(content: bytes, start: int) -> tuple[int, list[int]] | None:
    stack: list[bytes] = []
    cuts: list[int] = []
    for match in _TOKEN.finditer(content, start):
        token = match[0]
        if token[:1] == b'"':
            if not match[1]:
                return None
        elif token in (b"{", b"["):
            stack.append(token)
        elif token == b",":
            if not stack:
                cuts.append(match.start())
                if len(cuts) > MAX_RECORDS:
                    return None
        elif token != b":":
            if stack:
                if stack.pop() != _PAIRS[token]:
                    return None
            elif token == b"]":
                return start, [*cuts, match.start()]
            else:
                return None
    return None


def _is_name(key: bytes, name: str) -> bool:
    try:
        return bool(read(key) == name)
    except ContentError:
        return False
