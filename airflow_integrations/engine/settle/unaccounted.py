"""Find entities of a run that have no fate, where its books do not balance."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice

from airflow_integrations.engine.segment_lines import key_of_line
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.ledger.runs.fetch_queries import undecided
from airflow_integrations.run import Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

__all__ = ["keys_of", "unaccounted"]

AT_ONCE = 5_000
NAMED = 20
"""So many keys are told."""


async def unaccounted(ref: RunRef, services: Services, staging: Staging, fetched: Manifest | None) -> list[str]:
    """Keys that the run fetched or took over and of which the ledger has no fate by this run; the first 20.

    Asked only where something is wrong: reads all of the run's segments.
    """
    found: list[str] = []
    keys = keys_of(staging, fetched) if fetched else iter(())
    while len(found) < NAMED and (some := list(islice(keys, AT_ONCE))):
        found += await asyncio.to_thread(undecided, services.ledger, ref, some)
    return list(dict.fromkeys(found))[:NAMED]


def keys_of(staging: Staging, fetched: Manifest) -> Iterator[str]:
    """The keys of all lines that the run fetched or took over."""
    for block in staging.blocks([*fetched.segments, *fetched.carried]):
        for line in block.split(b"\n"):
            yield key_of_line(line)
