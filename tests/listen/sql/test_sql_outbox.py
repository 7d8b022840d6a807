"""An outbox on each database: taken in order, once, and marked when it is safe."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from database_feeds import TAKEN, outbox
from listen_scene import bodies, event_bodies, ids, listening, process, until
from pydantic import ValidationError
from sql_surroundings import Tables

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.listen.context import InboxSurroundings
from airflow_integrations.sql.database import Database
from airflow_integrations.testing import Feed, ListenSuite

OPEN = {
    "sqlite": "select count(*) from outbox",
    "postgresql": "select count(*) from outbox where processed_at is null",
    "mariadb": "select count(*) from outbox where status = 'new'",
}


@pytest.fixture
def tables(database_url: str) -> Tables:
    return Tables(database_url)


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Tables:
    return Tables(f"sqlite:///{tmp_path / 'database.db'}")


def publish(feed: Feed, some: Sequence[bytes]) -> None:
    async def published() -> None:
        await feed.publish(some)

    asyncio.run(published())


def left(tables: Tables) -> int:
    return int(tables.rows(OPEN[tables.dialect])[0][0])


class TestSqlOutbox(ListenSuite):
    @pytest.fixture
    def feed(self, database_url: str) -> Feed:
        tables = Tables(database_url)
        feed = outbox(tables, **({"notify": "outbox"} if tables.dialect == "postgresql" else {}))
        feed.acknowledged = lambda: left(tables) == 0
        return feed


def heard_by(feed: Feed, told: Callable[[Ledger, Any], Any]) -> Any:
    """What a scene in which somebody listens gives."""

    async def scene() -> Any:
        with Ledger.temporary() as ledger:
            async with listening(feed, ledger) as settled:
                return await told(ledger, settled)

    return asyncio.run(scene())


@pytest.mark.e2e
def test_killed_between_the_inbox_and_the_mark(tables: Tables, tmp_path: Path) -> None:
    feed, url = outbox(tables, prefetch=20), f"sqlite:///{tmp_path / 'ledger.db'}"
    publish(feed, bodies(range(50)))
    dying = process(feed, url, die=True)
    assert dying.wait(60) == -9
    assert left(tables) == 50

    async def told(ledger: Ledger) -> None:
        assert ids(ledger) == list(range(20))
        async with listening(feed, ledger):
            await until(lambda: left(tables) == 0)
        assert ids(ledger) == list(range(50))
        assert len(event_bodies(ledger)) == 50

    with Ledger.open(url) as ledger:
        asyncio.run(told(ledger))


@pytest.mark.parametrize("taken", TAKEN.values(), ids=["delete", "time", "status"])
def test_each_mark_takes_each_row_once(on_sqlite: Tables, taken: Any) -> None:
    feed = outbox(on_sqlite, taken=taken)

    async def told(ledger: Ledger, settled: Any) -> None:
        await feed.publish(bodies(range(5)))
        await until(lambda: len(settled) == 5)
        await feed.publish(bodies([9]))
        await until(lambda: len(settled) == 6)
        assert ids(ledger) == [0, 1, 2, 3, 4, 9]

    heard_by(feed, told)


def test_the_row_itself_is_the_body_with_exact_values(tables: Tables) -> None:
    feed = outbox(tables, payload=None, where="topic in :params.topics")
    feed.route = {"params": {"topics": ["orders", "sto:ck"]}}
    tables.run("ALTER TABLE outbox ADD amount numeric(20, 4)")
    tables.run("INSERT INTO outbox (topic, payload, amount) VALUES ('sto:ck', '{\"a\": 1}', 12345678901234.0625)")
    tables.run("INSERT INTO outbox (topic, payload) VALUES ('other', 'x')")
    route = feed.load()

    async def told() -> Any:
        with Ledger.temporary() as ledger:
            around = InboxSurroundings(feed, ledger.inbox, "suite", dict(route.params))
            async with aclosing(feed.make().batches(around)) as batches:
                return await anext(batches)

    (message,) = asyncio.run(told())
    amount = "12345678901234.0625" if tables.dialect != "sqlite" else "12345678901234.062"
    mark = {"sqlite": None, "postgresql": "processed_at", "mariadb": "status"}[tables.dialect]
    fields = {"topic": '"topic":"sto:ck"', "amount": f'"amount":{amount}', "payload": r'"payload":"{\"a\": 1}"'}
    assert all(text.encode() in message.body for text in fields.values())
    assert f'"{mark}"'.encode() not in message.body


def test_what_another_transaction_holds_is_passed_over_and_comes_later(tables: Tables) -> None:
    if tables.dialect == "sqlite":
        pytest.skip("SQLite locks no rows")
    feed = outbox(tables)

    async def told(ledger: Ledger, settled: Any) -> None:
        with tables.engine.begin() as holder:
            holder.exec_driver_sql("SELECT * FROM outbox WHERE id = 1 FOR UPDATE")
            await until(lambda: ids(ledger) == [1, 2])
        await until(lambda: sorted(ids(ledger)) == [0, 1, 2])

    publish(feed, bodies(range(3)))
    heard_by(feed, told)


def test_applications_insert_while_rows_are_on_their_way(tables: Tables) -> None:
    """No gap is locked: an outbox that stopped who fills it would stop the shop."""
    feed = outbox(tables)

    async def told() -> None:
        with Ledger.temporary() as ledger:
            around = InboxSurroundings(feed, ledger.inbox, "suite", {})
            async with aclosing(feed.make().batches(around)) as batches:
                assert len(await anext(batches)) == 3
                async with asyncio.timeout(10):
                    await feed.publish(bodies([7]))

    publish(feed, bodies(range(3)))
    asyncio.run(told())


def test_a_notification_wakes_the_listener(tables: Tables) -> None:
    if tables.dialect != "postgresql":
        pytest.skip("NOTIFY is PostgreSQL's")
    feed = outbox(tables, notify="outbox", every="1h")

    async def told(ledger: Ledger, settled: Any) -> float:
        await asyncio.sleep(0.5)  # it waits
        begun = time.monotonic()
        await feed.publish(bodies([1]))
        await until(lambda: settled)
        await feed.publish(bodies([2]))
        await until(lambda: len(settled) == 2)
        return time.monotonic() - begun

    assert heard_by(feed, told) < 60


def test_rows_that_cannot_be_used_are_told_and_hold_back_nothing(tables: Tables) -> None:
    feed = outbox(tables, max_size=200)
    large = b'{"id": 2, "text": "' + b"x" * 500 + b'"}'
    publish(feed, [b'{"id": 1}', large, b'{"id": ', b'{"id": 3}'])
    tables.run("INSERT INTO outbox (payload) VALUES (NULL)")

    async def told(ledger: Ledger, settled: Any) -> list[bytes]:
        await until(lambda: len(settled) == 5)
        assert ids(ledger) == [1, 3]
        return [body for body in event_bodies(ledger) if body.startswith(b'{"reason"')]

    refused = b"".join(heard_by(feed, told))
    assert left(tables) == 0
    assert b"max_size is 200" in refused
    assert b"payload is NULL" in refused
    assert b"xxx" not in refused  # it was not even read


def test_a_text_that_is_not_utf_8_is_one_rows_matter(on_sqlite: Tables) -> None:
    feed = outbox(on_sqlite)
    on_sqlite.run(
        "INSERT INTO outbox (payload) VALUES (CAST(x'7b22ff' AS text))",
        "INSERT INTO outbox (payload) VALUES ('{\"id\": 1}')",
    )

    async def told(ledger: Ledger, settled: Any) -> None:
        await until(lambda: len(settled) == 2)
        assert ids(ledger) == [1]
        assert len(event_bodies(ledger)) == 2

    heard_by(feed, told)


def test_an_id_that_begins_anew_is_another_event(tables: Tables) -> None:
    """After TRUNCATE, or a restore: other content, so it is no repetition."""
    feed = outbox(tables)
    columns = "(id, payload)" + (" OVERRIDING SYSTEM VALUE" if tables.dialect == "postgresql" else "")

    async def told(ledger: Ledger, settled: Any) -> None:
        for number in (1, 2):
            await asyncio.to_thread(
                tables.run, "DELETE FROM outbox", f"INSERT INTO outbox {columns} VALUES (1, '{{\"id\": {number}}}')"
            )
            await until(lambda: len(settled) == number)  # noqa: B023 - it ends within the loop
        assert ids(ledger) == [1, 2]

    heard_by(feed, told)


def begun(feed: Feed, batches: int = 1) -> None:
    async def scene() -> None:
        with Ledger.temporary() as ledger:
            around = InboxSurroundings(feed, ledger.inbox, "suite", {})
            listener = feed.make()
            async with aclosing(listener.batches(around)) as found:
                for _ in range(batches):
                    await listener.settle(await anext(found), ())

    asyncio.run(scene())


def test_ids_that_sqlite_gives_again_are_refused(on_sqlite: Tables) -> None:
    feed = outbox(on_sqlite)
    on_sqlite.run("DROP TABLE outbox", "CREATE TABLE outbox (id integer PRIMARY KEY, payload text)")
    with pytest.raises(SetupError, match="AUTOINCREMENT"):
        begun(feed)


def test_a_mark_that_does_not_stay_is_told_instead_of_taken_for_ever(on_sqlite: Tables) -> None:
    feed = outbox(on_sqlite, taken={"time": "processed_at"})
    on_sqlite.run(
        "CREATE TRIGGER undone AFTER UPDATE ON outbox "
        "BEGIN UPDATE outbox SET processed_at = NULL WHERE id = NEW.id; END"
    )
    publish(feed, bodies([1]))
    with pytest.raises(SetupError, match="waits again"):
        begun(feed, 2)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"table": "outbx"}, "no table outbx"),
        ({"payload": "body"}, "no column body"),
        ({"id": "topic"}, "nothing says that topic"),
        ({"taken": {"time": "sent_at"}}, "no column sent_at"),
        ({"notify": "outbox"}, "notify is PostgreSQL's"),
    ],
)
def test_what_does_not_fit_the_table_is_a_setup_error(on_sqlite: Tables, config: dict[str, Any], told: str) -> None:
    with pytest.raises(SetupError, match=told):
        begun(outbox(on_sqlite, **config))


def test_a_database_that_is_away_is_an_outage(on_sqlite: Tables) -> None:
    feed = outbox(on_sqlite)
    feed.databases = {"db": Database("db", "postgresql+psycopg://nobody:pass-word-7@127.0.0.1:1/db")}
    with pytest.raises(OutageError) as caught:
        begun(feed)
    assert "pass-word-7" not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"taken": {"column": "status", "waiting": "new", "taken": "new"}}, "the same"),
        ({"where": "topic = '{{ params.topic }}'"}, "never pasted"),
        ({"where": "at < :window_end"}, "binds :params.name"),
        ({"where": "topic = :params.topic"}, "no param"),
        ({"every": "0.01s"}, "at least 0.1s"),
    ],
)
def test_mistakes_are_told_with_the_remedy(on_sqlite: Tables, config: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        outbox(on_sqlite, **config).load()
