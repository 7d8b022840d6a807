"""Read payloads of entities from the segments of earlier runs; each segment is opened once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec

from airflow_integrations.engine.segment_lines import (
    THIN,
    Problem,
    encode_problem,
    key_of_line,
    read_entities,
    read_problems,
)
from airflow_integrations.engine.transformed_segments import how_far, placed, taken_over_from
from airflow_integrations.entity import Entity
from airflow_integrations.errors import RunError
from airflow_integrations.formats.json import encode, encode_anyhow
from airflow_integrations.ledger.records import PayloadRef, PayloadStage
from airflow_integrations.staging.compression import DAMAGED
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest, SegmentRef

__all__ = [
    "Payload",
    "Wanted",
    "filtered_of",
    "held_line",
    "held_payload",
    "incoming_of",
    "incomings_of",
    "payload_in",
    "payload_of",
    "read_payloads",
    "source_in",
]


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
    thin: bool = False
    """The record only says which it is: its details could not be had."""


def payload_of(staging: Staging, key: str, ref: PayloadRef) -> bytes | None:
    """One entity's payload as JSON: what was to be sent, or, of a rejected one, what the source gave.

    None where it is gone. ``staging`` is any run's: through it the others are reached.
    """
    for _, payload in read_payloads(staging, [Wanted(key, ref)]):
        return payload_in(payload)
    return None


def filtered_of(staging: Staging, key: str, ref: PayloadRef) -> Problem | None:
    """What was staged of an entity that a step left out: the entity as the step saw it, and the step's index.

    None where it is gone, or where ``ref`` is of something else.
    """
    if ref.stage != "filtered" or not ref.folder:
        return None
    there = staging.sibling(ref.folder)
    try:
        segments = placed(there, there.manifest("transform"), "filtered")
        for _, line in _at(there, segments, [0], [Wanted(key, ref)]):
            problem = next(read_problems(iter((line,))))
            return problem if problem.key == key else None
    except (RunError, *DAMAGED, msgspec.DecodeError):
        pass  # as in :func:`read_payloads`
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
    shares: dict[str, float] = {}
    transformed: dict[str, Manifest | None] = {}
    for one in wanted:
        folder = one.ref.folder
        if not folder or one.ref.held:  # what the run had fetched then was cleared
            continue
        if folder not in transformed:
            transformed[folder] = _transformed(staging, folder)
        if one.ref.stage == "push" and one.ref.at >= taken_over_from(transformed[folder]) > 0:
            continue  # its line is behind those of transform: the run had taken it over, and not fetched it
        missing.setdefault(folder, {})[encode(one.key)] = one.key
        if len(missing[folder]) == 1:
            shares[folder] = how_far(transformed[folder], one.ref.at)
    found: dict[str, bytes] = {}
    for folder, keys in missing.items():
        there = staging.sibling(folder)
        try:
            manifest = there.manifest("fetch")
            segments = manifest.segments if manifest else []
            for block in there.blocks(_nearest(segments, shares.get(folder))):
                found |= _within(block, keys)
                if not keys or (until is not None and time.monotonic() > until):
                    break
        except (RunError, *DAMAGED, msgspec.DecodeError):
            continue  # a file that is gone or broken: what it held is missing
    return found


def _transformed(staging: Staging, folder: str) -> Manifest | None:
    try:
        return staging.sibling(folder).manifest("transform")
    except RunError:
        return None


def _nearest(segments: Sequence[SegmentRef], share: float | None) -> Iterator[SegmentRef]:
    """All of them, the ones first in which the entity probably is: transform keeps the order of what was fetched, so
    it lies about as far behind the beginning. Where a key was fetched twice, it is the one near by that went on."""
    total, first = sum(segment.entities for segment in segments), 0
    sought, found = (share or 0.0) * total, list[tuple[float, int]]()
    for index, segment in enumerate(segments):
        last = first + segment.entities
        found.append((max(first - sought, sought - last, 0.0), index))
        first = last
    for _, index in sorted(found):
        yield segments[index]


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
    groups: dict[tuple[str, PayloadStage, bool], list[int]] = {}
    for index, one in enumerate(wanted):
        if one.ref.folder:
            groups.setdefault((one.ref.folder, one.ref.stage, one.ref.held), []).append(index)
    for (folder, stage, held), indices in groups.items():
        there = staging.sibling(folder)
        missing = {wanted[index].key: index for index in indices}
        try:
            read = _from_held if held else _from_push if stage == "push" else _from_problems
            for index, payload in read(there, stage, indices, wanted):
                missing.pop(wanted[index].key, None)
                yield index, payload
        except (RunError, *DAMAGED, msgspec.DecodeError):
            pass  # a file of another run that is gone or broken: what it held is missing
        if missing and not held:
            yield from _from_taken_over(there, stage, missing)


def _from_push(
    staging: Staging, stage: PayloadStage, indices: list[int], wanted: Sequence[Wanted]
) -> Iterator[tuple[int, Payload]]:
    fetched, transformed = staging.manifest("fetch"), staging.manifest("transform")
    carried = _from(taken_over_from(transformed), fetched.carried if fetched else ())
    segments = chain(placed(staging, transformed, "segments"), carried)
    for index, line in _at(staging, segments, indices, wanted):
        if key_of_line(line) == wanted[index].key:
            yield index, Payload(line=line)


def _from_problems(
    staging: Staging, stage: PayloadStage, indices: list[int], wanted: Sequence[Wanted]
) -> Iterator[tuple[int, Payload]]:
    manifest = staging.manifest("fetch" if stage == "problems-fetch" else "transform")
    segments: Iterable[tuple[int, SegmentRef]]
    if stage == "problems-fetch":
        segments = _from(0, manifest.problems if manifest else ())
    else:
        segments = placed(staging, manifest, "filtered" if stage == "filtered" else "problems")
    for index, line in _at(staging, segments, indices, wanted):
        problem = next(read_problems(iter((line,))))
        if problem.key == wanted[index].key:
            yield index, _of_problem(problem)


def _of_problem(problem: Problem) -> Payload:
    record = problem.value if problem.source is None else problem.source
    return Payload(record=record, thin=problem.stage == "fetch" and problem.field == THIN)


def _from_held(
    staging: Staging, stage: PayloadStage, indices: list[int], wanted: Sequence[Wanted]
) -> Iterator[tuple[int, Payload]]:
    manifest = staging.manifest("fetch")
    for index, line in _at(staging, _from(0, manifest.held if manifest else ()), indices, wanted):
        key, payload = held_payload(line)
        if key == wanted[index].key:
            yield index, payload


def held_line(key: str, payload: Payload) -> bytes:
    """A payload as a line of ``held``: that of transform as it is, a record of the source as one of problems."""
    if payload.line is not None:
        return payload.line
    field = THIN if payload.thin else None
    return encode_problem(Problem(key, "fetch", "rejected", "", field, payload.record))


def held_payload(line: bytes) -> tuple[str, Payload]:
    """Key and payload of a line of :func:`held_line`."""
    if line.startswith(b"["):
        return key_of_line(line), Payload(line=line)
    problem = next(read_problems(iter((line,))))
    return problem.key, _of_problem(problem)


def _at(
    staging: Staging, segments: Iterable[tuple[int, SegmentRef]], indices: list[int], wanted: Sequence[Wanted]
) -> Iterator[tuple[int, bytes]]:
    """Lines by their places, of segments with the place of their first line; those that hold none are not opened."""
    places: dict[int, list[int]] = {}
    for index in indices:
        places.setdefault(wanted[index].ref.line, []).append(index)
    for first, segment in segments:
        here = [place for place in places if first <= place < first + segment.entities]
        if here:
            for place, line in _places(staging.blocks([segment]), sorted(here), first):
                for index in places[place]:
                    yield index, line


def _from(first: int, segments: Iterable[SegmentRef]) -> Iterator[tuple[int, SegmentRef]]:
    for segment in segments:
        yield first, segment
        first += segment.entities


def _places(blocks: Iterator[bytes], places: list[int], first: int) -> Iterator[tuple[int, bytes]]:
    """The lines at these ``places``, in their order; blocks without one are counted, not taken apart."""
    wanted = iter(places)
    place = next(wanted, None)
    for block in blocks:
        if place is None:
            return
        end = first + block.count(b"\n") + 1
        if place < end:
            lines = block.split(b"\n")
            while place is not None and place < end:
                yield place, lines[place - first]
                place = next(wanted, None)
        first = end


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
