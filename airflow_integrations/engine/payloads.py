"""What earlier runs staged of an entity: read again from their segments, each of which is opened once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from airflow_integrations.compression import DAMAGED
from airflow_integrations.engine.records import key_of_line, read_entities, read_problems
from airflow_integrations.entity import Entity
from airflow_integrations.errors import RunError
from airflow_integrations.formats.json import encode, encode_anyhow
from airflow_integrations.ledger.records import PayloadRef, PayloadStage
from airflow_integrations.staging import SegmentRef, Staging

__all__ = ["Payload", "Wanted", "incoming_of", "incomings_of", "payload_in", "payload_of", "read_payloads", "source_in"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An entity's key and where its payload should be."""

    key: str
    ref: PayloadRef


@dataclass(frozen=True, slots=True)
class Payload:
    """One of both: ``line`` is a line of transform, ``record`` what the source gave of a rejected entity."""

    line: bytes | None = None
    record: Any = None


def payload_of(staging: Staging, key: str, ref: PayloadRef) -> bytes | None:
    """One entity's payload as JSON: what was to be sent, or, of a rejected one, what the source gave.

    None where it is gone. ``staging`` is any run's: through it the others are reached.
    """
    for _, payload in read_payloads(staging, [Wanted(key, ref)]):
        return payload_in(payload)
    return None


def payload_in(payload: Payload) -> bytes:
    """As JSON: what was to be sent, or what the source gave."""
    return encode_anyhow(payload.record) if payload.line is None else _value(payload.line)


def source_in(payload: Payload) -> bytes | None:
    """What the source gave, where it was staged beside what goes out; JSON."""
    if payload.line is None:
        return None
    fields = msgspec.json.decode(payload.line, type=tuple[msgspec.Raw, ...])
    return bytes(fields[3]) if len(fields) > 3 and bytes(fields[3]) != b"null" else None


def incoming_of(staging: Staging, key: str, ref: PayloadRef, *, patience: float | None = None) -> bytes | None:
    """What the source gave of an entity in the run that ``ref`` is of, as JSON.

    None where it is gone, was taken over from another run, or was split from an entity of another key; and where
    ``patience`` seconds were not enough to find it among all that the run fetched.
    """
    return incomings_of(staging, [Wanted(key, ref)], patience=patience).get(key)


def incomings_of(staging: Staging, wanted: Iterable[Wanted], *, patience: float | None = None) -> dict[str, bytes]:
    """The same of many, by key; what each run fetched is read once."""
    until = None if patience is None else time.monotonic() + patience
    missing: dict[str, dict[bytes, str]] = {}
    for one in wanted:
        if one.ref.folder:
            missing.setdefault(one.ref.folder, {})[encode(one.key)] = one.key
    found: dict[str, bytes] = {}
    for folder, keys in missing.items():
        there = staging.sibling(folder)
        try:
            manifest = there.manifest("fetch")
            for block in there.blocks(manifest.segments if manifest else ()):
                found |= _within(block, keys)
                if not keys or (until is not None and time.monotonic() > until):
                    break
        except (RunError, *DAMAGED, msgspec.DecodeError):
            continue  # a file that is gone or broken: what it held is missing
    return found


def _within(block: bytes, keys: dict[bytes, str]) -> dict[str, bytes]:
    """Those of the ``keys``, by their JSON, that lines of this block are about; they are no longer looked for."""
    found = {}
    if len(keys) == 1:  # searching is quicker than looking at each line
        (encoded,) = keys
        if (at := (b"\n" + block).find(b"\n[" + encoded + b",")) >= 0:
            found[keys.pop(encoded)] = _value(block[at:].partition(b"\n")[0])
        return found
    for line in block.split(b"\n"):
        encoded = line[1 : line.find(b'",') + 1]
        if b"\\" in encoded:  # that quotation mark may be the key's own
            encoded = encode(key_of_line(line))
        if encoded in keys:
            found[keys.pop(encoded)] = _value(line)
    return found


