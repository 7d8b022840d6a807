"""How Parquet is read and written."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from airflow_integrations.config.model import Model

__all__ = ["DECIMAL", "ParquetOptions", "ParquetOutput"]

_Name = Annotated[str, Field(min_length=1, max_length=1000)]
_SIMPLE = (
    "string", "json", "binary", "boolean", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float", "double", "date", "time", "timestamp", "local_timestamp",
)  # fmt: skip
DECIMAL = re.compile(r"decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)")
MAX_DEPTH, MAX_FIELDS = 50, 10_000


def _checked(columns: Any) -> Any:
    """The types of columns: texts, lists of one type, and objects of types by field. Raises ValueError."""
    left = [MAX_FIELDS]
    for name, kind in columns.items():
        _check(kind, name, 1, left)
    return columns


def _check(kind: Any, place: str, depth: int, left: list[int]) -> None:
    left[0] -= 1
    if left[0] < 0 or depth > MAX_DEPTH:
        raise ValueError(f"columns has over {MAX_FIELDS:,} fields, or is nested over {MAX_DEPTH} deep")
    if isinstance(kind, dict) and kind and all(isinstance(name, str) and name for name in kind):
        for name, inner in kind.items():
            _check(inner, f"{place}.{name}", depth + 1, left)
        return
    if isinstance(kind, (list, tuple)) and len(kind) == 1:
        _check(kind[0], f"{place}[]", depth + 1, left)
        return
    if isinstance(kind, str):
        if kind in _SIMPLE:
            return
        found = DECIMAL.fullmatch(kind)
        if found is not None and 1 <= int(found[1]) <= 76 and int(found[2]) <= int(found[1]):
            return
    raise ValueError(
        f"{place}: {kind!r} is not a type. Write one of {', '.join(_SIMPLE)}, decimal(18, 2) with at most 76 digits, "
        "[type] for a list, or {field: type} for an object"
    )


class ParquetOptions(Model):
    """How Parquet becomes records.

    Example:
        columns: [sku, price]
    """

    columns: Annotated[tuple[_Name, ...], Field(min_length=1, max_length=10_000)] | None = None
    """The columns that are read. Left out: all.

    Example: ``columns: [sku, price]``
    Since: 0.2
    """


class ParquetOutput(Model):
    """How Parquet is written.

    Example:
        columns:
          id: int64
          total: decimal(18, 2)
          created: timestamp
          lines: [{sku: string, quantity: int32}]
    """

    columns: Annotated[dict[_Name, Any], Field(min_length=1), AfterValidator(_checked)] | None = None
    """The columns and their types: ``string``, ``json``, ``binary`` (base64), ``boolean``, ``int8`` to ``int64``,
    ``uint8`` to ``uint64``, ``decimal(18, 2)``, ``float``, ``double``, ``date``, ``time``, ``timestamp`` (a moment:
    text with its offset), ``local_timestamp`` (text without one); ``[type]`` is a list, and ``{field: type}`` an
    object. Left out: what the entities of the first row group have, whole numbers as ``int64``, others as ``decimal``.

    Example: ``columns: {id: int64, total: "decimal(18, 2)", tags: [string]}``
    Since: 0.2
    """
    compression: Literal["zstd", "snappy", "gzip", "none"] = "zstd"
    """How pages are packed.

    Example: ``compression: snappy``
    Since: 0.2
    """
    rows: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 20_000
    """The most rows of a row group, which is held in memory until it is written. It ends sooner at 32 MB.

    Example: ``rows: 5000``
    Since: 0.2
    """
