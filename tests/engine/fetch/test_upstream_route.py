"""A route reads what another one fetched: each fetch once, in order, whatever becomes of the runs of both."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from engine_kinds import MemoryIncoming
from two_routes import Died, TwoRoutes

from airflow_integrations.engine.disk_space import make_room
from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import OutageError, RunError
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.runs.published_fetches import Fetches
from airflow_integrations.ledger.runs.runs import find_run, note_outage
from airflow_integrations.staging import segment_writer
from airflow_integrations.window import Window


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with Ledger.open(ledger_url) as opened:
        yield opened


@pytest.fixture
def routes(ledger: Ledger, tmp_path: Path) -> TwoRoutes:
    return TwoRoutes(ledger, tmp_path / "staging")


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_writer, "SEGMENT_ENTITIES", 2)


async def subscribed(routes: TwoRoutes) -> None:
    assert (await routes.read()).counts["fetched"] == 0


async def test_a_reader_gets_what_is_fetched_from_its_first_run_on(routes: TwoRoutes) -> None:
    await routes.fetched([("a", 1)])
    await subscribed(routes)
    await routes.fetched([("a", 2), ("b", 2)])
    await routes.fetched([("c", 3)])
    assert routes.ledger.fetches.behind(routes.clock.now).keys() == {"prices"}
    assert (await routes.read()).lines() == ["3 fetched = 3 delivered"]
    assert routes.received == [("a", 2), ("b", 2), ("c", 3)]
    assert routes.ledger.fetches.behind(routes.clock.now) == {}
    assert (await routes.read()).lines() == ["0 fetched = 0"]


async def test_from_oldest_begins_with_what_is_still_staged(ledger: Ledger, tmp_path: Path) -> None:
    reader = {"incoming": {"route": {"name": "products", "from": "oldest"}}}
    routes = TwoRoutes(ledger, tmp_path / "staging", reader=reader)
    for state in range(4):
        await routes.fetched([("a", state)])
        routes.clock.now += 3600
    routes.forget(payloads="150m", runs=10)
    await routes.read()
    assert routes.received == [("a", 2), ("a", 3)]


async def test_the_source_is_asked_once_and_records_come_as_it_gave_them(ledger: Ledger, tmp_path: Path) -> None:
    source = {"transform": [{"filter": "product.state == 'wanted'"}, {"map": {"other": "product.sku"}}]}
    routes = TwoRoutes(ledger, tmp_path / "staging", source=source)
    await subscribed(routes)
    big = 12345678901234567890123456789
    await routes.fetched([("a", big)])
    asked = list(MemoryIncoming.asked)
    await routes.read()
    assert routes.received == [("a", big)]
    assert asked == MemoryIncoming.asked


async def test_a_reader_has_a_key_of_its_own_and_a_run_for_events_reads_too(ledger: Ledger, tmp_path: Path) -> None:
    reader = {"entity": {"name": "price", "key": "price.state"}}
    routes = TwoRoutes(ledger, tmp_path / "staging", reader=reader)
    await subscribed(routes)
    await routes.fetched([("a", 7)])
    await routes.read(events=True)
    assert routes.received == [("7", 7)]
    assert routes.position == 1


@pytest.mark.parametrize(
    "edited",
    [
        {"entity": {"name": "product", "key": "product.state"}},
        {"transform": [{"filter": "product.state == 'wanted'"}]},
        {"outgoing": {"none": {}}},
        {"entity": {"name": "product", "key": "product.sku", "version": "product.state"}},
    ],
)
async def test_an_edit_of_the_feeding_route_loses_nothing_that_is_unread(
    ledger: Ledger, tmp_path: Path, edited: dict[str, Any]
) -> None:
    """What was fetched before the edit is read as it was fetched, then what is fetched with the new definition; where
    the reader has versions of its own they are in order, whatever the feeding route calls a version."""
    reader = {"entity": {"name": "price", "key": "price.sku", "version": "price.state"}}
    before = TwoRoutes(ledger, tmp_path / "staging", reader=reader)
    await subscribed(before)
    await before.fetched([("a", 1), ("b", 1)])
    after = TwoRoutes(ledger, tmp_path / "staging", source=edited, reader=reader)
    after.runs, after.clock.now = 100, before.clock.now + 60
    await after.fetched([("a", 2)])
    balance = await after.read()
    assert balance.counts["fetched"] == balance.counts["delivered"] == 3
    assert after.received == [("a", 1), ("b", 1), ("a", 2)]
    await after.fetched([("a", 3)])
    assert (await after.read()).counts["delivered"] == 1


async def test_versions_are_those_of_the_source(ledger: Ledger, tmp_path: Path) -> None:
    """What it fetched last may be older by its versions."""
    source = {"entity": {"name": "product", "key": "product.sku", "version": "product.state"}}
    routes = TwoRoutes(ledger, tmp_path / "staging", source=source)
    await subscribed(routes)
    await routes.fetched([("a", 9)])
    await routes.read()
    await routes.fetched([("a", 8)])
    assert (await routes.read()).counts["superseded"] == 1
    assert routes.received == [("a", 9)]


async def test_two_states_in_one_fetch_keep_their_order_when_they_are_read_again(
    routes: TwoRoutes, small_segments: None
) -> None:
    await subscribed(routes)
    await routes.fetched([("a", 1), ("b", 1)], [("a", 2), ("a", 3)])
    run = routes.run(routes.reader, "dies")
    services = routes.services()
    await fetch(run, services, routes.staging(run))
    await transform(run, services, routes.staging(run))
    await push(run, services, routes.staging(run))
    assert (await routes.read()).counts["superseded"] == 2  # for it was not settled
    assert routes.received == [("a", 1), ("b", 1), ("a", 2), ("a", 3)]


async def test_rejected_entities_that_are_tried_again_are_not_read_again(ledger: Ledger, tmp_path: Path) -> None:
    routes = TwoRoutes(ledger, tmp_path / "staging", source={"transform": [{"map": {"n": "product.state + 1"}}]})
    await subscribed(routes)
    await routes.fetched([("a", "text"), ("b", 1)])
    await routes.read()
    from airflow_integrations.ledger.records import RetryWanted

    await routes.fetched(retry=RetryWanted(statuses=frozenset({"rejected"})))
    assert routes.ledger.fetches.newest("products") == 1
    assert (await routes.read()).counts["fetched"] == 0


async def test_a_dry_run_of_the_source_and_one_that_found_nothing_are_not_read(routes: TwoRoutes) -> None:
    await subscribed(routes)
    await routes.fetched([("a", 1)], dry_run=True)
    await routes.fetched([])
    assert routes.ledger.fetches.newest("products") == 0
    await routes.fetched([("a", 1)])
    assert routes.ledger.fetches.newest("products") == 1


@pytest.mark.parametrize("asked", [{"limit": 1}, {"dry_run": True}, {"keys": frozenset({"b"})}, {"explicit": True}])
async def test_runs_of_something_else_leave_it_unread(routes: TwoRoutes, asked: dict[str, Any]) -> None:
    await subscribed(routes)
    await routes.fetched([("a", 1), ("b", 1)])
    balance = await routes.read(**asked)
    assert balance.counts["fetched"] == (2 if "explicit" in asked or "dry_run" in asked else 1)
    assert routes.position == 0
    await routes.read()
    assert sorted(routes.received) == [("a", 1), ("b", 1)]


async def test_keys_and_windows_are_looked_for_in_all_that_is_staged(routes: TwoRoutes) -> None:
    await subscribed(routes)
    days = [Window(datetime(2026, 1, day, tzinfo=UTC), datetime(2026, 1, day + 1, tzinfo=UTC)) for day in (1, 2, 3)]
    for state, day in enumerate(days):
        await routes.fetched([("a", state), (f"only-{state}", state)], window=day)
    await routes.read()
    always = {"delivery": {"resend": "always"}}
    again = TwoRoutes(routes.ledger, routes.folder, reader=always)
    again.clock.now = routes.clock.now + 10
    again.runs = 100
    await again.read(keys=frozenset({"only-1"}))
    await again.read(window=days[1], explicit=True)
    assert again.received == [("only-1", 1), ("only-1", 1)]  # the state of a that day had is older than what is there


async def test_a_run_of_given_entities_reads_nothing(routes: TwoRoutes) -> None:
    await routes.fetched([("a", 1)])
    await routes.read(entities=({"sku": "z", "state": 0},))
    assert routes.received == [("z", 0)]
    assert routes.position is None


async def test_a_reader_that_broke_off_goes_on_where_it_was(routes: TwoRoutes, small_segments: None) -> None:
    await subscribed(routes)
    await routes.fetched([("a", 1), ("b", 1)], [("c", 1), ("d", 1)])
    await routes.fetched([("a", 2), ("b", 2)])
    run = routes.run(routes.reader, "breaks")
    with pytest.raises(Died):
        await fetch(run, routes.services(pages=2), routes.staging(run))
    assert routes.manifest(run).resume == [1, "fetch-00001.jsonl.zst"]
    await routes.whole(run)
    assert routes.received == [("a", 1), ("b", 1), ("c", 1), ("d", 1), ("a", 2), ("b", 2)]
    assert routes.position == 2


async def test_a_reader_that_does_not_settle_reads_again_and_sends_nothing_twice(routes: TwoRoutes) -> None:
    await subscribed(routes)
    await routes.fetched([("a", 1), ("b", 1)])
    run, services = routes.run(routes.reader, "dies"), routes.services()
    await fetch(run, services, routes.staging(run))
    await transform(run, services, routes.staging(run))
    routes.dies_at_batch = 1
    with pytest.raises(Died):
        await push(run, services, routes.staging(run))
    assert routes.position == 0
    await routes.calm()
    assert sorted(routes.received) == [("a", 1), ("b", 1)]
    assert routes.position == 1


async def test_a_reader_whose_fetch_fails_for_good_reads_again(routes: TwoRoutes) -> None:
    await subscribed(routes)
    await routes.fetched([("a", 1)])
    run = routes.run(routes.reader, "fails")
    with pytest.raises(Died):
        await fetch(run, routes.services(pages=0), routes.staging(run))
    assert (await settle(run, routes.services(), routes.staging(run))).unfinished == "fetch"
    assert routes.position == 0
    await routes.read()
    assert routes.received == [("a", 1)]


async def test_two_readers_at_once_send_nothing_twice(routes: TwoRoutes) -> None:
    await subscribed(routes)
    await routes.fetched([(str(number), 1) for number in range(50)])
    runs = [routes.run(routes.reader, f"at-once-{number}") for number in range(2)]
    await asyncio.gather(*(routes.whole(run) for run in runs))
    await routes.calm()
    assert sorted(routes.received) == sorted((str(number), 1) for number in range(50))


async def test_a_source_run_that_fetches_again_keeps_what_nobody_has_read(
    routes: TwoRoutes, small_segments: None
) -> None:
    await subscribed(routes)
    run = await routes.fetched([("a", 1), ("gone", 1)], [("b", 1)])
    await routes.fetched([("a", 2)], run_id=run.run_id)  # cleared: the source no longer has the others
    assert routes.ledger.fetches.newest("products") == 2
    await routes.read()
    assert routes.received == [("a", 1), ("gone", 1), ("b", 1), ("a", 2)]
    await routes.fetched([("a", 3)], run_id=run.run_id)
    await routes.fetched([], run_id=run.run_id)  # finds nothing, and what it found before is unread
    await routes.read()
    assert routes.received[4:] == [("a", 3)]
    await routes.fetched([], run_id=run.run_id)
    assert not routes.staging(run).folder.exists()
    assert (await routes.read(keys=frozenset({"a"}))).counts["fetched"] == 0


async def test_a_source_run_whose_second_fetch_breaks_off_can_still_be_read(
    routes: TwoRoutes, small_segments: None
) -> None:
    await subscribed(routes)
    run = await routes.fetched([("a", 1), ("b", 1)])

    def away(number: int) -> None:
        if number:
            raise OutageError("the source is away")

    MemoryIncoming.before = away
    with pytest.raises(OutageError):
        await routes.fetched([("a", 2), ("b", 2)], [("c", 2)], run_id=run.run_id)
    await routes.read()
    assert routes.received == [("a", 1), ("b", 1)]
    MemoryIncoming.before = lambda number: None
    await routes.fetched([("a", 2), ("b", 2)], [("c", 2)], run_id=run.run_id)
    await routes.read()
    assert routes.received[2:] == [("a", 2), ("b", 2), ("c", 2)]


async def test_a_source_that_fetches_again_while_it_is_read_disturbs_nobody(
    routes: TwoRoutes, small_segments: None
) -> None:
    await subscribed(routes)
    source = await routes.fetched([("a", 1), ("b", 1)], [("c", 1), ("d", 1)])
    run = routes.run(routes.reader, "reads")
    with pytest.raises(Died):
        await fetch(run, routes.services(pages=1), routes.staging(run))
    await routes.fetched([("a", 2)], run_id=source.run_id)
    await routes.whole(run)
    await routes.read()
    assert routes.received == [("a", 1), ("b", 1), ("c", 1), ("d", 1), ("a", 2)]


async def test_a_source_that_dies_before_it_says_that_it_fetched(
    routes: TwoRoutes, monkeypatch: pytest.MonkeyPatch
) -> None:
    await subscribed(routes)

    def died(*given: Any, **named: Any) -> None:
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(Fetches, "publish", died)
        with pytest.raises(Died):
            await routes.fetched([("a", 1)], run_id="source")
    run = routes.run(routes.source, "source")
    await transform(run, routes.services(), routes.staging(run))
    await push(run, routes.services(), routes.staging(run))
    await settle(run, routes.services(), routes.staging(run))
    await settle(run, routes.services(), routes.staging(run))
    assert routes.ledger.fetches.newest("products") == 1
    await routes.read()
    assert routes.received == [("a", 1)]


async def test_what_is_unread_is_not_forgotten_for_a_month(routes: TwoRoutes) -> None:
    await subscribed(routes)
    await routes.fetched([("a", 1)])
    await routes.fetched([("a", 2)])
    routes.clock.now += timedelta(days=29).total_seconds()
    routes.forget()
    await make_room(routes.services(), routes.staging(routes.run(routes.source)), max_bytes=10**9)
    await routes.read()
    assert routes.received == [("a", 1), ("a", 2)]
    routes.forget()
    assert {found.folder for found in routes.ledger.fetches.between("products", 0, 9)} == {""}


async def test_what_was_forgotten_unread_is_told(routes: TwoRoutes) -> None:
    await subscribed(routes)
    lost = await routes.fetched([("a", 1)])
    routes.clock.now += timedelta(days=31).total_seconds()
    await routes.fetched([("b", 1)])
    routes.forget(history="90d")
    run = routes.run(routes.reader, "late")
    await routes.whole(run)
    assert routes.received == [("b", 1)]
    (warning,) = routes.manifest(run).warnings
    assert lost.run_id in warning
    assert routes.position == 2


async def test_numbers_go_on_where_the_books_of_old_runs_are_gone(routes: TwoRoutes) -> None:
    await subscribed(routes)
    await routes.fetched([("a", 1)])
    await routes.read()
    for _ in range(2):
        routes.clock.now += 10
        await routes.fetched([])
    routes.forget()
    routes.forget()
    assert routes.ledger.fetches.between("products", 0, 9) == []
    await routes.fetched([("a", 2)])
    await routes.read()
    assert routes.received == [("a", 1), ("a", 2)]


async def test_staging_that_not_every_worker_sees_is_no_reason_to_pass_anything_over(
    routes: TwoRoutes, tmp_path: Path
) -> None:
    await subscribed(routes)
    run = await routes.fetched([("a", 1)])
    routes.staging(run).folder.rename(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="every worker sees"):
        await routes.read()
    (tmp_path / "elsewhere").rename(routes.staging(run).folder)
    await routes.calm()
    assert routes.received == [("a", 1)]


async def test_a_route_that_reads_another_one_forgets_the_one_before(ledger: Ledger, tmp_path: Path) -> None:
    routes = TwoRoutes(ledger, tmp_path / "staging")
    await subscribed(routes)
    other = TwoRoutes(ledger, tmp_path / "staging", reader={"incoming": {"route": "stock"}})
    other.runs = 50
    await subscribed(other)
    assert ledger.fetches.subscriptions() == [("prices", "stock", "records")]
    assert ledger.fetches.behind(0) == {}


async def test_a_reader_whose_target_is_away_is_not_behind(routes: TwoRoutes) -> None:
    await subscribed(routes)
    await routes.fetched([("a", 1)])
    found = find_run(routes.ledger, "prices", "run-1")
    assert found is not None
    note_outage(routes.ledger, found.route_id, until=routes.clock.now + 100)
    assert routes.ledger.fetches.behind(routes.clock.now) == {}
    assert routes.ledger.fetches.behind(routes.clock.now + 100).keys() == {"prices"}
