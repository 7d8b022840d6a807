"""The journal survives a stop anywhere: what it says after is never more than what was certain before."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_integrations.engine.push.journal.journal import Journal
from airflow_integrations.ledger.records import Outcome
from airflow_integrations.staging.folder import Staging


def delivered(key: str) -> Outcome:
    return Outcome(key=key, status="delivered", target_id="T-1")


def staging_of(kind: str, tmp_path: Path) -> Staging:
    base = tmp_path if kind == "local" else f"memory://{tmp_path.name}"
    return Staging(base, "route", "run")


@pytest.mark.parametrize("kind", ["local", "memory"])
async def test_an_attempt_reads_what_the_one_before_wrote(kind: str, tmp_path: Path) -> None:
    staging = staging_of(kind, tmp_path)
    journal = Journal.open(staging, 12)
    refused = Outcome(key="b", status="failed", reason="no such customer", http_status=422, error_class="refused")
    await journal.sent([0, 1, 2])
    assert journal.done([0, 1, 2], [delivered("a"), refused, delivered("c")]) == 1
    await journal.sent([3, 4])
    await journal.back([3, 4])
    await journal.sent([5, 6, 9])
    assert journal.done([9], [delivered("i")]) == 2
    await journal.durable()
    journal.close()

    again = Journal.read(staging, 12)
    assert again.counts == {"delivered": 3, "failed": 1}
    assert [again.concluded(n) for n in range(4)] == [True, True, True, False]
    assert [again.unanswered(n) for n in (3, 4, 5, 6, 7, 9)] == [False, False, True, True, False, False]
    assert again.unanswered_batches == [[5, 6]]
    assert again.pending == 8
    assert again.done_lines == again.durable_lines == 2
    assert [(line, ordinal, outcome.status) for line, ordinal, outcome in again.outcomes()] == [
        (1, 0, "delivered"),
        (1, 1, "failed"),
        (1, 2, "delivered"),
        (2, 9, "delivered"),
    ]
    ((_, _, found),) = [told for told in again.outcomes() if told[1] == 1]
    assert (found.key, found.reason, found.http_status, found.error_class) == ("b", "no such customer", 422, "refused")
    assert [line for line, *_ in again.outcomes(behind=1)] == [2]


async def test_what_is_to_be_retried_is_open_to_another_attempt(tmp_path: Path) -> None:
    staging = staging_of("local", tmp_path)
    journal = Journal.open(staging, 2)
    journal.done([0, 1], [Outcome(key="a", status="retrying", reason="away", next_attempt=5.0), delivered("b")])
    journal.close()
    assert Journal.read(staging, 2).counts == {"retrying": 1, "delivered": 1}
    again = Journal.open(staging, 2)
    assert again.counts == {"delivered": 1}
    assert not again.concluded(0)
    again.done([0], [delivered("a")])
    again.close()
    assert Journal.read(staging, 2).counts == {"delivered": 2}, "each entity has one fate in the books of a run"


@contextmanager
def full_disk(file: Path) -> Iterator[None]:
    """No file of this process grows beyond what this one has."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="which files are open is not told here")
def test_on_a_full_disk_no_file_stays_open(tmp_path: Path) -> None:
    """Neither of a journal that cannot be opened nor of one that cannot be ended; seed 810304981 told of the first."""
    staging = staging_of("local", tmp_path)
    journal = Journal.open(staging, 2)
    journal.done([0], [delivered("a")])
    journal.flush()
    journal.done([1], [delivered("b")])
    with full_disk(staging.folder / "push.journal"):
        with pytest.raises(OSError, match=r"large|full") as not_ended:
            journal.close()
        with pytest.raises(OSError, match=r"large|full") as not_opened:
            Journal.open(staging, 2)
    held = [place for place in Path("/proc/self/fd").iterdir() if "push.journal" in str(place.resolve())]
    assert not held, (not_ended, not_opened)


async def test_concurrent_writers_share_objects_where_a_store_cannot_append(tmp_path: Path) -> None:
    staging = staging_of("memory", tmp_path)
    journal = Journal.open(staging, 200)

    async def conclude(ordinal: int) -> None:
        journal.done([ordinal], [delivered(str(ordinal))])
        await journal.durable()

    await asyncio.gather(*map(conclude, range(200)))
    names = [path.name for path in staging.folder.iterdir()]
    assert Journal.read(staging, 200).counts == {"delivered": 200}
    assert len(names) < 20, "group commit: far fewer objects than entities"


async def test_an_object_written_by_a_later_attempt_does_not_replace_an_earlier_one(tmp_path: Path) -> None:
    staging = staging_of("memory", tmp_path)
    for ordinal in range(3):
        journal = Journal.open(staging, 3)
        journal.done([ordinal], [delivered(str(ordinal))])
        await journal.durable()
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
            await journal.sent([ordinal])
            journal.done([ordinal], [Outcome(key=f"k{ordinal}", status=fate, reason="because")])  # type: ignore[arg-type]
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
                cut_short.done([ordinal], [delivered("k")])
        cut_short.close()

    asyncio.run(go_on())
    assert Journal.read(staging, total).pending == 0
