"""Records that are still JSON are taken in one go: the same keys, versions and lines as one by one, for fewer calls."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from engine_kinds import MemoryIncoming
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.keys import KeyReader
from airflow_integrations.errors import EntityError
from airflow_integrations.formats.json import encode
from airflow_integrations.route.definition import EntityOptions
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging

MakeRun = Callable[..., Run]

PLAIN = EntityOptions.model_validate({"name": "order", "key": "order.id", "version": "order.at.time"})
COMPUTED = EntityOptions.model_validate({"name": "order", "key": "order.id + 1"})
SEEN = {"id": "A", "at": {"time": "2026"}}
"""A record that has all fields: once one was seen, nobody looks out for them any more."""

texts = st.one_of(st.text(max_size=4), st.sampled_from(["7", "07", " ", "a b", "\x00", "é", "x" * 513]))
values: st.SearchStrategy[Any] = st.one_of(texts, st.integers(), st.sampled_from([None, True, [], {}, 10**600]))
records = st.lists(
    st.one_of(
        st.fixed_dictionaries({"id": values, "at": st.fixed_dictionaries({"time": values})}),
        st.fixed_dictionaries({"id": texts, "at": st.fixed_dictionaries({"time": texts})}),
        st.fixed_dictionaries({"id": st.integers(), "at": st.fixed_dictionaries({"time": texts})}),
        st.sampled_from([{"id": "B"}, {"id": "B", "at": None}, {"id": "B", "at": "2026"}, [], "B", None]),
    ),
    min_size=1,
    max_size=4,
)


def raw(value: Any) -> Raw:
    return Raw(encode(value))


def reader(options: EntityOptions) -> KeyReader:
    made = KeyReader(options, {})
    made.read(raw(SEEN if options is PLAIN else {"id": 1}))
    return made


def one_by_one(keys: KeyReader, page: list[Raw]) -> list[tuple[str, str | None]] | None:
    try:
        return [keys.read(record) for record in page]
    except EntityError:
        return None


@given(records)
def test_together_they_are_read_as_one_by_one(page: list[Any]) -> None:
    together, single = reader(PLAIN), reader(PLAIN)
    raws = [raw(record) for record in page]
    found, expected = together.read_together(raws), one_by_one(single, raws)
    if found is not None:
        assert found == expected
        assert together.warnings() == single.warnings()


def test_plain_texts_and_numbers_are_read_together() -> None:
    page = [raw({"id": key, "at": {"time": "2"}}) for key in ("a", "b c", "é")]
    assert reader(PLAIN).read_together(page) == [("a", "2"), ("b c", "2"), ("é", "2")]
    page = [raw({"id": key, "at": {"time": key}}) for key in (1, -2)]
    assert reader(PLAIN).read_together(page) == [("1", "1"), ("-2", "-2")]


@pytest.mark.parametrize(
    "broken", [b'{"id": "\\x"}', b"1,2", b"[", b'{"id": 1e99999}'], ids=["escape", "two", "cut", "big"]
)
def test_broken_records_are_left_to_be_read_one_by_one(broken: bytes) -> None:
    assert reader(PLAIN).read_together([raw(SEEN), Raw(broken)]) is None


def test_what_is_not_plain_is_read_one_by_one() -> None:
    assert reader(COMPUTED).read_together([raw({"id": 1})]) is None
    assert reader(PLAIN).read_together([SEEN]) is None
    assert KeyReader(PLAIN, {}).read_together([raw(SEEN)]) is None  # its fields are still looked out for


async def staged(run: Run, services: Services, staging: Staging, pages: list[list[Any]]) -> list[bytes]:
    MemoryIncoming.pages_to_give = pages
    manifest = await fetch(run, services, staging)
    assert manifest.entities == sum(segment.entities for segment in manifest.segments)
    return b"\n".join(staging.blocks(manifest.segments)).split(b"\n")


async def test_the_same_lines_are_staged(
    make_run: MakeRun, services: Services, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_integrations.engine.fetch.at_work.TOGETHER", 3)
    page = [{"number": number, "text": "é\n"} for number in range(8)]
    run = make_run()
    pretty = Raw(b'{\n "number": 8,\n "text": "over several lines"}')
    plain = await staged(
        run,
        services,
        Staging(tmp_path / "a", "orders", "run-1"),
        [page, [*page, {"number": 8, "text": "over several lines"}]],
    )
    raws = [raw(record) for record in page]
    found = await staged(run, services, Staging(tmp_path / "b", "orders", "run-1"), [raws, [*raws, pretty]])
    assert found == plain


async def calls(run: Run, services: Services, staging: Staging, records: int) -> int:
    count = 0

    def see(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    pages = [[raw({"number": f"N{number}", "total": number}) for number in range(size)] for size in (1, records)]
    sys.setprofile(see)
    try:
        await staged(run, services, staging, pages)
    finally:
        sys.setprofile(None)
    return count


async def test_a_record_with_nothing_about_it_costs_no_call_of_its_own(
    make_run: MakeRun, services: Services, tmp_path: Any
) -> None:
    """Counted, not timed: what grows with a page of a thousand records is less than one call of a function a record."""
    await calls(make_run(), services, Staging(tmp_path / "warm", "orders", "run-1"), 1)
    few, many = [
        await calls(make_run(), services, Staging(tmp_path / str(size), "orders", "run-1"), size)
        for size in (100, 1000)
    ]
    assert many - few < 900
