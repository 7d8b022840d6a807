"""Keep the payloads of open entities that lie in the folder of a run when it begins anew: its files are about to go."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from airflow_integrations.engine.fetch.staged_payloads import (
    Wanted,
    held_line,
    held_payload,
    read_payloads,
)
from airflow_integrations.engine.push.journal.exchange_log import hold_exchanges
from airflow_integrations.ledger.records import PayloadRef, RunRef
from airflow_integrations.ledger.runs.held_payloads import left_in, move_payloads, places_in
from airflow_integrations.run import Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest, SegmentRef
from airflow_integrations.staging.segment_writer import SegmentWriter

__all__ = ["hold_payloads"]

CHUNK = 10_000
"""Entities that are looked at a time: bounds memory."""


async def hold_payloads(ref: RunRef, services: Services, staging: Staging, saved: Manifest) -> None:
    """Write what open entities need of the run's files into segments of ``saved.held``, and have the ledger name these.

    Such entities are in doubt or wait for the target's confirmation, another run has taken them, or this one has, and
    may die before it has decided them. Call it when the run has taken over what it takes, and before its files are
    cleared. ``saved`` is the manifest of the fetch that was cleared: it is saved with the new segments before the
    ledger names them, so a payload is found at its place whenever the process dies. What is held already stays where
    it is. The last request and answer about each is kept for people; what the source gave is not, for a line that has
    it is other content, with another idempotency key.
    Raises OutageError where the ledger is away.
    """
    ledger = services.ledger
    keys = await asyncio.to_thread(left_in, ledger, ref)
    if not keys:
        return
    first = sum(segment.entities for segment in saved.held)
    writer, exchanges = SegmentWriter(staging, f"held-{saved.attempt}", saved.held), dict[int, int]()
    for begin in range(0, len(keys), CHUNK):
        there = await asyncio.to_thread(places_in, ledger, ref, keys[begin : begin + CHUNK])
        wanted = [Wanted(key, PayloadRef(str(staging.folder), stage, at)) for key, stage, at in there]
        await asyncio.to_thread(_write, writer, staging, wanted, exchanges)
    writer.close_segment()
    await asyncio.to_thread(hold_exchanges, staging, saved.attempt, exchanges)
    added, saved.held = writer.segments[len(saved.held) :], writer.segments
    await asyncio.to_thread(staging.save, saved)
    for segment in added:
        found = await asyncio.to_thread(_keys, staging, segment)
        await asyncio.to_thread(move_payloads, ledger, ref, [(key, -1 - at) for at, key in enumerate(found, first)])
        first += segment.entities


def _write(writer: SegmentWriter, staging: Staging, wanted: Sequence[Wanted], exchanges: dict[int, int]) -> None:
    """``exchanges`` gets each one's place in push with its place among what is held."""
    for index, payload in read_payloads(staging, wanted):
        one = wanted[index]
        if one.ref.stage == "push":
            exchanges[one.ref.at] = sum(segment.entities for segment in writer.segments) + writer.pending
        writer.add(held_line(one.key, payload))
        if writer.full:
            writer.close_segment()


def _keys(staging: Staging, segment: SegmentRef) -> list[str]:
    return [held_payload(line)[0] for block in staging.blocks([segment]) for line in block.split(b"\n")]
