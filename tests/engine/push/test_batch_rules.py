"""The table in :class:`BatchRules` is what push does: each of its rows is a test."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
import pytest

from airflow_integrations.engine.push.batch_rules import BATCH_BYTES, BatchRules
from airflow_integrations.engine.push.chunk import Chunk
from airflow_integrations.engine.push.in_flight import InFlight
from airflow_integrations.engine.push.outcomes import Outcomes
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.records import Known
from airflow_integrations.outgoing import Outbound
from airflow_integrations.run import Run, Services

MOST = 4
NEWER = "9"


class Row(NamedTuple):
    chunk: str
    given: str
    batch: str
    stays: str
    left: str
    because: str


def table() -> Iterator[Row]:
    """The rows between the second and the third rule of the table, cut at the columns that the rule marks."""
    _, _, rest = inspect.cleandoc(BatchRules.__doc__ or "").partition("\n====")
    rule, *lines = ("====" + rest).splitlines()
    columns = [(mark.start(), mark.end()) for mark in re.finditer("=+", rule)]
    columns[-1] = (columns[-1][0], 200)
    body = lines[lines.index(rule) + 1 :]
    for line in body[: body.index(rule)]:
        yield Row(*(line[first:last].strip() for first, last in columns))


ROWS = list(table())


class Scene:
    """What a row has in front of the rules."""

    def __init__(self, row: Row, route: Any, outgoing: Any, services: Services) -> None:
        self.names = row.chunk.split()
        self.outbounds = {name: self._outbound(name, row.given) for name in self.names}
        self.traffic = InFlight(asyncio.Event())
        self.now = services.now()
        times = Counter(name[0] for name in self.names)
        self.chunk = Chunk(
            claim=1,
            keys=frozenset(times),
            known={},
            taken=frozenset(),
            repeated=frozenset(key for key in times if times[key] > 1 or f"{key}2" in self.names),
            open=len(self.names),
            entries=deque(enumerate(self.outbounds.values())),
            unanswered={},
            unanswered_earlier={},
            bytes=sum(len(outbound.encoded) for outbound in self.outbounds.values()),
        )
        for fact in filter(None, row.given.split(", ")):
            self._given(*re.fullmatch(r"((?:[A-Z]\d? )+)(.*)", fact).groups())  # type: ignore[union-attr]
        self.rules = BatchRules(Outcomes(route, outgoing, services), self.traffic, most=MOST)

    def _outbound(self, name: str, given: str) -> Outbound:
        size = 8
        if "large" in given:
            size = BATCH_BYTES * 3 // 5
        elif "huge" in given:
            size = BATCH_BYTES + 1
        return Outbound(name[0], json.dumps(name.ljust(size)).encode(), version=name[1:] or "1")

    def _given(self, named: str, fact: str) -> None:
        names, chunk, traffic = named.split(), self.chunk, self.traffic
        ordinals = [self.names.index(name) for name in names if name in self.names]
        if fact in ("large", "huge"):
            return
        if fact in ("sent", "sent earlier"):
            (chunk.unanswered if fact == "sent" else chunk.unanswered_earlier)[ordinals[0]] = ordinals
            return
        key = names[0][0]
        state = self.outbounds.get(names[0]) or self.outbounds[f"{key}2"]
        if fact == "leased":
            chunk.taken = frozenset({key})
        elif fact == "in flight":
            traffic.begins({key})
        elif fact in ("away", "newer away"):
            version = NEWER if fact == "newer away" else "1"
            traffic.met_outage(OutageError("503"), [(chunk, 99, Outbound(key, b"0", version=version))])
        else:
            chunk.known[key] = self._known(fact, state.hash)

    def _known(self, fact: str, content: str) -> Known:
        none = Known("retrying", content, None, None, 0, None, 0, None, None, None, None)
        changed: dict[str, dict[str, Any]] = {
            "unchanged": {"status": "delivered", "hash": None, "delivered_hash": content, "deliveries": 1},
            "superseded": {"status": "delivered", "hash": None, "delivered_version": NEWER, "deliveries": 1},
            "newer open": {"status": "failed", "hash": "other", "version": NEWER},
            "in doubt": {"status": "in_doubt", "error_class": "unknown"},
            "waiting": {"status": "waiting"},
            "not due": {"attempts": 1, "next_attempt": self.now + 60},
            "known": {},
            "tried once": {"attempts": 1, "next_attempt": self.now - 60},
            "tried twice": {"attempts": 2, "next_attempt": self.now - 60},
            "unanswered": {"status": "in_doubt", "error_class": "unknown", "next_attempt": self.now - 60},
        }
        return msgspec.structs.replace(none, **changed[fact])

    def name_of(self, outbound: Outbound) -> str:
        return next(name for name, other in self.outbounds.items() if other is outbound)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.because}: {row.chunk}" for row in ROWS])
def test_the_rules_do_what_their_table_says(row: Row, make_run: Callable[..., Run], services: Services) -> None:
    route = make_run().route
    outgoing = route.outgoing.component()(route.outgoing.config, route)
    scene = Scene(row, route, outgoing, services)
    cut = scene.rules.cut(scene.chunk)
    batch = [scene.name_of(outbound) for outbound in cut.batch.outbounds]
    left = [scene.name_of(outbound) for _, outbound in scene.chunk.entries]
    stays = [f"{scene.names[o]} {outcome.status}" for o, outcome in zip(cut.ordinals, cut.outcomes, strict=True)]
    stays += [
        f"{scene.name_of(outbound)} held"
        for _, _, outbound, _ in scene.traffic.set_aside
        if outbound in scene.outbounds.values()
    ]
    assert (" ".join(batch), ", ".join(stays), " ".join(left)) == (row.batch, row.stays, row.left)
    assert [scene.names[ordinal] for ordinal in cut.batch.ordinals] == batch


def test_the_table_has_every_rule() -> None:
    assert len(ROWS) > 20
    assert all(row.chunk and row.because for row in ROWS)
