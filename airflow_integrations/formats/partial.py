"""Reads a few fields of a JSON document, or cuts its records out, without making objects of all the rest.

The parts that are not wanted are passed over by the parser. Everything here is an attempt: it gives None where the
document is not as expected, and the caller then decodes all of it, which also gives the precise error.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, TypedDict

import msgspec

from airflow_integrations.formats.json import BOUNDED_DECIMAL, has_too_many_values, read

__all__ = ["Cutter", "PartReader", "partial_decoder"]

Path = tuple[str, ...]
_Tree = dict[str, Any]


def partial_decoder(
    fields: Iterable[Path], *, records: Path | None = None, several: bool = False
) -> msgspec.json.Decoder[Any] | None:
    """A decoder that gives dictionaries with only these fields, in their places; with ``several`` a list of them.

    ``records`` is the path of a list whose elements are given as ``msgspec.Raw``. None where the paths contradict each
    other: one reads what another only passes through, or reaches into the records.
    """
    return _decoder(tuple(fields), records, several)


@lru_cache(maxsize=256)
def _decoder(fields: tuple[Path, ...], records: Path | None, several: bool) -> msgspec.json.Decoder[Any] | None:
    """Kept: making one takes as long as reading some hundred small records, and each leaves a class behind."""
    tree: _Tree = {}
    leaf = list[msgspec.Raw]
    wanted: list[tuple[Path, Any]] = [(path, Any) for path in sorted(fields, key=len)]
    if records is not None:
        wanted.insert(0, (records, leaf))
    for path, kind in wanted:
        if not path:
            return msgspec.json.Decoder(leaf) if len(wanted) == 1 and kind is leaf else None
        at = tree
        for step in path[:-1]:
            at = at.setdefault(step, {})
            if not isinstance(at, dict):
                break  # a shorter path takes it as a whole
        else:
            if isinstance(at.get(path[-1]), dict):
                return None
            if path[-1] in at and (kind is leaf or at[path[-1]] is leaf):
                return None
            at[path[-1]] = kind
            continue
        if at is leaf:
            return None
    return msgspec.json.Decoder(list[_typed(tree)] if several else _typed(tree), float_hook=BOUNDED_DECIMAL)  # type: ignore[misc]


def _typed(tree: _Tree) -> Any:
    members = {name: (_typed(inner) | None if isinstance(inner, dict) else inner) for name, inner in tree.items()}
    return TypedDict("Partial", members, total=False)  # type: ignore[operator]


class PartReader:
    """Gives records as values. Of one that is still JSON only ``fields`` are decoded; None: all of it is."""

    def __init__(self, fields: Iterable[Path] | None) -> None:
        fields = None if fields is None else tuple(fields)
        self._partial = None if fields is None else partial_decoder(fields)
        self._several = None if fields is None else partial_decoder(fields, several=True)

    def value(self, record: Any) -> Any:
        """Raises ContentError for a record whose JSON is broken inside."""
        if type(record) is not msgspec.Raw:
            return record
        if self._partial is not None:
            try:
                return self._partial.decode(record)
            except (ValueError, RecursionError, ArithmeticError):
                pass  # not an object where one is expected: all of it is decoded, for the precise error
        return read(bytes(record))

    def values(self, records: Sequence[msgspec.Raw]) -> list[dict[str, Any]] | None:
        """All in one go; None where one of them is not as expected."""
        if self._several is None:
            return None
        try:
            values = self._several.decode(b"[%b]" % b",".join(records))
        except (ValueError, RecursionError, ArithmeticError):
            return None
        return values if len(values) == len(records) else None


class Cutter:
    """Takes an answer apart into its records, each still JSON, and the fields that are read besides."""

    def __init__(self, decoder: msgspec.json.Decoder[Any], records: Path) -> None:
        self._decoder = decoder
        self._records = records

    @classmethod
    def make(cls, records: Path, besides: Iterable[Path]) -> Cutter | None:
        """For records at ``records`` (``()`` where the document is the list) and the fields read ``besides``."""
        decoder = partial_decoder(besides, records=records)
        return None if decoder is None else cls(decoder, records)

    def cut(self, content: bytes) -> tuple[Any, list[msgspec.Raw]] | None:
        """``(the document with only what is read, its records)``; None where it is not as expected."""
        if has_too_many_values(content):
            return None
        try:
            if not content.isascii():
                content.decode()  # what is passed over is not looked at, but everything must be UTF-8
            body = self._decoder.decode(content)
        except (ValueError, RecursionError, ArithmeticError):
            return None
        records: Any = body
        for step in self._records:
            if type(records) is not dict:
                return None
            records = records.get(step)
        return (body, records) if type(records) is list else None
