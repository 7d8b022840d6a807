"""Steps that the target had confirmed of a state no longer count once other content may have arrived."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import pytest

from airflow_integrations.engine.push.chunk import Chunk
from airflow_integrations.engine.push.in_flight import InFlight
from airflow_integrations.engine.push.outcomes import Outcomes
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.progress import Progress, StepDone
from airflow_integrations.outgoing import Outbound
from airflow_integrations.run import Run, Services

STEPS = {
    "http": {
        "connection": "target",
        "steps": [
            {"name": "part", "method": "POST", "path": "/parts", "result": "body.id"},
            {"name": "whole", "method": "POST", "path": "/wholes", "body": {"part": "part"}},
        ],
    }
}


@pytest.mark.parametrize(
    ("before", "error", "kept"),
    [
        (b'{"n":2}', OutageError("no answer"), False),
        (b'{"n":1}', OutageError("no answer"), True),  # the same content
        (b'{"n":2}', OutageError("overloaded", status=429), True),  # refused: it is not there
    ],
)
def test_what_waits_behind_other_content(
    make_run: Callable[..., Run], services: Services, before: bytes, error: OutageError, kept: bool
) -> None:
    """Of the state that waits a step was confirmed by an earlier run; the one before it meets an outage in this run."""
    route = make_run(route={"outgoing": STEPS}).route
    verdicts = Outcomes(route, route.outgoing.component()(route.outgoing.config, route), services)
    first, last = Outbound("k", before, version="1"), Outbound("k", b'{"n":1}', version="2")
    first.progress, last.progress = Progress(), Progress([StepDone("part", "7", "target: POST /parts", 201, 1.0)])
    last.progress.stored = True
    chunk = Chunk(
        claim=1,
        keys=frozenset("k"),
        known={},
        taken=frozenset(),
        repeated=frozenset("k"),
        open=2,
        entries=deque(),
        unanswered={},
        unanswered_earlier={},
        bytes=14,
    )
    traffic = InFlight(asyncio.Event())
    traffic.met_outage(error, [(chunk, 0, first)])
    assert traffic.waits_behind(chunk, 1, last)
    earlier, later = [verdicts.set_aside(entry, last) for entry in traffic.take_set_aside()]
    assert (earlier.status, later.status) == ("superseded", "retrying")
    assert (later.steps is not None) == kept
