"""The journal survives a stop anywhere: what it says after is never more than what was certain before."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_integrations.ledger import Journal
from airflow_integrations.outgoing import Result
from airflow_integrations.staging import Staging

DELIVERED = Result("delivered", "T-1")


def staging_of(kind: str, tmp_path: Path) -> Staging:
    base = tmp_path if kind == "local" else f"memory://{tmp_path.name}"
    return Staging(base, "route", "run")


@pytest.mark.parametrize("kind", ["local", "memory"])
async def test_an_attempt_reads_what_the_one_before_wrote(kind: str, tmp_path: Path) -> None:
    staging = staging_of(kind, tmp_path)
    journal = Journal.open(staging, 10)
    await journal.sent(0, 3)
    await journal.done(0, ["a", "b", "c"], [DELIVERED, Result("failed", None, "no such customer", 422), DELIVERED])
    await journal.sent(3, 2)
    await journal.back(3, 2)
    await journal.sent(5, 2)
    journal.close()

    again = Journal.read(staging, 10)
    assert again.counts == {"delivered": 2, "failed": 1}
    assert [again.concluded(n) for n in range(4)] == [True, True, True, False]
    assert [again.in_flight(n) for n in (3, 4, 5, 6, 7)] == [False, False, True, True, False]
    assert again.pending == 7
    assert list(again.problems()) == [(1, "failed", "b", "no such customer", 422)]


async def test_concurrent_writers_share_objects_where_a_store_cannot_append(tmp_path: Path) -> None:
    staging = staging_of("memory", tmp_path)
    journal = Journal.open(staging, 200)
    await asyncio.gather(*(journal.done(n, [str(n)], [DELIVERED]) for n in range(200)))
    names = [path.name for path in staging.folder.iterdir()]
    assert Journal.read(staging, 200).counts == {"delivered": 200}
    assert len(names) < 20, "group commit: far fewer objects than entities"


async def test_an_object_written_by_a_later_attempt_does_not_replace_an_earlier_one(tmp_path: Path) -> None:
    staging = staging_of("memory", tmp_path)
    for first in range(3):
        journal = Journal.open(staging, 3)
        await journal.done(first, [str(first)], [DELIVERED])
        journal.close()
    assert Journal.read(staging, 3).counts == {"delivered": 3}


@settings(max_examples=60, deadline=None)
@given(
    cut=st.integers(min_value=0, max_value=400),
    fates=st.lists(st.sampled_from(["delivered", "failed", "in_doubt"]), min_size=1, max_size=8),
)
def test_a_file_cut_anywhere_never_claims_more_than_was_written(
    cut: int, fates: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    staging = Staging(tmp_path_factory.mktemp("staging"), "route", "run")
    total = len(fates)

    async def write() -> None:
        journal = Journal.open(staging, total)
        for ordinal, fate in enumerate(fates):
            await journal.sent(ordinal, 1)
            await journal.done(ordinal, [f"k{ordinal}"], [Result(fate, reason="because")])  # type: ignore[arg-type]
        journal.close()

    asyncio.run(write())
    path = staging.folder / "push.journal"
    path.write_bytes(path.read_bytes()[:cut])
    cut_short = Journal.open(staging, total)
    known = sum(cut_short.concluded(n) for n in range(total))
    assert known == sum(cut_short.counts.values()) <= total
    for ordinal in range(total):
        if cut_short.concluded(ordinal):
            assert all(cut_short.concluded(earlier) for earlier in range(ordinal)), "concluded in the order written"

    async def go_on() -> None:
        for ordinal in range(total):
            if not cut_short.concluded(ordinal):
                await cut_short.done(ordinal, ["k"], [DELIVERED])
        cut_short.close()

    asyncio.run(go_on())
    assert Journal.read(staging, total).pending == 0
