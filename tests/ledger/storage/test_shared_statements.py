"""What keeps the tests fast: a statement that one ledger has compiled serves the others of the process."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.engine.interfaces import CacheStats

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.storage import tables


def test_a_statement_is_compiled_once_for_all_ledgers(ledger_url: str) -> None:
    statement = select(tables.route.c.name).order_by(tables.route.c.mark)
    for ledger in (Ledger.open(ledger_url), Ledger.open(ledger_url)):
        with ledger, ledger.read() as connection:
            found = connection.execute(statement)
            hits = found.context.cache_hit
    assert hits is CacheStats.CACHE_HIT
