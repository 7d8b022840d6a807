"""Deletions for what the source no longer has: only where it is sure, and never for suspiciously many."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_kinds import MemoryIncoming

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.outbound_lines import read_outbound
from airflow_integrations.errors import AnswerError, OutageError
from airflow_integrations.ledger.records import Outcome, RetryWanted
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import begin_run
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging

MakeRun = Callable[..., Run]
EMIT = {"missing": "emit"}


def delivered(services: Services, run: Run, count: int) -> None:
    """A run before this one delivered the orders 1 to ``count``."""
    now = services.now()
    asked: dict[str, Any] = {"kind": "manual", "window": run.window, "route_hash": "x", "staging": "", "now": now}
    ref = begin_run(services.ledger, "orders", "run-0", **asked)
    outcomes = [
        Outcome(key=str(number), status="delivered", hash="h", target_id=f"T-{number}")
        for number in range(1, count + 1)
    ]
    conclude(services.ledger, ref, outcomes, now=now)


def deletions(staging: Staging) -> list[tuple[str, Any]]:
    manifest = staging.manifest("fetch")
    assert manifest is not None
    outbounds = list(read_outbound(staging.blocks(manifest.carried), "orders"))
    assert all(outbound.deleted for outbound in outbounds)
    return [(outbound.key, outbound.value) for outbound in outbounds]


def source_has(*numbers: int) -> None:
    MemoryIncoming.pages_to_give = [[{"number": number}] for number in numbers]


async def test_what_a_complete_fetch_does_not_bring_is_deleted(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    run = make_run(route=EMIT)
    delivered(services, run, 5)
    source_has(1, 3, 5, 9)
    manifest = await fetch(run, services, staging)
    assert manifest.counts["deletes_emitted"] == 2
    assert deletions(staging) == [(key, {"key": key, "target_id": f"T-{key}"}) for key in ("2", "4")]


@pytest.mark.parametrize(
    "asked",
    [
        {"keys": frozenset("1")},
        {"limit": 1},
        {"entities": ({"number": 1},)},
        {"dry_run": True},
        {"retry": RetryWanted()},
        {"events": True},
        {"route": {"missing": "ignore"}},
    ],
)
async def test_a_fetch_of_a_part_deletes_nothing(
    asked: dict[str, Any], make_run: MakeRun, services: Services, staging: Staging
) -> None:
    run = make_run(**{"route": EMIT, **asked})
    delivered(services, run, 5)
    source_has(1)
    assert (await fetch(run, services, staging)).counts.get("deletes_emitted", 0) == 0
    assert deletions(staging) == []


async def test_nothing_is_deleted_where_the_fetch_went_on_or_a_record_has_no_key(
    make_run: MakeRun, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_integrations.staging.segment_writer.SEGMENT_ENTITIES", 1)
    run, staging = make_run(route=EMIT), Staging(tmp_path, "orders", "run-1")
    delivered(services, run, 5)
    source_has(1, 2)

    def outage(number: int) -> None:
        if number == 1:
            raise OutageError("away")

    MemoryIncoming.before = outage
    with pytest.raises(OutageError):
        await fetch(run, services, staging)
    MemoryIncoming.before = lambda number: None
    assert "deletes_emitted" not in (await fetch(run, services, staging)).counts
    MemoryIncoming.pages_to_give = [[{"number": 1}, {"nummer": 2}]]
    assert "deletes_emitted" not in (await fetch(run, services, staging)).counts
    source_has(1, 2)
    assert (await fetch(run, services, staging)).counts["deletes_emitted"] == 3


@pytest.mark.parametrize(
    ("missing", "known", "comes", "allowed"),
    [
        ("emit", 60, 48, True),
        ("emit", 60, 47, False),
        ("emit", 10, 0, True),
        ("emit", 11, 0, False),
        ({"at_most": "100%"}, 60, 0, True),
        ({"at_most": "5%"}, 100, 89, False),
        ({"at_most": "0%"}, 100, 90, True),
    ],
)
async def test_suspiciously_many_stop_the_run(
    missing: Any, known: int, comes: int, allowed: bool, make_run: MakeRun, services: Services, staging: Staging
) -> None:
    run = make_run(route={"missing": missing})
    delivered(services, run, known)
    source_has(*range(1, comes + 1))
    if allowed:
        assert (await fetch(run, services, staging)).counts["deletes_emitted"] == known - comes
    else:
        with pytest.raises(
            AnswerError, match=rf"{known - comes} of the {known} entities .* missing: {{at_most: 100%}}"
        ):
            await fetch(run, services, staging)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"incoming": {"http": {"connection": "s", "path": "/{{ window.start }}"}}}, "asks for a window"),
        ({"incoming": {"http": {"connection": "s", "path": "/", "cursor": {"field": "a", "param": "s"}}}}, "cursor"),
        ({"transform": [{"split": {"each": "entity.lines", "key": "item.id"}}]}, "split"),
    ],
)
def test_a_route_that_asks_for_a_part_cannot_tell_what_is_missing(more: dict[str, Any], said: str) -> None:
    definition = {
        "route": "orders",
        "entity": {"key": "entity.id"},
        "incoming": {"http": {"connection": "s", "path": "/"}},
        "outgoing": {"none": {}},
        "missing": "emit",
    }
    with pytest.raises(ValueError, match=said):
        Route.load({**definition, **more})
