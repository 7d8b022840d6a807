"""A process is killed in the midst of its push. What it has done is known, what it has not done is done by others."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import recovery_scene
from recovery_scene import HANGS, KEYS, KINDS, ROUTE, Book
from sqlalchemy import select

from airflow_integrations.airflow.config.ledger import ledger_url, open_ledger
from airflow_integrations.airflow.config.settings import staging_base
from airflow_integrations.airflow.maintenance.cleanup import Wanted, clean_up
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.runs.carry_over import lapsed_runs
from airflow_integrations.ledger.runs.runs import adopt_run, route_state
from airflow_integrations.ledger.storage import tables
from airflow_integrations.route import registry
from airflow_integrations.staging.folder import Staging

POSTGRES = os.environ.get("TEST_POSTGRES_DSN", "postgresql://root@127.0.0.1:5432/test")
DONE, UNHEARD, UNSENT = set("123"), {HANGS}, set("5678")


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    for part, kinds in KINDS.items():
        for kind, place in kinds.items():
            monkeypatch.setitem(registry._BUILT_IN[part], kind, place)


@pytest.fixture(params=["sqlite", "postgresql"], autouse=True)
def _database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if request.param == "sqlite":
        yield
        return
    try:
        admin = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        told = f"no PostgreSQL at {POSTGRES} (TEST_POSTGRES_DSN names another): {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{told} and CI=true")
        pytest.skip(told)
    name = f"recovery_{secrets.token_hex(6)}"
    with admin:
        admin.execute(f"CREATE SCHEMA {name}")
        info = admin.info
        connection = {
            "conn_type": "postgres",
            "host": info.host,
            "port": info.port,
            "login": info.user,
            "password": info.password,
            "schema": info.dbname,
            "extra": {"options": f"-csearch_path={name}"},
        }
        monkeypatch.setenv("AIRFLOW_CONN_TEST_LEDGER", json.dumps(connection))
        try:
            yield
        finally:
            admin.execute(f"DROP SCHEMA {name} CASCADE")


class Scene:
    def __init__(self, folder: Path) -> None:
        self.routes, self.book, self.source = folder / "routes", folder / "book", folder / "source.json"
        self.routes.mkdir()
        self.staging = staging_base()
        self.source.write_text(json.dumps(KEYS))
        self.route()

    def route(self, *, hang: bool = False, in_doubt: str = "resend") -> None:
        """Write the route's file: how the target behaves, and what becomes of what is in doubt."""
        text = ROUTE % (self.source, self.book, "'yes'" if hang else "'no'", in_doubt)
        (self.routes / "crashed.yaml").write_text(text)

    def killed(self, run_id: str) -> None:
        """A run, in a process that is killed when its target has taken the entity of which it says nothing."""
        arguments = [ledger_url(), str(self.routes), self.staging, run_id]
        child = subprocess.Popen([sys.executable, recovery_scene.__file__, *arguments])
        try:
            until = time.monotonic() + 60
            while HANGS not in self.taken:
                assert child.poll() is None, "it ended before it was killed"
                assert time.monotonic() < until, "it never came to its push"
                time.sleep(0.02)
        finally:
            child.kill()
            child.wait()

    @property
    def taken(self) -> list[str]:
        return [key for key, _ in self.entries]

    @property
    def entries(self) -> list[tuple[str, str]]:
        return [tuple(json.loads(line)) for line in self.book.read_text().splitlines()] if self.book.exists() else []

    def tidy(self, now: float) -> Wanted:
        return clean_up(self.routes, self.staging, datetime.fromtimestamp(now, UTC), thoroughly=False)

    async def run(self, run_id: str, now: float | None = None) -> dict[str, int]:
        with open_ledger() as ledger:
            balance = await recovery_scene.run(ledger, self.routes, self.staging, run_id, now)
        assert balance.balanced
        return {name: count for name, count in balance.counts.items() if count}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture
def later() -> float:
    """When the lease of a run that died now has passed, and what it left is due."""
    return time.time() + 7200


def statuses(ledger: Ledger) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    with ledger.read() as connection:
        for row in connection.execute(select(tables.entity.c.key, tables.entity.c.status)):
            found.setdefault(row.status, set()).add(row.key)
    return found


def books(ledger: Ledger, run_id: str) -> Any:
    with ledger.read() as connection:
        return connection.execute(select(tables.run).where(tables.run.c.run_id == run_id)).one()


def nothing_twice(scene: Scene, again: set[str]) -> None:
    """Each entity was taken once, but for those in ``again``: these twice, under one idempotency key."""
    assert sorted(scene.taken) == sorted([*KEYS, *again])
    assert len(set(scene.entries)) == len(KEYS)


