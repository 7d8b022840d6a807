"""What a database takes for equal, and what is not: no row is taken silently for another key, or for nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sql_surroundings import Surroundings, Tables
from transform_chain import Chain

SET = {"set": {"found": "row"}}


@pytest.fixture
def on(database_url: str, chain: Callable[..., Chain]) -> Callable[..., Chain]:
    tables = Tables(database_url)
    more = " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci" if tables.dialect == "mariadb" else ""
    tables.run(
        f"CREATE TABLE codes (code varchar(50), number numeric(50), id int){more}",
        f"INSERT INTO codes VALUES ('A', 1{'0' * 40}1, 1), ('café', 1{'0' * 40}2, 2), ('x', 7, 3)",
    )

    def build(column: str, **more: Any) -> Chain:
        made = chain(
            {
                "lookup": {
                    "name": "row",
                    "sql": {"connection": "db", **more},
                    "where": {column: "order.v"},
                    "missing": "null",
                }
            },
            SET,
        )
        made.connections = Surroundings(tables.url)  # type: ignore[assignment]
        made.dialect = tables.dialect  # type: ignore[attr-defined]
        return made

    return build


def ids(found: list[Any]) -> list[Any]:
    return [each["found"] and each["found"]["id"] for each in found]


async def test_a_row_of_another_spelling_is_the_databases_matter(on: Any) -> None:
    """Also where both spellings are asked for together."""
    steps = on("code", table="codes")
    same = steps.dialect == "mariadb"
    found = await steps.values({"v": "A"}, {"v": "a"}, {"v": "A "}, {"v": "none"}, {"v": "x"})
    assert ids(found) == [1, 1 if same else None, 1 if same else None, None, 3]


async def test_an_accent_is_told(on: Any) -> None:
    steps = on("code", table="codes")
    found = await steps.values({"v": "cafe"}, {"v": "A"}, {"v": "none"}, {"v": "café"})
    alone = await steps.values({"v": "cafe"})
    if steps.dialect == "mariadb":
        assert ids(found) == [1, None, 2]
        assert alone == []
        assert "takes 'café' for it" in steps.books.reasons["0"]
    else:
        assert ids(found) == [None, 1, None, 2]


async def test_numbers_of_many_digits_are_told_apart(on: Any) -> None:
    steps = on("number", table="codes")
    if steps.dialect == "sqlite":
        pytest.skip("SQLite has no exact numbers of so many digits")
    ends = [int(f"1{'0' * 40}{end}") for end in (1, 2, 3)]
    assert ids(await steps.values(*({"v": each} for each in ends))) == [1, 2, None]


async def test_a_text_that_is_a_number_finds_the_number(on: Any) -> None:
    """In a query nobody knows the columns' types, and the database compares the text with the number."""
    steps = on("id", query="select id from codes")
    found = await steps.values({"v": "1"}, {"v": 2}, {"v": "1st"}, {"v": "9"})
    if steps.dialect == "postgresql":
        assert list(steps.books.reasons) == ["2"]
        assert ids(found) == [1, 2, None]
    else:
        assert ids(found) == [1, 2, None, None]
