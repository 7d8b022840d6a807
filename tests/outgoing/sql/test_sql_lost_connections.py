"""A row at which the connection is lost holds up no other."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy
from sql_surroundings import Tables, route_of, run_of

from airflow_integrations.blame import MOST_SUSPECTS
from airflow_integrations.errors import OutageError
from airflow_integrations.formats.json import encode
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.sql.target import SqlOutgoing


@pytest.fixture
def tables(database_url: str) -> Tables:
    tables = Tables(database_url)
    tables.run("CREATE TABLE texts (id int primary key, words TEXT)")
    return tables


@pytest.fixture
def deadly(tables: Tables) -> Tables:
    """A table whose trigger ends the connection that writes the word ``deadly``."""
    tables.run(
        """CREATE FUNCTION ends() RETURNS trigger AS $$ BEGIN
        IF NEW.words = 'deadly' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END $$
        LANGUAGE plpgsql""",
        "CREATE TRIGGER ends BEFORE INSERT ON texts FOR EACH ROW EXECUTE FUNCTION ends()",
    )
    return tables


async def sent(tables: Tables, *batches: list[str], **options: Any) -> list[list[Result]]:
    route = route_of("outgoing", {"table": "texts", "key": "id", **options})
    outgoing = SqlOutgoing(route.outgoing.config, route)
    found = []
    async with tables.services() as services:
        await outgoing.open(run_of(route), services)
        for batch in batches:
            rows = [{"id": number, "words": words} for number, words in enumerate(batch)]
            found.append(await outgoing.send([Outbound(str(row["id"]), encode(row), route="orders") for row in rows]))
        await outgoing.close()
    return found


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("options", [{}, {"exactly_once": False}], ids=["markers", "none"])
async def test_it_fails_alone(deadly: Tables, options: dict[str, Any]) -> None:
    batch = ["fine"] * 120
    batch[7] = batch[100] = "deadly"
    ((*results,),) = await sent(deadly, batch, **options)
    told = {number: result for number, result in enumerate(results) if result.status != "delivered"}
    assert set(told) == {7, 100}
    assert {(each.status, each.cause, each.later) for each in told.values()} == {("failed", "later", True)}
    assert "the database ends the connection when it gets this" in str(told[7].reason)
    assert deadly.rows("select count(*), count(distinct id) from texts") == [(118, 118)]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_more_than_three_fail_alone_where_others_are_written_between(deadly: Tables) -> None:
    ((*results,),) = await sent(deadly, ["fine", "deadly"] * 5)
    assert [result.status for result in results] == ["delivered", "failed"] * 5


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_where_it_is_lost_at_any_row_the_database_is_to_blame(deadly: Tables) -> None:
    first, second = await sent(deadly, ["deadly"] * 8, ["fine"] * 8)
    assert [result.status for result in first] == ["failed"] * MOST_SUSPECTS + ["pending"] * (8 - MOST_SUSPECTS)
    assert {result.cause for result in first[MOST_SUSPECTS:]} == {"outage"}
    assert {result.status for result in second} == {"delivered"}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_what_was_not_sent_is_not_to_blame(deadly: Tables) -> None:
    """The database is away for a moment, behind a row at which the connection was lost."""
    connects = 0

    def away_once(*_: Any) -> None:
        nonlocal connects
        connects += 1
        if connects == 2:
            raise ConnectionRefusedError("away")

    sqlalchemy.event.listen(sqlalchemy.Engine, "do_connect", away_once)
    try:
        with pytest.raises(OutageError):
            await sent(deadly, ["fine", "deadly", "fine"])
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "do_connect", away_once)
    assert connects == 2


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
async def test_a_row_that_is_larger_than_mariadb_takes(tables: Tables) -> None:
    ((most,),) = tables.rows("select @@max_allowed_packet")
    tables.run("ALTER TABLE texts MODIFY words LONGTEXT")
    ((first, large, last),) = await sent(tables, ["a", "x" * (most + 1000), "b"])
    assert (first.status, large.status, last.status) == ("delivered", "failed", "delivered")
    assert tables.rows("select id, words from texts order by id") == [(0, "a"), (2, "b")]
