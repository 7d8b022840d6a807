"""Plain data as YAML that reads well: blocks, and every text in quotes that could be taken for something else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from airflow_integrations.formats.json import encode
from airflow_integrations.route_files.scalars import ScalarError, resolve

__all__ = ["yaml_text"]

_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""Characters that JSON leaves as they are and YAML does not allow, or takes for the end of a line."""
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")


def yaml_text(value: Any) -> str:
    """Reading it again gives the same data, numbers exact."""
    return "\n".join(_lines(value, "")) + "\n"


def _lines(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            head = f"{indent}{_scalar(str(name))}:"
            if _is_block(inner):
                yield head
                yield from _lines(inner, indent + "  ")
            else:
                yield f"{head} {_flow(inner)}"
    elif isinstance(value, (list, tuple)) and value:
        for inner in value:
            if _is_block(inner):
                first, *rest = _lines(inner, indent + "  ")
                yield f"{indent}- {first.lstrip()}"
                yield from rest
            else:
                yield f"{indent}- {_flow(inner)}"
    else:
        yield indent + _flow(value)


def _is_block(value: Any) -> bool:
    return isinstance(value, (dict, list, tuple)) and bool(value)


def _flow(value: Any) -> str:
    if isinstance(value, str):
        return _scalar(value)
    if value is None or isinstance(value, (bool, int, Decimal, dict, list, tuple)):
        return encode(value).decode()  # of containers only empty ones
    raise TypeError(f"{type(value).__name__} is not JSON data")


def _scalar(text: str) -> str:
    try:
        plain = _PLAIN.fullmatch(text) is not None and resolve(text) == text
    except ScalarError:
        plain = False
    if plain:
        return text
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", encode(text).decode())
