"""What one step does to one entity is counted: the elements that it goes through, and the bytes that it builds.

Payloads are long, operations and loops many: each alone is bounded, and so is their sum. What is counted is an estimate
that grows with the work; it is the same in every run, which the time that something takes is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.evaluation.limits import MAX_CHARACTERS, MAX_STEPS, LimitError, bounded_text

__all__ = ["SHORT", "Meter", "build", "go_through", "kept", "loop_key", "pieces", "same", "scanned", "weighed"]

Meter = list[int]
"""Of what one step does to one entity: the elements that were gone through, the bytes that were built."""

_BYTES: dict[type, int] = {str: 1, list: 8, tuple: 8, dict: 100}
"""What can be long, and roughly what each part of it costs."""
_PIECE = 60
"""Bytes of a list's element that is made with the list: a text, a number, a pair."""
SHORT = 200
"""Parts up to which something is not worth counting."""
_KEY_BITS = 66
"""Whole numbers up to here have at most 32 others with the same hash in Python: a payload cannot make many collide."""


def build(size: int, meter: Meter) -> None:
    """Count bytes. Raises LimitError."""
    meter[1] += size
    if meter[1] > MAX_CHARACTERS:
        raise LimitError(f"one entity's expressions build more than {MAX_CHARACTERS} bytes together")


def go_through(steps: int, meter: Meter) -> None:
    """Count elements, or work that takes as long. Raises LimitError."""
    meter[0] += steps
    if meter[0] > MAX_STEPS:
        raise LimitError(f"the loops go through more than {MAX_STEPS} elements")


def kept(value: Any, meter: Meter) -> Any:
    """What was built, counted where it is long. Raises LimitError, and EntityError for one text that is too long."""
    weight = _BYTES.get(type(value))
    if weight is not None and len(value) > SHORT:
        if weight == 1:
            bounded_text(value)
        build(weight * len(value), meter)
    return value


def pieces(value: Any, meter: Meter) -> Any:
    """A list whose elements were made with it, counted with them: the parts of a text, pairs, numbers."""
    if len(value) > 20:
        build(_PIECE * len(value), meter)
    return value


def scanned(value: Any, meter: Meter) -> Any:
    """What is searched or read through, counted as a part of the loops where it is long."""
    if type(value) in _BYTES and len(value) > SHORT:
        go_through(len(value) >> (8 if type(value) is str else 5), meter)
    return value


def weighed(value: Any, meter: Meter) -> Any:
    """What is read through with all that is in it, counted as a part of the loops where that is long."""
    kind = type(value)
    if kind is str:
        if len(value) > SHORT:
            go_through(len(value) >> 8, meter)
    elif kind in _BYTES and value:
        _weigh(value, meter)
    return value


def _weigh(value: Any, meter: Meter) -> None:
    parts, characters, waiting = 0, 0, [value]
    while waiting:
        inner = waiting.pop()
        parts += len(inner)
        if (parts >> 2) > MAX_STEPS:
            break
        for element in inner.values() if type(inner) is dict else inner:
            kind = type(element)
            if kind is str:
                characters += len(element)
            elif kind in _BYTES:
                waiting.append(element)
    if parts > SHORT or characters > SHORT:
        go_through((parts >> 2) + (characters >> 8), meter)


def same(left: Any, right: Any, meter: Meter) -> bool:
    """``left == right`` in a loop, counted where both are so long that the answer takes a while."""
    kind = type(left)
    if kind in _BYTES and type(right) is kind and len(left) == len(right) and left is not right:
        weighed(left, meter)
    return bool(left == right)


def loop_key(value: Any) -> Any:
    """The key that a loop gives to a field. Raises EntityError for numbers of which a payload could bring thousands
    that Python's dictionaries cannot tell apart quickly."""
    kind = type(value)
    if kind is str or (kind is int and value.bit_length() <= _KEY_BITS):
        return value
    if kind is int or kind is Decimal:
        raise EntityError("a number this long, or with a fraction, is not a key of an object; write text(…) around it")
    if isinstance(value, (list, tuple, Mapping)):
        raise EntityError("a list or an object is not a key of an object; name one of its fields")
    return value
