"""JSON files that a route names, read strictly: a name twice in one object is a mistake, numbers are exact."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["MAX_FILE_BYTES", "read_bounded", "read_json"]

MAX_FILE_BYTES = 64 * 1024 * 1024
"""A table or schema is held in memory; a bigger table belongs into a database."""


def read_bounded(path: Path) -> bytes:
    """The file's bytes. Raises ValueError where it cannot be read or is larger than 64 MiB."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    if len(content) > MAX_FILE_BYTES:
        raise ValueError("is larger than 64 MiB")
    return content


def read_json(path: Path) -> Any:
    """The file's one document. Raises ValueError that says where it is not JSON, without the file's name."""
    try:
        return json.loads(
            read_bounded(path).decode("utf-8-sig"),
            object_pairs_hook=_without_duplicates,
            parse_float=Decimal,
            parse_constant=_refused,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8: byte {error.start}") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"has {twice!r} twice in one object")
    return found


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"holds {constant}, which is not JSON")
