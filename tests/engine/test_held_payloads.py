"""Who clears a run clears no payload that an open entity needs: what is in doubt or waits can still be sent."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, NoConnections, all_delivered
from push_scene import MakeRun, Scene, order

from airflow_integrations.engine.fetch import carry_over
from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.staged_payloads import Payload, held_line, held_payload, payload_of
from airflow_integrations.engine.live.whole_run import whole_run
from airflow_integrations.engine.push.journal.exchange_log import exchange_of
from airflow_integrations.errors import RunError
from airflow_integrations.http.exchange import Exchange
from airflow_integrations.ledger.actions import entity_actions
from airflow_integrations.ledger.actions.payload_edits import edit
from airflow_integrations.ledger.actions.selection import Selection
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.maintenance.retention import prune
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.ledger.queries.payload_locations import places
from airflow_integrations.ledger.records import RetryWanted
from airflow_integrations.ledger.runs.carry_over import take_due
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.masking.mask import Mask
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.route.retention import Retention
from airflow_integrations.run import Run, Services
from airflow_integrations.staging import segment_writer
from airflow_integrations.staging.folder import Staging

HOLD: dict[str, Any] = {
    "entity": {"name": "order", "key": "order.number", "version": "order.rev"},
    "transform": [{"map": {"ref": "order.number", "total": "order.total"}}],
    "delivery": {"in_doubt": "hold"},
}
EVENTS = HOLD | {"incoming": {"none": {}}, "trigger": {"webhook": {"path": "orders", "verify": "none"}}}
CAME = [order(1, rev=1, total=1.5), order(2, rev=1, total=2), order(3, rev=1, total=3), order(4, rev=1, total=4)]
PAYLOADS = {"1": {"ref": 1, "total": 1.5}, "2": {"ref": 2, "total": 2}}


class Cleared:
    """One run, of which 1 is in doubt, 2 waits, 3 is delivered and 4 failed; then it is cleared again and again."""

    def __init__(self, scene: Scene, events: bool) -> None:
        self.scene, self.services, self.events = scene, scene.services, events
        self.route = EVENTS if events else HOLD
        self.ledger = scene.services.ledger
        self.made = scene.make_run(route=self.route, run_id="run-0", events=events)
        self.staging = scene.staging(self.made)
        self.keys: dict[str, str] = {}
        """The idempotency keys of the first time."""

    async def first(self) -> None:
        def said() -> Exchange:
            return Exchange(at=1.0, request="POST https://erp.example/orders", body="in the middle of it")

        def answer(batch: Sequence[Outbound]) -> list[Result]:
            self.keys |= {outbound.key: outbound.idempotency_key for outbound in batch}
            return [
                {
                    "1": Result("in_doubt", reason="no answer", exchange=said),
                    "2": Result("waiting", reason="later"),
                    "4": Result("failed", reason="no", http_status=422),
                }.get(outbound.key, Result("delivered"))
                for outbound in batch
            ]

        MemoryOutgoing.answer = answer
        await self.attempt(*CAME)
        MemoryOutgoing.answer, MemoryOutgoing.sent = all_delivered, []

    async def attempt(self, *records: Any, run: Run | None = None) -> Any:
        """All of it as one task does it."""
        MemoryIncoming.pages_to_give = [] if self.events else [list(records)]
        if self.events and records:
            event = NewEvent(
                route="orders", event_id=uuid.uuid4().hex, body=json.dumps(records).encode(), source="webhook"
            )
            self.services.ledger.inbox.put([event], self.services.now())
        of, staging = (run, self.scene.staging(run)) if run else (self.made, self.staging)
        told: Any = {"anew": True, "final": True, "begins": lambda stage: None}
        return (await whole_run(of, self.services, staging, None, **told)).balance.counts  # type: ignore[arg-type]

    async def next(self, name: str = "run-1") -> Any:
        return await self.attempt(run=self.scene.make_run(route=self.route, run_id=name, events=self.events))

    def kept(self) -> dict[str, Any]:
        """The payloads of both, where the ledger has them."""
        there = places(self.ledger, "orders", list(PAYLOADS))
        near, found = Staging(self.scene.folder, "", ""), {}
        for key, place in there.items():
            payload = None if place.ref is None else payload_of(near, key, place.ref)
            found[key] = None if payload is None else json.loads(payload)
        return found

    def told(self) -> dict[str, str | None]:
        """The last answer about each, as people see it."""
        near, found = Staging(self.scene.folder, "orders", ""), {}
        for key in PAYLOADS:
            record = where(self.ledger, "orders", key, self.services.now())
            assert record is not None
            assert record.payload is not None
            last = exchange_of(near, record.payload, Mask(), frozenset(), known=True)
            found[key] = None if last is None else last.body
        return found

    def decide(self, became: Any) -> None:
        both, now = Selection("orders", keys=frozenset(PAYLOADS)), self.services.now()
        reason = "it is not there" if became == "failed" else None
        entity_actions.confirm(self.ledger, both, became, "me", now, reason=reason)
        if became == "failed":
            entity_actions.retry(self.ledger, both, "me", now)


def went() -> dict[str, tuple[Any, str]]:
    batches, MemoryOutgoing.sent = MemoryOutgoing.sent, []
    sent = [outbound for batch in batches for outbound in batch]
    assert len({outbound.key for outbound in sent}) == len(sent), "nothing goes twice"
    return {outbound.key: (outbound.value, outbound.idempotency_key) for outbound in sent}


@pytest.fixture(params=[True, False], ids=["events only", "with a source"])
async def cleared(request: Any, make_run: MakeRun, services: Services, tmp_path: Path) -> Cleared:
    made = Cleared(Scene(make_run, services, tmp_path), request.param)
    await made.first()
    return made


async def test_people_still_see_the_last_answer(cleared: Cleared) -> None:
    seen = {"1": "in the middle of it", "2": None}
    assert cleared.told() == seen
    for _ in range(3):
        await cleared.attempt()
        assert cleared.told() == seen


@pytest.mark.parametrize("times", [1, 3])
async def test_what_did_not_arrive_is_sent_once_with_what_it_was(cleared: Cleared, times: int) -> None:
    for time in range(times):
        await cleared.attempt()
        assert set(went()) == ({"4"} if time == 0 else set()), "what is in doubt is not sent by the run itself"
        assert cleared.kept() == PAYLOADS
    cleared.decide("failed")
    assert (await cleared.next())["delivered"] == 2
    assert went() == {key: (payload, cleared.keys[key]) for key, payload in PAYLOADS.items()}
    assert not any((await cleared.next("run-2")).values())


@pytest.mark.parametrize("stage", ["fetch", "transform"])
@pytest.mark.parametrize(
    "content", [b"", b'{"route": "ord', b"{}", b"\xff\x00", None], ids=["empty", "cut", "{}", "bytes", "gone"]
)
async def test_a_damaged_manifest_loses_and_doubles_nothing(
    cleared: Cleared, stage: str, content: bytes | None
) -> None:
    for time in range(3):
        path = cleared.staging.folder / f"{stage}.json"
        if content is not None and path.exists():
            path.write_bytes(content)
        elif content is None and stage == "fetch":
            path.unlink()
        await cleared.attempt()
        assert set(went()) == ({"4"} if time == 0 else set())
        assert cleared.kept() == PAYLOADS
    cleared.decide("failed")
    assert (await cleared.next())["delivered"] == 2
    assert went() == {key: (payload, cleared.keys[key]) for key, payload in PAYLOADS.items()}


async def test_what_was_asked_to_be_sent_again_goes_with_the_cleared_run(cleared: Cleared) -> None:
    await cleared.attempt()
    cleared.decide("failed")
    went()
    await cleared.attempt()
    assert went() == {key: (payload, cleared.keys[key]) for key, payload in PAYLOADS.items()}


async def test_what_arrived_is_not_sent(cleared: Cleared) -> None:
    await cleared.attempt()
    cleared.decide("delivered")
    went()
    await cleared.attempt()
    assert not any((await cleared.next()).values())
    assert went() == {}


async def test_what_the_source_gives_again_is_as_much_in_doubt_as_before(cleared: Cleared) -> None:
    for _ in range(2):
        counts = await cleared.attempt(*CAME[:2])
        assert set(went()) <= {"4"}
        assert cleared.kept() == PAYLOADS
        assert (counts["fetched"], counts["in_doubt"], counts["waiting"]) == (2, 1, 1)


async def test_an_edit_stays(cleared: Cleared) -> None:
    edit(cleared.ledger, "orders", "1", '{"ref": 1, "total": 7.10}', "me", cleared.services.now())
    for _ in range(2):
        await cleared.attempt()
    went()
    cleared.decide("failed")
    await cleared.next()
    assert {key: str(value["total"]) for key, (value, _) in went().items()} == {"1": "7.10", "2": "2"}


async def test_they_are_kept_as_long_as_somebody_needs_them(cleared: Cleared, clock: Clock) -> None:
    await cleared.attempt()
    clock.now += 400 * 86_400.0
    routes = {"orders": Retention()}
    assert prune(cleared.ledger, routes=routes, now=clock.now).staging == ()
    cleared.decide("delivered")
    assert [run.folder for run in prune(cleared.ledger, routes=routes, now=clock.now).staging] == [
        str(cleared.staging.folder)
    ]


@pytest.mark.parametrize(
    "payload",
    [
        Payload(line=b'["1",null,{"n":1.10},null,null,true,"b"]'),
        Payload(record={"number": 10**30, "price": Decimal("1.10")}),
        Payload(record={"id": 1}, thin=True),
        Payload(record="no JSON: \\ud800 ["),
        Payload(record=None),
    ],
)
def test_every_payload_is_held_as_it_is(payload: Payload) -> None:
    line = held_line("1", payload)
    assert b"\n" not in line
    assert held_payload(line) == ("1", payload)


class Killed(BaseException):
    pass


class Deaths:
    """The process dies before its so-manieth write on disk, removal or transaction."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = self.count = 0
        for owner, name in ((Staging, "write"), (Path, "unlink"), (Database, "transact")):
            monkeypatch.setattr(owner, name, self.before(getattr(owner, name)))

    def before(self, work: Any) -> Any:
        def point(*args: Any, **named: Any) -> Any:
            self.count += 1
            if self.count == self.at:
                raise Killed
            return work(*args, **named)

        return point


