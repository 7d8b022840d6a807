"""In whatever order a source and its reader run, break off, die, are cleared and forgotten: every record that was
fetched reaches the reader's target, in order, and nothing twice, or a newer state of its entity did before."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_kinds import MemoryIncoming
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from push_world import at_once
from sqlalchemy import delete
from two_routes import Died, TwoRoutes

from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.runs.published_fetches import Fetches
from airflow_integrations.ledger.storage import tables
from airflow_integrations.staging import segment_writer

Pages = list[list[tuple[str, int]]]
Deaths = tuple[int | None, int | None, bool]

pages = st.lists(st.lists(st.sampled_from("abc"), max_size=3), min_size=1, max_size=3)
breaks = st.none() | st.integers(0, 2)
number = st.integers(0, 3)
deaths = st.tuples(st.none() | st.integers(0, 3), st.none() | st.integers(0, 3), st.booleans())
"""After how many pages and batches a reader dies, and whether it is settled all the same."""
step = st.one_of(
    st.tuples(st.just("fetch"), pages, breaks),
    st.tuples(st.just("fetch again"), number, pages, breaks),
    st.tuples(st.just("die unpublished"), pages),
    st.tuples(st.just("read"), deaths),
    st.tuples(st.just("read again"), number, deaths),
    st.tuples(st.just("both"), pages, deaths),
    st.tuples(st.just("look"), st.sampled_from([{"limit": 1}, {"dry_run": True}, {"keys": frozenset("a")}])),
    st.tuples(st.just("forget")),
    st.tuples(st.just("time"), st.sampled_from([10.0, 400.0, 5000.0])),
)


class World:
    def __init__(self, ledger: Ledger, folder: Path, patched: pytest.MonkeyPatch, *, versions: bool) -> None:
        source = {"entity": {"name": "product", "key": "product.sku", "version": "product.state"}} if versions else {}
        self.routes = TwoRoutes(ledger, folder, source=source, reader={"delivery": {"concurrency": 2}})
        self.patched = patched
        self.states = itertools.count(1)
        self.sources: dict[str, Pages] = {}
        """What the source has for each of its runs."""
        self.broken: set[str] = set()
        """Runs of the source whose fetch broke off: it still has the same for them."""
        self.fetched: set[tuple[str, int]] = set()
        self.readers: list[str] = []

    def _pages(self, given: list[list[str]]) -> Pages:
        return [[(key, next(self.states)) for key in page] for page in given]

    async def fetch(self, run_id: str, given: list[list[str]], breaks: int | None) -> None:
        if run_id not in self.broken:
            self.sources[run_id] = self._pages(given)
        found = self.sources[run_id]

        def away(page: int) -> None:
            if page == breaks:
                raise OutageError("the source is away")

        MemoryIncoming.before = away
        self.broken.add(run_id)
        with contextlib.suppress(OutageError):
            await self.routes.fetched(*found, run_id=run_id)
            self.broken.discard(run_id)
            self.fetched.update(itertools.chain(*found))

    async def die_unpublished(self, given: list[list[str]]) -> None:
        def died(*_: Any, **__: Any) -> None:
            raise Died

        run_id = f"source-{len(self.sources)}"
        with self.patched.context() as patched:
            patched.setattr(Fetches, "publish", died)
            with contextlib.suppress(Died):
                await self.fetch(run_id, given, None)
        self.broken.discard(run_id)
        run = self.routes.run(self.routes.source, run_id)
        await settle(run, self.routes.services(), self.routes.staging(run))
        self.fetched.update(itertools.chain(*self.sources[run_id]))

    async def read(self, run_id: str, deaths: Deaths) -> None:
        self.routes.clock.now += 1
        pages, self.routes.dies_at_batch, settles = deaths
        run = self.routes.run(self.routes.reader, run_id)
        try:
            await self.routes.whole(run, self.routes.services(pages=pages))
        except Died:
            if settles:
                await settle(run, self.routes.services(), self.routes.staging(run))
        self.routes.dies_at_batch = None

    def new_reader(self) -> str:
        self.readers.append(f"reader-{len(self.readers)}")
        return self.readers[-1]

    async def play(self, scene: list[Any]) -> None:
        await self.read(self.new_reader(), (None, None, False))
        for what, *rest in scene:
            match what, rest:
                case "fetch", [given, breaks]:
                    await self.fetch(f"source-{len(self.sources)}", given, breaks)
                case "fetch again", [index, given, breaks] if index < len(self.sources):
                    await self.fetch(list(self.sources)[index], given, breaks)
                case "die unpublished", [given]:
                    await self.die_unpublished(given)
                case "read", [deaths]:
                    await self.read(self.new_reader(), deaths)
                case "read again", [index, deaths] if index < len(self.readers):
                    await self.read(self.readers[index], deaths)
                case "both", [given, deaths]:
                    work = self.fetch(f"source-{len(self.sources)}", given, None)
                    await asyncio.gather(work, self.read(self.new_reader(), deaths))
                case "look", [asked]:
                    await self.routes.read(**asked)
                case "forget", []:
                    self.routes.forget()
                case "time", [seconds]:
                    self.routes.clock.now += seconds
        await self.routes.calm()

    def check(self) -> None:
        received: dict[str, list[int]] = {}
        for key, state in self.routes.received:
            received.setdefault(key, []).append(state)
        for key, states in received.items():
            assert states == sorted(set(states)), f"{key} went out of order, or twice: {states}"
        for key, state in self.fetched:
            assert max(received.get(key, [0])) >= state, f"state {state} of {key} did not arrive: {received}"
        assert self.routes.ledger.fetches.behind(self.routes.clock.now) == {}


@pytest.fixture(scope="module")
def ledger() -> Iterator[Ledger]:
    """One for all examples, emptied between them: it keeps its compiled statements."""
    with Ledger.temporary() as opened:
        yield opened


def work(ledger: Ledger, scene: list[Any], *, versions: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr(asyncio, "to_thread", at_once)
        patched.setattr(segment_writer, "SEGMENT_ENTITIES", 2)
        with ledger.write() as connection:
            for table in reversed(tables.metadata.sorted_tables):
                connection.execute(delete(table))
        world = World(ledger, Path(folder), patched, versions=versions)
        asyncio.run(asyncio.wait_for(world.play(scene), 60))
        world.check()


@settings(max_examples=120, suppress_health_check=list(HealthCheck), derandomize=True)
@example(
    scene=[("fetch", [["a", "b"]], None), ("fetch again", 0, [["b"]], 0), ("read", (None, None, False))],
    versions=False,
)
@given(scene=st.lists(step, min_size=2, max_size=9), versions=st.booleans())
def test_whatever_happens_every_record_arrives_in_order_and_once(
    ledger: Ledger, scene: list[Any], versions: bool
) -> None:
    work(ledger, scene, versions=versions)
