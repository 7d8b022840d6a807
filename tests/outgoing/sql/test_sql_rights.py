"""``validate --online`` tells what the database would refuse, before anything is written."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from sql_surroundings import Surroundings, Tables, route_of
from sqlalchemy.engine import make_url

from airflow_integrations.errors import SetupError
from airflow_integrations.outgoing.sql.target import SqlOutgoing
from airflow_integrations.run import Services


def told(url: str, config: dict[str, Any], **route: Any) -> list[str]:
    async def asked() -> list[str]:
        made = route_of("outgoing", config, **route)
        async with Services(Surroundings(url)) as services:
            return [why for _, why in await SqlOutgoing.check_online(made.outgoing.config, made, services)]

    return asyncio.run(asked())


@pytest.fixture
def stranger(database_url: str) -> Iterator[tuple[Tables, str]]:
    """A database whose tables another user may read, and INSERT into one of them; and that user's address."""
    tables, user = Tables(database_url), f"guest_{secrets.token_hex(4)}"
    if tables.dialect == "sqlite":
        pytest.skip("SQLite has no users")
    tables.run(
        "CREATE TABLE orders (id int primary key, a int)",
        "CREATE TABLE order_lines (order_id int, no int primary key)",
    )
    url = make_url(database_url)
    if tables.dialect == "mariadb":
        who = f"'{user}'@'%'"
        tables.run(
            f"CREATE USER {who} IDENTIFIED BY 'pw'",
            f"GRANT SELECT ON {url.database}.* TO {who}",
            f"GRANT INSERT ON {url.database}.orders TO {who}",
        )
    else:
        who = user
        tables.run(
            f"CREATE ROLE {who} LOGIN PASSWORD 'pw'",
            "REVOKE CREATE ON SCHEMA public FROM public",
            f"GRANT USAGE ON SCHEMA public TO {who}",
            f"GRANT SELECT ON orders, order_lines TO {who}",
            f"GRANT INSERT ON orders TO {who}",
        )
    try:
        yield tables, url.set(username=user, password="pw").render_as_string(hide_password=False)
    finally:
        if tables.dialect == "postgresql":
            tables.run(f"DROP OWNED BY {who}", f"DROP ROLE {who}")
        else:
            tables.run(f"DROP USER {who}")


def test_what_may_not_be_done_is_told_by_table(stranger):
    tables, url = stranger
    at_least = {"table": "orders", "key": "id", "exactly_once": False}
    assert told(url, {**at_least, "mode": "insert"}) == []
    (why,) = told(url, at_least)
    assert "table orders: no right to UPDATE" in why
    found = told(
        url, {**at_least, "mode": "insert", "children": {"lines": {"table": "order_lines", "on": {"order_id": "id"}}}}
    )
    assert [why.split(";")[0].split(": ")[1] for why in found] == ["no right to DELETE", "no right to INSERT"]
    found = told(url, {**at_least, "mode": "insert"}, missing="emit")
    assert len(found) == 1
    assert "DELETE" in found[0]
    assert told(tables.url, {**at_least, "mode": "upsert"}, missing="emit") == []
    assert tables.rows("select count(*) from orders") == [(0,)]


def test_a_table_of_markers_that_nobody_may_make(stranger):
    tables, url = stranger
    if tables.dialect != "postgresql":
        pytest.skip("PostgreSQL tells whether one may")
    with pytest.raises(SetupError, match="sql prepare db"):
        told(url, {"table": "orders", "key": "id", "mode": "insert"})
    assert told(tables.url, {"table": "orders", "key": "id"}) == []