@pytest.mark.parametrize("clears", [1, 2])
async def test_wherever_the_clear_is_killed(
    clears: int, make_run: MakeRun, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_writer, "SEGMENT_ENTITIES", 1)
    deaths, died = Deaths(monkeypatch), True
    at = 0
    while died:
        at, deaths.at = at + clears, 0
        services = Services(NoConnections(), now=clock)
        one = Cleared(Scene(make_run, services, tmp_path / str(at)), events=True)
        await one.first()
        for _ in range(clears - 1):
            await one.attempt()
        deaths.at, deaths.count, died = at, 0, False
        MemoryIncoming.pages_to_give = []
        try:
            await fetch(one.made, services, one.staging)
        except Killed:
            died = True
        deaths.at = 0
        assert one.kept() == PAYLOADS, at
        await one.attempt()
        assert one.kept() == PAYLOADS, at
        went()
        one.decide("failed")
        await one.next()
        assert went() == {key: (payload, one.keys[key]) for key, payload in PAYLOADS.items()}, at
        manifest = one.staging.manifest("fetch")
        assert manifest is not None
        assert {segment.name for segment in manifest.held} <= {path.name for path in one.staging.folder.iterdir()}
        services.ledger.close()
    assert at > 10


@pytest.mark.parametrize("dies", [False, True], ids=["and reads it later", "and dies"])
async def test_what_another_run_takes_while_the_run_is_cleared(
    cleared: Cleared, dies: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It knows where the payload was, and has not read it yet."""
    other = cleared.scene.make_run(
        route=cleared.route, run_id="run-1", retry=RetryWanted(statuses=frozenset({"in_doubt"}))
    )
    MemoryIncoming.pages_to_give = []

    def taken(*args: Any, **named: Any) -> Any:
        dues = take_due(*args, **named)
        monkeypatch.setattr(carry_over, "take_due", take_due)
        asyncio.run(fetch(cleared.made, cleared.services, cleared.staging))
        if dies:
            raise RunError("killed")
        return dues

    monkeypatch.setattr(carry_over, "take_due", taken)
    if dies:
        with pytest.raises(RunError, match="killed"):
            await fetch(other, cleared.services, cleared.scene.staging(other))
    counts = await cleared.attempt(run=other)
    assert (counts["carried_in"], counts["failed"]) == (1, 0)
    assert went() == {"1": (PAYLOADS["1"], cleared.keys["1"])}
    assert cleared.kept()["2"] == PAYLOADS["2"]
