"""Keys have one order everywhere, that of their code points, whatever language the database sorts by."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from ledger_databases import POSTGRES, postgres_url, sqlite_url
from ledger_runs import begin, delivered
from sqlalchemy import make_url, text

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.queries.entities import find
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.vanished import vanished

KEYS = ["a", "B", "á", "Z", "_", "10", "9", "a-1", "a1", "A", "ß", "ab", "a_2", "Ä", "\U0001f600", "ﬀ"]


@pytest.fixture
def english() -> Iterator[str]:
    """A PostgreSQL database that sorts as English does: a, A, á, B."""
    with postgres_url():  # skips or fails where there is no PostgreSQL
        name = f"ledger_{secrets.token_hex(6)}"
        with psycopg.connect(POSTGRES, autocommit=True) as admin:
            try:
                admin.execute(
                    f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' "
                    "LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C'"
                )
            except psycopg.Error as error:
                pytest.skip(f"this PostgreSQL has no ICU collations: {error}")
            try:
                yield make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
            finally:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "english PostgreSQL"])
def of_any_language(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    url = sqlite_url(tmp_path) if request.param == "sqlite" else request.getfixturevalue("english")
    with Ledger.open(url) as ledger:
        conclude(ledger, begin(ledger), [delivered(key) for key in KEYS], now=2.0)
        yield ledger


def test_the_database_of_this_test_sorts_otherwise(english: str) -> None:
    with Ledger.open(english) as ledger, ledger.read() as connection:
        sorted_there = connection.scalars(text("SELECT x FROM unnest(ARRAY['a', 'B', 'C', 'á']) AS x ORDER BY x"))
        assert list(sorted_there) == ["a", "á", "B", "C"]


@pytest.mark.parametrize("size", [1, 3, 5])
def test_pages_are_in_the_order_of_code_points(of_any_language: Ledger, size: int) -> None:
    found: list[str] = []
    after = None
    while True:
        page = find(of_any_language, route="orders", limit=size, after=after)
        found += [line.key for line in page.entities]
        if (after := page.after) is None:
            break
    assert found == sorted(KEYS)


def test_so_are_the_pages_of_what_vanished(of_any_language: Ledger) -> None:
    run, found, after = begin(of_any_language, "second", now=3.0), list[str](), ""
    while some := vanished(of_any_language, run, limit=3, after=after):
        found += [key for key, _ in some]
        after = found[-1]
    assert found == sorted(KEYS)


def test_the_beginning_of_keys_is_exact(of_any_language: Ledger) -> None:
    def beginning(prefix: str) -> list[str]:
        return [line.key for line in find(of_any_language, route="orders", prefix=prefix).entities]

    assert beginning("a") == ["a", "a-1", "a1", "a_2", "ab"]
    assert (beginning("A"), beginning("á"), beginning("a_")) == (["A"], ["á"], ["a_2"])


def test_every_table_with_keys_says_so(english: str) -> None:
    columns = text(
        "SELECT table_name, collation_name FROM information_schema.columns "
        "WHERE table_name LIKE 'integrations%' AND column_name = 'key' ORDER BY table_name"
    )
    with Ledger.open(english) as ledger, ledger.read() as connection:
        found = [tuple(row) for row in connection.execute(columns)]
    assert found == [(f"integrations_{table}", "C") for table in ("entity", "overlay", "progress", "store", "wait")]
