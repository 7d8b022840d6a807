"""Records that change, and move from one partition to another, while tasks fetch: nothing is passed over for ever."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import web
from changing_source import BREAK, SHOPS, Changing, Follower, incoming
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_integrations.engine.fetch.partitions.plan import fetch_or_plan
from airflow_integrations.engine.fetch.partitions.reading import fetch_partitions
from airflow_integrations.engine.segment_lines import read_entities
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import AnswerError
from airflow_integrations.ledger.runs.runs import route_state
from airflow_integrations.run import Run
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

LAST = 14
KEYS = [f"k{number}" for number in range(1, 7)]


class Moving(Changing):
    """Records belong to a shop by their key, or, where they move, by how often anything was changed before them."""

    moves = False

    def _page(self, query: Any, token: str | None) -> web.Response:
        shop, every = int(query["shop"]), self.records
        by = (lambda record: record["rev"]) if self.moves else (lambda record: sum(record["number"].encode()))
        self.records = {key: record for key, record in every.items() if by(record) % SHOPS == shop}
        try:
            return super()._page({name: text for name, text in query.items() if name != "shop"}, token)
        finally:
            self.records = every


class FollowerInPartitions(Follower):
    """Its tasks fetch one after the other, in the order that it is told; the last state that came counts."""

    order: tuple[int, ...] = (0, 1, 2)
    paused = 0.0

    async def run(self, tries: int = 5) -> None:
        self.runs += 1
        moment = datetime.fromtimestamp(self.source.clock(), UTC)
        run = Run(self.route, f"run-{self.runs}", Window(moment.replace(year=2026), moment))
        staging = Staging(self.folder, "orders", run.run_id)
        await fetch_or_plan(run, self.services, staging, tasks=SHOPS)
        for task in self.order:
            for one in range(tries):
                try:
                    await fetch_partitions(run, self.services, staging, task=task)
                    break
                except AnswerError:
                    assert one < tries - 1
            self.source.clock.now += self.paused
        await transform(run, self.services, staging)
        manifest = staging.manifest("fetch")
        assert manifest is not None
        for block in read_entities(staging.blocks(manifest.segments), lambda *_: None):
            self.has |= {entity.key: entity.value for entity in block}
        self.came.append(manifest.counts["fetched"])
        await settle(run, self.services, staging)
        self.cursor = route_state(self.services.ledger, "orders").cursor
        self.source.clock.now += 600.0


@settings(max_examples=12, deadline=None)
@given(
    order=st.sampled_from(["key", "value", "newest"]),
    by=st.sampled_from(["rev", "at"]),
    size=st.integers(1, 4),
    script=st.dictionaries(
        st.integers(1, LAST), st.lists(st.sampled_from([*KEYS, "k8", "k9", BREAK]), min_size=1, max_size=3), max_size=5
    ),
    tasks=st.permutations(range(SHOPS)),
    paused=st.sampled_from([0.0, 90.0, 5000.0]),
    moves=st.booleans(),
)
async def test_a_change_while_partitions_are_fetched_is_not_passed_over(
    order: str, by: str, size: int, script: dict[int, list[str]], tasks: list[int], paused: float, moves: bool
) -> None:
    source = Moving(order, size, script)
    source.moves = moves
    for key in KEYS:
        source.write(key)
        source.clock.now += 30.0
    source.clock.now += 3600.0
    parted = incoming(by, partitions={"list": list(range(SHOPS))}, query={"shop": "{{ partition.value }}"})
    with TemporaryDirectory() as folder:
        async with source.serving() as services:
            follower = FollowerInPartitions(source, {"incoming": parted}, services, Path(folder))
            follower.order, follower.paused = tuple(tasks), paused
            while source.asked <= LAST:
                await follower.run()
            for _ in range(3):  # nothing changes any more
                await follower.run()
    assert follower.has == source.records
    assert follower.came[-1] == 0, "what is known is not read for ever"