def read_payloads(staging: Staging, wanted: Sequence[Wanted]) -> Iterator[tuple[int, Payload]]:
    """The index in ``wanted`` and the payload, of all that are still there, in any order.

    A payload counts only where its key is the one that is asked for. What is not at its place is looked for among the
    entities that the same run had taken over: a run that was started over has put it there.
    Memory is bounded: a block of a segment at a time.
    """
    groups: dict[tuple[str, PayloadStage], list[int]] = {}
    for index, one in enumerate(wanted):
        if one.ref.folder:
            groups.setdefault((one.ref.folder, one.ref.stage), []).append(index)
    for (folder, stage), indices in groups.items():
        there = staging.sibling(folder)
        missing = {wanted[index].key: index for index in indices}
        try:
            read = _from_push if stage == "push" else _from_problems
            for index, payload in read(there, stage, indices, wanted):
                missing.pop(wanted[index].key, None)
                yield index, payload
        except (RunError, *DAMAGED, msgspec.DecodeError):
            pass  # a file of another run that is gone or broken: what it held is missing
        if missing:
            yield from _from_taken_over(there, stage, missing)


def _from_push(
    staging: Staging, stage: PayloadStage, indices: list[int], wanted: Sequence[Wanted]
) -> Iterator[tuple[int, Payload]]:
    fetched, transformed = staging.manifest("fetch"), staging.manifest("transform")
    segments = [*(transformed.segments if transformed else ()), *(fetched.carried if fetched else ())]
    for index, line in _at(staging, segments, indices, wanted):
        if key_of_line(line) == wanted[index].key:
            yield index, Payload(line=line)


def _from_problems(
    staging: Staging, stage: PayloadStage, indices: list[int], wanted: Sequence[Wanted]
) -> Iterator[tuple[int, Payload]]:
    manifest = staging.manifest("fetch" if stage == "problems-fetch" else "transform")
    for index, line in _at(staging, manifest.problems if manifest else (), indices, wanted):
        problem = next(read_problems(iter((line,))))
        if problem.key == wanted[index].key:
            yield index, Payload(record=problem.value if problem.source is None else problem.source)


def _at(
    staging: Staging, segments: Iterable[SegmentRef], indices: list[int], wanted: Sequence[Wanted]
) -> Iterator[tuple[int, bytes]]:
    """Lines by their places, counted from 0 through all segments; those that hold none of them are not opened."""
    places: dict[int, list[int]] = {}
    for index in indices:
        places.setdefault(wanted[index].ref.at, []).append(index)
    first = 0
    for segment in segments:
        here = [place for place in places if first <= place < first + segment.entities]
        if here:
            last = max(here)
            for place, line in enumerate(_lines(staging, segment), first):
                for index in places.get(place, ()):
                    yield index, line
                if place == last:
                    break
        first += segment.entities


def _lines(staging: Staging, segment: SegmentRef) -> Iterator[bytes]:
    for block in staging.blocks([segment]):
        yield from block.split(b"\n")


def _from_taken_over(staging: Staging, stage: PayloadStage, missing: dict[str, int]) -> Iterator[tuple[int, Payload]]:
    try:
        manifest = staging.manifest("fetch")
        if manifest is None:
            return
        if stage == "push":
            for segment in manifest.carried:
                for line in _lines(staging, segment):
                    if (index := missing.pop(key_of_line(line), None)) is not None:
                        yield index, Payload(line=line)
            return
        for entities in read_entities(staging.blocks(manifest.retried), _unreadable):
            for entity in entities:
                if (index := missing.pop(entity.key, None)) is not None:
                    yield index, Payload(record=entity.value)
    except (RunError, *DAMAGED, msgspec.DecodeError):
        return  # as above


def _unreadable(entity: Entity, reason: str) -> None:
    """What cannot be read is missing."""


def _value(line: bytes) -> bytes:
    return bytes(msgspec.json.decode(line, type=tuple[msgspec.Raw, ...])[2])