@pytest.mark.parametrize(("policy", "again"), [("resend", UNHEARD), ("hold", set())])
async def test_the_maintenance_finds_out_what_a_dead_run_has_done(
    scene: Scene, later: float, policy: str, again: set[str]
) -> None:
    scene.route(hang=True, in_doubt=policy)
    await asyncio.to_thread(scene.killed, "dead")
    await asyncio.to_thread(scene.tidy, time.time())  # its lease still holds
    with open_ledger() as ledger:
        assert books(ledger, "dead").finished is None

    assert (await asyncio.to_thread(scene.tidy, later)).retries == ["crashed"]
    with open_ledger() as ledger:
        assert statuses(ledger) == {"delivered": DONE, "in_doubt": UNHEARD, "retrying": UNSENT}
        counts = json.loads(books(ledger, "dead").counts)
        assert counts == {"fetched": 8, "delivered": 3, "in_doubt": 1, "retrying": 4}
        assert lapsed_runs(ledger, None, later) == []
        assert route_state(ledger, "crashed").mark is None
    assert sorted(scene.taken) == sorted(DONE | UNHEARD)
    await asyncio.to_thread(scene.tidy, later)  # once more changes nothing

    scene.route(in_doubt=policy)
    scene.source.write_text("[]")
    went = await scene.run("next", later)
    assert went == {"carried_in": 4 + len(again), "delivered": 4 + len(again)}
    nothing_twice(scene, again)
    with open_ledger() as ledger:
        held = {} if again else {"in_doubt": UNHEARD}
        assert statuses(ledger) == {"delivered": set(KEYS) - held.get("in_doubt", set()), **held}


async def test_a_route_without_maintenance_recovers_by_its_next_run(scene: Scene, later: float) -> None:
    scene.route(hang=True)
    await asyncio.to_thread(scene.killed, "dead")
    scene.route()
    scene.source.write_text("[]")
    first = await scene.run("next", later)  # what was never tried goes at once, when the dead run's pause is over
    second = await scene.run("after next", later + 3600)
    assert first.get("delivered", 0) + second.get("delivered", 0) == len(UNSENT | UNHEARD)
    nothing_twice(scene, UNHEARD)
    with open_ledger() as ledger:
        assert statuses(ledger) == {"delivered": set(KEYS)}
        dead = books(ledger, "dead")
    assert (dead.finished, json.loads(dead.counts)["fetched"]) == (later, 8)


async def test_what_comes_again_by_itself_is_not_sent_twice_either(scene: Scene, later: float) -> None:
    scene.route(hang=True)
    await asyncio.to_thread(scene.killed, "dead")
    scene.route()
    await scene.run("next", later)
    await scene.run("after next", later + 3600)
    nothing_twice(scene, UNHEARD)


async def test_a_run_that_died_with_nothing_of_its_own_is_known_by_its_journal(scene: Scene, later: float) -> None:
    """All that it had was taken over from an earlier run, so that its transform had nothing to do."""
    Book.later = True
    try:
        assert await scene.run("first", time.time() - 3600) == {"fetched": 8, "retrying": 8}
    finally:
        Book.later = False
    scene.source.write_text("[]")
    scene.route(hang=True)
    await asyncio.to_thread(scene.killed, "dead")
    assert Staging(scene.staging, "crashed", "dead").manifest("transform") is None
    await asyncio.to_thread(scene.tidy, later)
    scene.route()
    with open_ledger() as ledger:
        assert statuses(ledger)["delivered"] == set(scene.taken) - UNHEARD
    await scene.run("next", later)
    nothing_twice(scene, UNHEARD)


async def test_two_do_not_recover_one_run_at_once(scene: Scene, later: float) -> None:
    scene.route(hang=True)
    await asyncio.to_thread(scene.killed, "dead")
    with open_ledger() as ledger:
        (lapsed,) = lapsed_runs(ledger, "crashed", later)
        assert adopt_run(ledger, lapsed.run, until=time.time() + 300, now=time.time())
        await asyncio.to_thread(scene.tidy, later)
        assert lapsed_runs(ledger, "crashed", later) == [lapsed]
        assert not adopt_run(ledger, lapsed.run, until=later + 300, now=time.time() + 200)
        assert adopt_run(ledger, lapsed.run, until=0, now=time.time() + 400)  # the other one died of it, too
        await asyncio.to_thread(scene.tidy, later)
        assert lapsed_runs(ledger, "crashed", later) == []
