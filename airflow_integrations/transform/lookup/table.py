"""Tables of lookups: a CSV or JSON file, indexed by the columns that a route compares."""

from __future__ import annotations

import asyncio
import csv
import io
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from airflow_integrations.config.file_reference import FileReference
from airflow_integrations.errors import EntityError, OutageError, SetupError
from airflow_integrations.run import Run, Services
from airflow_integrations.transform import Place
from airflow_integrations.transform.json_file import MAX_FILE_BYTES, read_bounded, read_json
from airflow_integrations.transform.lookup.compared import Columns, compared, shown

__all__ = ["Table", "TableRows", "load_table"]

Table = dict[tuple[str, ...], Any]
"""Rows by the texts of the compared columns, in the order of the route's ``where``; lists where all are wanted."""
MOST_ROWS = 10_000
"""Of one key, where all rows are wanted."""


class TableRows:
    """The rows of a file, as the file is now: a live run looks before each batch whether it has changed."""

    def __init__(
        self, name: str, file: FileReference, columns: Columns, delimiter: str, place: Place, *, every: bool = False
    ) -> None:
        self._every = every
        self._name = name
        self._path = file.path
        self._text = file.text
        self._columns = columns
        self._delimiter = delimiter
        self._place = place
        self._state: tuple[int, ...] | None = None
        self._table: Table = {}
        self._live = False

    async def open(self, base: Mapping[str, Any], run: Run, services: Services) -> None:
        """Read the file. Raises SetupError where it is no such table."""
        self._live = run.kind == "live"
        self._load()

    def question(self, names: Mapping[str, Any]) -> tuple[str, ...] | None:
        return self._columns.key(names)

    async def find(self, questions: Collection[tuple[str, ...]]) -> Table:
        if self._live:
            await self._refresh()
        return self._table

    def nothing_found(self, question: tuple[str, ...]) -> str:
        return f"no {self._name} found for {', '.join(shown(self._columns.names, question))}"

    def waits(self, question: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        return ()

    def warnings(self) -> list[str]:
        return []

    def _load(self) -> None:
        try:
            state = self._state_now()  # before it is read: what is written meanwhile is read the next time
            self._table = load_table(self._path, self._columns.names, self._delimiter, every=self._every)
        except (ValueError, OSError) as error:
            raise SetupError(f"{self._place}: {self._text} {error}") from None
        self._state = state

    async def _refresh(self) -> None:
        """Read the file again where it has changed. Raises OutageError where it cannot be read as it is now: it may be
        about to be written."""
        try:
            if await asyncio.to_thread(self._state_now) != self._state:
                await asyncio.to_thread(self._load)
        except OSError as error:
            raise OutageError(f"{self._place}: {self._text} cannot be read: {error.strerror}") from None
        except SetupError as error:
            raise OutageError(f"{error}; the file has changed since the run began") from None

    def _state_now(self) -> tuple[int, ...]:
        """What is different in a file that was written or replaced."""
        found = os.stat(self._path)  # noqa: PTH116 - the fields are what is wanted
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def load_table(path: Path, columns: tuple[str, ...], delimiter: str = ",", *, every: bool = False) -> Table:
    """The file's rows by ``columns``. Rows with nothing in one of them can match nothing and are left out.

    ``every``: several rows may have a key. Raises ValueError (without the file's name) for what is not such a table,
    for two rows with equal keys, and for over 10,000 of them where all are wanted.
    """
    if path.is_file() and path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(
            f"has over {MAX_FILE_BYTES // 1024**2} MiB, and a file is held in memory: load it into a database's table "
            "with a route of its own (incoming.files, outgoing.sql), and write sql here instead of file"
        )
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
        if every:
            rows_of_key = table.setdefault(key, [])  # type: ignore[arg-type]
            if len(rows_of_key) >= MOST_ROWS:
                shown = ", ".join(f"{column} = {text}" for column, text in zip(columns, key, strict=True))
                raise ValueError(
                    f"{place}: over {MOST_ROWS:,} rows have the key {shown}; compare more columns in where"
                )
            rows_of_key.append(row)
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
                raise ValueError(f"item {index} is not an object")
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
