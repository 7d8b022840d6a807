"""Versions that cannot be compared: nothing is passed over because of them, and the log says so once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engine_kinds import Clock, MemoryOutgoing, NoConnections, all_delivered
from push_scene import MakeRun, Scene, order

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.run import Services

TOLD = "entity.version gives values that cannot be compared"
VERSIONED = {"entity": {"name": "order", "key": "order.number", "version": "order.at"}}


@pytest.fixture
def scene(make_run: MakeRun, tmp_path: Path) -> Scene:
    MemoryOutgoing.answer = all_delivered
    return Scene(make_run, Services(NoConnections(), now=Clock(), ledger=Ledger.temporary()), tmp_path)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("2026-01-01T00:00:00Z", 1767225600),
        (1767225600, "2026-01-01T00:00:00Z"),
        (1767225600000, 1767225601),
        ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00"),
        ("v1", 2),
    ],
)
async def test_a_changed_entity_is_sent_and_people_are_told(
    scene: Scene, first: Any, then: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await scene.run(order(1, at=first), order(2, at=first), route=VERSIONED)
    assert TOLD not in caplog.text
    balance = await scene.run(order(1, at=then, new=True), order(2, at=then, new=True), route=VERSIONED)
    assert (balance.counts["delivered"], balance.counts["superseded"]) == (2, 0)
    assert caplog.text.count(TOLD) == 1
    assert "of order 1 it is a" in caplog.text
    assert (await scene.run(order(1, at=then, new=True), route=VERSIONED)).counts["unchanged"] == 1
    assert caplog.text.count(TOLD) == 1, "from then on there is one kind"


@pytest.mark.parametrize(
    ("first", "then", "fate"),
    [
        ("2026-06-01T12:00:00+02:00", "2026-06-01T11:00:00Z", "delivered"),
        ("2026-06-01T11:00:00Z", "2026-06-01T12:00:00+02:00", "superseded"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", "delivered"),
        ("2026-01-01T00:00:00.1234567Z", "2026-01-01T00:00:00.1234565Z", "superseded"),
        (10, 9, "superseded"),
        ("2026-01-02", "2026-01-01", "superseded"),
    ],
)
async def test_one_kind_is_compared(
    scene: Scene, first: Any, then: Any, fate: str, caplog: pytest.LogCaptureFixture
) -> None:
    await scene.run(order(1, at=first), route=VERSIONED)
    balance = await scene.run(order(1, at=then, new=True), route=VERSIONED)
    assert balance.counts[fate] == 1
    assert TOLD not in caplog.text


async def test_an_entity_version_is_added_to_a_route_and_taken_away(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """The time of fetch in microseconds on the one side, the source's revision on the other."""
    for number, route in enumerate((None, VERSIONED, None)):
        balance = await scene.run(order(1, at=number), route=route)
        assert balance.counts["delivered"] == 1
    assert caplog.text.count(TOLD) == 1, "a number that becomes greater is newer"


@pytest.mark.parametrize("at", ["2026-01-01T00:00:00Z", "v7", 7])
async def test_a_deletion_is_sent_whatever_the_versions_are(
    scene: Scene, at: Any, caplog: pytest.LogCaptureFixture
) -> None:
    emit = VERSIONED | {"missing": "emit"}
    await scene.run(order(1, at=at), order(2, at=at), route=emit)
    MemoryOutgoing.sent = []
    balance = await scene.run(order(1, at=at), route=emit)
    assert (balance.counts["deletes_emitted"], balance.counts["delivered"], balance.counts["superseded"]) == (1, 1, 0)
    assert [(outbound.key, outbound.deleted) for batch in MemoryOutgoing.sent for outbound in batch] == [("2", True)]
    assert TOLD not in caplog.text
