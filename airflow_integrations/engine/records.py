"""The lines of segments: how an entity is written between stages, and read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import msgspec

from airflow_integrations.entity import Entity
from airflow_integrations.formats.json import encode
from airflow_integrations.outgoing import Outbound

__all__ = ["Problem", "encode_staged", "read_entities", "read_outbound", "read_problems"]


class _Fetched(msgspec.Struct, array_like=True):
    key: str
    version: str | None
    value: Any


class _Transformed(msgspec.Struct, array_like=True):
    key: str
    version: str | None
    value: msgspec.Raw
    source: msgspec.Raw | None = None
    found: msgspec.Raw | None = None


class Problem(msgspec.Struct):
    """An entity that was rejected or failed: kept beside the run's segments and shown to people."""

    key: str
    stage: str
    status: str
    reason: str
    field: str | None = None
    value: Any = None
    source: Any = None
    http_status: int | None = None
    ordinal: int | None = None


_fetched = msgspec.json.Decoder(_Fetched, float_hook=Decimal)
_transformed = msgspec.json.Decoder(_Transformed)
_problems = msgspec.json.Decoder(Problem, float_hook=Decimal)


def encode_staged(entity: Entity, keep: Callable[[Entity], tuple[Any, Any]] | None = None) -> bytes:
    """One line: ``[key, version, value]``, with ``source`` and ``found`` behind where ``keep`` gives them."""
    if keep is None:
        return encode((entity.key, entity.version, entity.value))
    return encode((entity.key, entity.version, entity.value, *keep(entity)))


def read_entities(blocks: Iterator[bytes]) -> Iterator[list[Entity]]:
    """Entities as transform takes them, a block at a time."""
    for block in blocks:
        yield [Entity(line.key, line.value, version=line.version) for line in _fetched.decode_lines(block)]


def read_outbound(blocks: Iterator[bytes], route: str) -> Iterator[Outbound]:
    """Entities as push takes them: their JSON is carried through as bytes."""
    for block in blocks:
        for line in _transformed.decode_lines(block):
            yield Outbound(
                line.key,
                bytes(line.value),
                version=line.version,
                source=bytes(line.source) if line.source else None,
                found=bytes(line.found) if line.found else None,
                route=route,
            )


def read_problems(blocks: Iterator[bytes]) -> Iterator[Problem]:
    for block in blocks:
        yield from _problems.decode_lines(block)
