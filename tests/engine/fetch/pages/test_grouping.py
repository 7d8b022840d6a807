"""Lines become entities: whole, each once, in any order, from pages of any size."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from airflow_integrations.engine.fetch.pages import grouping
from airflow_integrations.engine.fetch.pages.grouping import grouped_pages
from airflow_integrations.errors import SetupError
from airflow_integrations.formats import BadRecord
from airflow_integrations.formats.json import decode, encode
from airflow_integrations.incoming import Page
from airflow_integrations.route.grouping import GroupOptions
from airflow_integrations.staging.manifest import SourcePiece

ORDERS = GroupOptions(by="order", same=["customer"])


def grouped(pages: Sequence[Page], options: GroupOptions = ORDERS) -> list[Any]:
    """The records that come out; entities as values."""
    return [record for page in all_pages(pages, options) for record in page.values()]


def all_pages(pages: Sequence[Page], options: GroupOptions = ORDERS) -> list[Page]:
    async def source() -> AsyncGenerator[Page, None]:
        for page in pages:
            yield page

    async def collect() -> list[Page]:
        return [page async for page in grouped_pages(source(), options)]

    return asyncio.run(collect())


def lines_of(found: list[Any]) -> dict[str, list[Any]]:
    return {record["order"]: record["lines"] for record in found if type(record) is dict}


def line(order: Any, item: Any, customer: str = "ann") -> dict[str, Any]:
    return {"order": order, "item": item, "customer": customer}


@given(
    st.lists(st.tuples(st.sampled_from(["1", "2", "3", "Ä|\n"]), st.integers()), max_size=40),
    st.integers(1, 7),
    st.booleans(),
)
def test_each_line_is_in_its_entity_once_and_in_order(
    orders: list[tuple[str, int]], size: int, still_json: bool
) -> None:
    records: list[Any] = [line(order, item) for order, item in orders if order.isprintable()]
    wanted: dict[str, list[Any]] = {}
    for record in records:
        wanted.setdefault(record["order"], []).append(record)
    given_ = [Raw(encode(record)) for record in records] if still_json else records
    pages = [Page(given_[first : first + size], resume=first) for first in range(0, len(given_), size)]
    found = grouped([*pages, Page([])])
    assert lines_of(found) == wanted
    assert [record["order"] for record in found] == list(wanted)  # in the order of their first lines
    assert all(set(record) == {"order", "customer", "lines"} for record in found)


def test_numbers_stay_exact() -> None:
    given_ = Raw(b'{"order": 12345678901234567890, "customer": 0.10, "price": 1.10000000000000000001}')
    [page] = [page for page in all_pages([Page([given_])]) if page.records]
    assert bytes(page.records[0]) == (
        b'{"order":12345678901234567890,"customer":0.10,"lines":['
        b'{"order": 12345678901234567890, "customer": 0.10, "price": 1.10000000000000000001}]}'
    )


def test_the_fields_that_all_lines_share_are_compared() -> None:
    given_ = [line("1", 1), line("2", 1), line("1", 2, customer="bob"), line("2", 2), line("1", 3)]
    first, second = grouped([Page(given_)])
    assert first.reason == "customer is not the same in all lines of order 1: line 2 differs"
    assert lines_of([second]) == {"2": [line("2", 1), line("2", 2)]}


BROKEN = BadRecord("line 4: 3 columns instead of 2", "1;x;y")


@pytest.mark.parametrize(
    "bad",
    [BROKEN, {"item": 1}, {"order": None}, {"order": " "}, ["1", 2], Raw(b'{"order": "1", "item": 01}'), "1"],
    ids=["bad record", "no field", "null", "space", "list", "broken JSON", "text"],
)
def test_a_line_that_cannot_be_read_takes_nobody_along_but_its_neighbours(bad: Any) -> None:
    before, behind = [line("1", 1), line("2", 1)], [line("3", 1), line("4", 1)]
    for pages in ([Page([*before, bad, *behind])], [Page(before, resume=1), Page([bad], resume=2), Page(behind)]):
        found = grouped(pages)
        reasons = [record.reason for record in found if type(record) is BadRecord]
        assert len(reasons) == 3, found
        assert reasons[1] == "the line behind one of order 2 cannot be read, and may be one of them"
        assert reasons[2] == "the line before one of order 3 cannot be read, and may be one of them"
        assert set(lines_of(found)) == {"1", "4"}


def test_what_only_the_first_line_says_holds_for_those_behind_it() -> None:
    options = GroupOptions(by="order", same=["customer"], fill=["order", "customer"])
    given_ = [line("1", 1), line("", 2, ""), {"item": 3}, line("2", 1, "bob"), line(None, 2, "bob")]
    found = grouped([Page(given_[:2], resume=1), Page(given_[2:])], options)
    assert [(record["order"], record["customer"]) for record in found] == [("1", "ann"), ("2", "bob")]
    assert [one["item"] for record in found for one in record["lines"]] == [1, 2, 3, 1, 2]


def test_behind_a_line_that_cannot_be_read_nothing_is_filled() -> None:
    """It may have been the first of another entity."""
    options = GroupOptions(by="order", same=["customer"], fill=["order", "customer"])
    found = grouped([Page([line("1", 1), BROKEN, line("", 2, ""), line("3", 1)])], options)
    assert lines_of(found) == {}
    assert sum(type(record) is BadRecord for record in found) == 4


def test_an_entity_without_end_is_rejected_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "MOST_LINES", 3)
    monkeypatch.setattr(grouping, "MOST_BYTES", 500)
    given_ = [line("long", item) for item in range(9)] + [line("wide", "x" * 501)] + [line("1", 1)]
    long, wide, good = grouped([Page(given_)])
    assert long.reason == "order long has over 3 lines; at most 3 make one entity"
    assert wide.reason == "the lines of order wide have over 0 MiB"
    assert lines_of([good]) == {"1": [line("1", 1)]}


def test_versions_are_those_of_the_newest_line() -> None:
    pages = all_pages([Page([line("1", 1), line("2", 1), line("1", 2)], versions=["2", "5", "10"])])
    assert [page.versions for page in pages if page.records] == [["10", "5"]]


def test_pieces_are_finished_when_all_entities_are_there() -> None:
    one, two = SourcePiece("a.csv"), SourcePiece("b.csv")
    given_ = [Page([line("1", 1)], resume=1, finished=(one,)), Page([line("1", 2)], finished=(two,))]
    *before, last = all_pages(given_)
    assert (last.finished, last.final, last.records) == ((one, two), True, [])
    assert not any(page.finished or page.final or page.resume for page in before)


def test_a_source_that_is_read_by_position_is_refused() -> None:
    with pytest.raises(SetupError, match=r"goes on from a value or a token"):
        grouped([Page([line("1", 1)], by_position=True)])


def test_the_last_page_ends_it() -> None:
    assert decode(encode(grouped([Page([line("1", 1)]), Page([line("1", 2)])]))) == [
        {"order": "1", "customer": "ann", "lines": [line("1", 1)]}
    ]
