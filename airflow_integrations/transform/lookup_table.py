"""Tables of lookups: a CSV or JSON file, indexed by the columns that a route compares."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.bounds import plain_digits
from airflow_integrations.transform.json_file import read_bounded, read_json

__all__ = ["Table", "compared", "load_table"]

Table = dict[tuple[str, ...], dict[str, Any]]
"""Rows by the texts of the compared columns, in the order of the route's ``where``."""


def compared(value: Any) -> str | None:
    """A value as lookups compare it: texts and numbers as they are written, so ``1`` is ``"1"`` but not ``1.0``.

    None for null: it matches nothing. Raises EntityError for objects and lists.
    """
    if value is None or type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return plain_digits(value)
    raise EntityError(f"a lookup compares texts and numbers, not {type(value).__name__}")


def load_table(path: Path, columns: tuple[str, ...], delimiter: str = ",") -> Table:
    """The file's rows by ``columns``. Rows with nothing in one of them can match nothing and are left out.

    Raises ValueError (without the file's name) for what is not such a table, and for two rows with equal keys.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        rows = _csv_rows(path, columns, delimiter)
    elif suffix == ".json":
        rows = _json_rows(path, columns)
    else:
        raise ValueError(f"is neither .csv nor .json but {suffix or 'without an ending'}")
    table: Table = {}
    places: dict[tuple[str, ...], str] = {}
    for place, row in rows:
        try:
            key = tuple(compared(row[column]) for column in columns)
        except EntityError as error:
            raise ValueError(f"{place}: {error.reason}") from None
        if None in key:
            continue
        if key in table:
            shown = ", ".join(f"{column} = {text}" for column, text in zip(columns, key, strict=True))
            raise ValueError(f"{place} has the same key as {places[key]}: {shown}; each key may be there once")  # type: ignore[index]
        table[key] = row  # type: ignore[index]
        places[key] = place  # type: ignore[index]
    return table


def _csv_rows(path: Path, columns: tuple[str, ...], delimiter: str) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        text = read_bounded(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8: byte {error.start}") from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = next(reader, [])
        _check_header(header, columns, delimiter)
        for cells in reader:
            if not cells:
                continue  # an empty line
            if len(cells) != len(header):
                raise ValueError(f"line {reader.line_num} has {len(cells)} columns, the header has {len(header)}")
            yield f"line {reader.line_num}", dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num} is not CSV: {error}") from None


def _check_header(header: list[str], columns: tuple[str, ...], delimiter: str) -> None:
    if not header:
        raise ValueError("has no header line with the names of the columns")
    for name in header:
        if header.count(name) > 1:
            raise ValueError(f"has two columns {name!r}")
    for column in columns:
        if column not in header:
            hint = "; is the delimiter another one?" if len(header) == 1 else ""
            raise ValueError(f"has no column {column!r}, only {', '.join(header)} (delimiter {delimiter!r}{hint})")


def _json_rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    document = read_json(path)
    if isinstance(document, list):
        for index, row in enumerate(document):
            if not isinstance(row, dict):
                raise ValueError(f"item {index} is no object")
            if missing := [column for column in columns if column not in row]:
                raise ValueError(f"item {index} has no {missing[0]!r}")
            yield f"item {index}", row
    elif isinstance(document, dict):
        if len(columns) != 1:
            raise ValueError("is one object by key, so where has exactly one column; a list of objects may have more")
        for key, value in document.items():
            yield (
                repr(key),
                {**value, columns[0]: key} if isinstance(value, dict) else {columns[0]: key, "value": value},
            )
    else:
        raise ValueError("is neither a list of objects nor an object")
