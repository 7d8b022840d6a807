"""The lines of segments: how an entity is written between stages, and read back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from airflow_integrations.entity import Entity
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import BOUNDED_DECIMAL, decode, encode, encode_lines, read
from airflow_integrations.formats.unwritable_json import NOT_JSON

__all__ = [
    "THIN",
    "Later",
    "Problem",
    "encode_carried",
    "encode_deletion",
    "encode_fetched",
    "encode_fetched_together",
    "encode_problem",
    "encode_staged",
    "encode_staged_together",
    "key_of_line",
    "read_entities",
    "read_fetched",
    "read_problems",
    "transformed_lines",
]


THIN = "details"
"""``Problem.field`` of a record that only says which it is, because its details could not be had."""


class _Fetched(msgspec.Struct, array_like=True):
    key: str
    version: str | None
    value: Any


class _Transformed(msgspec.Struct, array_like=True):
    key: str
    version: str | None
    value: msgspec.Raw
    source: msgspec.Raw = msgspec.Raw()  # msgspec 0.22 reads nothing but null where it says Raw | None
    found: msgspec.Raw = msgspec.Raw()
    deleted: bool = False
    batch: str | None = None


class Later(msgspec.Struct, frozen=True, array_like=True):
    """When an entity that is *retrying* goes through transform again."""

    attempts: int
    """How often it has been through, this time included."""
    since: float
    next_attempt: float
    waits: tuple[tuple[str, str], ...] = ()
    """Route and key of entities for whose delivery it waits."""


class Problem(msgspec.Struct):
    """An entity that was rejected, failed or has to wait: kept beside the run's segments and shown to people."""

    key: str
    stage: str
    status: str
    reason: str
    field: str | None = None
    value: Any = None
    source: Any = None
    http_status: int | None = None
    ordinal: int | None = None
    version: str | None = None
    later: Later | None = None


_fetched = msgspec.json.Decoder(_Fetched, float_hook=BOUNDED_DECIMAL)
_transformed = msgspec.json.Decoder(_Transformed)
transformed_lines = _transformed.decode_lines
"""A block of lines of transform, taken apart; value, source and found are still JSON."""
_problems = msgspec.json.Decoder(Problem, float_hook=Decimal)


def encode_fetched(key: str, version: str | None, record: Any) -> bytes:
    """One line of fetch. A record that is still JSON goes in as it is, on one line."""
    if type(record) is msgspec.Raw:
        raw = bytes(record)
        if b"\n" in raw:
            record = msgspec.Raw(msgspec.json.format(raw, indent=-1))
    return _sound(encode((key, version, record)))


def encode_fetched_together(lines: Sequence[tuple[str, str | None, msgspec.Raw]]) -> bytes | None:
    """Lines of fetch, key, version and record of each, a newline between them. None where one needs a look by itself:
    it cannot be written, or its JSON goes over several lines."""
    try:
        block = encode_lines(lines)
    except NOT_JSON:
        return None
    return block[:-1] if block.count(b"\n") == len(lines) else None


def encode_problem(problem: Problem) -> bytes:
    """One line about a problem. A value that is not JSON is kept as text."""
    if type(problem.value) is msgspec.Raw:
        problem = msgspec.structs.replace(problem, value=_value_or_text(bytes(problem.value)))
    try:
        return encode(problem)
    except NOT_JSON:
        value, source = _as_text(problem.value), _as_text(problem.source)
        return encode(msgspec.structs.replace(problem, value=value, source=source))


def _value_or_text(raw: bytes) -> Any:
    try:
        return read(raw)
    except ContentError:
        return raw.decode("utf-8", "replace")


def _as_text(value: Any) -> str | None:
    try:
        return None if value is None else json.dumps(value, default=str)
    except NOT_JSON:
        return None


def encode_staged(entity: Entity, keep: Callable[[Entity], tuple[Any, Any]] | None = None) -> bytes:
    """One line of transform: ``[key, version, value]``, and what ``keep`` gives: ``source`` and ``found``."""
    if keep is None:
        return _sound(encode((entity.key, entity.version, entity.value)))
    return _sound(encode((entity.key, entity.version, entity.value, *keep(entity))))


def encode_staged_together(entities: Sequence[Entity]) -> bytes | None:
    """The lines of several entities of which nothing else is kept, a newline between them. None where one of them
    cannot be written."""
    try:
        block = encode_lines([(entity.key, entity.version, entity.value) for entity in entities])
    except NOT_JSON:
        return None
    if b"NaN" in block or b"Infinity" in block:
        return None
    return block[:-1] if block.count(b"\n") == len(entities) else None


def _sound(line: bytes) -> bytes:
    """Raises ValueError for a line that cannot be read again: a Decimal may be NaN, and is written as that."""
    if b"NaN" in line or b"Infinity" in line:
        try:
            decode(line)
        except ValueError:
            raise ValueError("a number in it is NaN or Infinity, which JSON does not have") from None
    return line


def encode_carried(line: bytes, version: str | None, overlay: bytes | None, batch: str | None = None) -> bytes:
    """A line of transform for a later run: as it is, but for a version where it has none, for the ``overlay``, which is
    the value's JSON as a person has edited it, on one line, and for the batch that it was sent in."""
    staged = _transformed.decode(line)
    if overlay is None and (staged.version is not None or version is None) and staged.batch == batch:
        return line
    value = staged.value if overlay is None else msgspec.Raw(overlay)
    parts = (staged.key, staged.version or version, value, staged.source or None, staged.found or None)
    return encode((*parts, staged.deleted, batch))


def encode_deletion(key: str, version: str | None, target_id: str | None) -> bytes:
    """A line of transform that says: the source no longer has this entity."""
    return encode((key, version, {"key": key, "target_id": target_id}, None, None, True))


def key_of_line(line: bytes) -> str:
    """The key in a line of fetch or transform."""
    return _transformed.decode(line).key


def read_entities(blocks: Iterator[bytes], unreadable: Callable[[Entity, str], None]) -> Iterator[list[Entity]]:
    """Entities as transform takes them, a block at a time.

    A record whose JSON turns out to be broken (fetch had no need to look at all of it) is handed to ``unreadable``
    with the reason, and the others go on.
    """
    for block in blocks:
        try:
            lines = _fetched.decode_lines(block)
        except (ValueError, RecursionError, ArithmeticError):
            yield list(_readable(block, unreadable))
            continue
        yield [Entity(line.key, line.value, version=line.version) for line in lines]


def read_fetched(block: bytes) -> Iterator[tuple[str | None, msgspec.Raw]]:
    """Version and record of each line of fetch; the record is still JSON."""
    for line in transformed_lines(block):
        yield line.version, line.value


def _readable(block: bytes, unreadable: Callable[[Entity, str], None]) -> Iterator[Entity]:
    for line in block.split(b"\n"):
        staged = _transformed.decode(line)
        try:
            yield Entity(staged.key, read(bytes(staged.value)), version=staged.version)
        except ContentError as error:
            unreadable(Entity(staged.key, bytes(staged.value).decode("utf-8", "replace")), str(error))


def read_problems(blocks: Iterator[bytes]) -> Iterator[Problem]:
    for block in blocks:
        yield from _problems.decode_lines(block)
