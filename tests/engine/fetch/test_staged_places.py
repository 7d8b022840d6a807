"""A staged line is found at its place, and what the source gave near by: whole segments are not read for one entity."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from engine_kinds import MemoryIncoming
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.staged_payloads import _nearest, _places, incoming_of, payload_of
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.ledger.records import PayloadRef
from airflow_integrations.run import Run, Services
from airflow_integrations.staging import segment_writer
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import SegmentRef


@given(st.lists(st.lists(st.binary(max_size=3).filter(lambda b: b"\n" not in b), min_size=1), max_size=6), st.data())
def test_every_place_gives_its_line(blocks: list[list[bytes]], data: st.DataObject) -> None:
    lines = [line for block in blocks for line in block]
    wanted = sorted(data.draw(st.sets(st.integers(0, len(lines) + 2), max_size=8)))
    found = list(_places(iter([b"\n".join(block) for block in blocks]), [10 + at for at in wanted], 10))
    assert found == [(10 + at, lines[at]) for at in wanted if at < len(lines)]


@given(st.lists(st.integers(1, 50), max_size=12), st.none() | st.floats(0, 1))
def test_every_segment_is_looked_at_once(sizes: list[int], share: float | None) -> None:
    segments = [SegmentRef(str(index), size, 1) for index, size in enumerate(sizes)]
    order = list(_nearest(segments, share))
    assert sorted(order, key=lambda each: int(each.name)) == segments
    if segments and share is None:
        assert order[0] == segments[0]


async def test_one_entity_costs_a_segment_of_each_stage_and_not_all(
    make_run: Callable[..., Run], services: Services, staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_writer, "SEGMENT_ENTITIES", 10)
    MemoryIncoming.pages_to_give = [[{"number": n} for n in range(page, page + 10)] for page in range(0, 400, 10)]
    run = make_run(route={"transform": [{"filter": "order.number % 4 > 0"}, {"map": {"Number": "order.number"}}]})
    for stage in (fetch, transform, push):
        await stage(run, services, staging)
    await settle(run, services, staging)
    read: list[str] = []
    blocks = Staging.blocks

    def counted(self: Staging, segments):
        for segment in segments:
            read.append(segment.name)
            yield from blocks(self, [segment])

    monkeypatch.setattr(Staging, "blocks", counted)
    sent = [n for n in range(400) if n % 4]
    for at in (0, 7, 150, 299):
        ref = PayloadRef(str(staging.folder), "push", at)
        read.clear()
        assert payload_of(staging, str(sent[at]), ref) == b'{"Number":%d}' % sent[at]
        assert incoming_of(staging, str(sent[at]), ref) == b'{"number":%d}' % sent[at]
        assert len(read) <= 3, (at, read)
    read.clear()  # behind the lines of transform are those that were taken over: the run has not fetched them
    assert incoming_of(staging, "0", PayloadRef(str(staging.folder), "push", 300)) is None
    assert read == []
