"""Tokens are exchanged by one at a time, and the last one is kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from airflow_integrations.ledger import tokens
from airflow_integrations.ledger.storage.database import Database


def test_one_of_many_may_exchange_it(ledger_url: str) -> None:
    with Database.open(ledger_url) as database:

        def attempt(number: int) -> bool:
            return tokens.claim(database, "erp", f"holder{number}", 100.0, 160.0)

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(attempt, range(16))) == 1
        assert not tokens.claim(database, "erp", "late", 159.9, 220.0)
        assert tokens.claim(database, "erp", "late", 160.0, 220.0), "whoever had it is dead"
        assert tokens.claim(database, "shop", "other", 100.0, 160.0), "each Connection by itself"


def test_what_is_kept_last_is_read_and_frees_it(ledger_url: str) -> None:
    with Database.open(ledger_url) as database:
        assert tokens.read(database, "erp") is None
        assert tokens.claim(database, "erp", "a", 1.0, 61.0)
        assert tokens.read(database, "erp") is None
        tokens.keep(database, "erp", b"\x00one", 2.0)
        tokens.keep(database, "erp", b"two", 3.0)
        assert tokens.read(database, "erp") == b"two"
        assert tokens.claim(database, "erp", "b", 4.0, 64.0)
        tokens.give_back(database, "erp", "a")
        assert not tokens.claim(database, "erp", "c", 5.0, 65.0), "only its holder gives it back"
        tokens.give_back(database, "erp", "b")
        assert tokens.claim(database, "erp", "c", 5.0, 65.0)
        assert tokens.forget(database, "erp")
        assert not tokens.forget(database, "erp")
