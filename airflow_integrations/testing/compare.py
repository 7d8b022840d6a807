"""Differences between what a test expects and what came, one line each."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from airflow_integrations.formats.json import encode

__all__ = ["differences", "shown"]

_LONGEST = 200


def shown(value: Any) -> str:
    """A value as JSON on one line, cut where it is long."""
    text = encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"


def differences(expected: Any, got: Any, *, partial: bool = False, place: str = "") -> Iterator[str]:
    """``Lines[0].Quantity: expected 2, got 3`` for every difference; nothing where there is none.

    Numbers are compared by value (1.10 equals 1.1), and never equal a text or true and false. With ``partial``,
    objects may have fields that are not expected; lists must have the expected length all the same.
    """
    if isinstance(expected, dict) and isinstance(got, dict):
        yield from _objects(expected, got, partial, place)
    elif isinstance(expected, (list, tuple)) and isinstance(got, (list, tuple)):
        yield from _lists(expected, got, partial, place)
    elif not _equal(expected, got):
        yield f"{_at(place)}expected {shown(expected)}, got {shown(got)}"


def _at(place: str) -> str:
    return f"{place}: " if place else ""


def _equal(expected: Any, got: Any) -> bool:
    numbers = (int, Decimal)
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, numbers) and isinstance(got, numbers):
        return expected == got
    return type(expected) is type(got) and bool(expected == got)


def _objects(expected: dict[str, Any], got: dict[str, Any], partial: bool, place: str) -> Iterator[str]:
    for name, value in expected.items():
        inner = f"{place}.{name}" if place else str(name)
        if name in got:
            yield from differences(value, got[name], partial=partial, place=inner)
        else:
            yield f"{inner}: expected {shown(value)}, but the field is missing"
    if not partial:
        for name in got:
            if name not in expected:
                yield f"{f'{place}.{name}' if place else name}: not expected, got {shown(got[name])}"


def _lists(expected: Any, got: Any, partial: bool, place: str) -> Iterator[str]:
    for index, (wanted, came) in enumerate(zip(expected, got, strict=False)):
        yield from differences(wanted, came, partial=partial, place=f"{place}[{index}]")
    for index in range(len(got), len(expected)):
        yield f"{place}[{index}]: expected {shown(expected[index])}, but there is none"
    for index in range(len(expected), len(got)):
        yield f"{place}[{index}]: not expected, got {shown(got[index])}"
