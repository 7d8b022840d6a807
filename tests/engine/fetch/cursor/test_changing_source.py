"""What changes at a source while it is read is fetched, in whatever order it lists; and nothing is read for ever."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from changing_source import BREAK, Changing, followed, incoming

OFFSET = {"style": "offset", "param": "offset", "total": "body.total"}
DETAILS = {"path": "/records/{{ item.number }}"}
SHOPS = {"path": "/shops", "records": "body.rows", "name": "shop"}
KEYS = [f"k{number}" for number in range(1, 9)]


@dataclass
class Case:
    """``script``: what happens before which request of the first run; see :class:`Changing`."""

    told: str
    script: dict[int, list[str]]
    by: tuple[str, ...] = ("rev", "at")
    order: str = "key"
    size: int = 3
    more: dict[str, Any] = field(default_factory=dict)
    refuses: bool = False
    begin: str = "53817264"
    """In which order the keys were written."""


CASES = [
    Case("a break between two pages", {2: ["k2", "k9", BREAK]}),
    Case("a break, and the place is refused", {2: ["k2", "k9", BREAK]}, refuses=True),
    Case("several breaks", {2: ["k1", BREAK], 3: ["k2", BREAK], 5: ["k3", "k9", BREAK]}),
    Case("no break, the second page", {2: ["k2", "k8"]}),
    Case("no break, a later page", {3: ["k2", "k8"]}, by=("at",)),
    Case("no break, and numbers that show the order", {2: ["k2", "k5"]}, by=("rev",)),
    Case(
        "values that grow by chance until a break and behind it",
        {3: ["k1", "k7", "k8", "k9", "k91", BREAK]},
        begin="12345678",
    ),
    Case("values that grow by chance", {2: ["k2", "k9"]}, size=7, begin="12345678"),
    Case("in the order of the field", {2: ["k2", "k9"], 3: ["k3"]}, order="value"),
    Case("in the order of the field, with a break", {2: ["k2", "k9", BREAK]}, order="value"),
    Case("newest first", {2: ["k2", "k9"], 3: ["k3"]}, order="newest"),
    Case("by offset", {2: ["k2", "k8"]}, more={"pagination": OFFSET}),
    Case("by offset, with a break", {2: ["k2", "k8", BREAK]}, more={"pagination": OFFSET}),
    Case("details of one page", {6: ["k1", "k7"]}, size=9, more={"details": DETAILS}),
    Case("details of several pages", {4: ["k1", "k7"], 7: ["k2", "k8"]}, more={"details": DETAILS}),
    Case("below several parents", {4: ["k1", "k2", "k3", "k7", "k8"]}, size=9, more={"for_each": SHOPS}),
    Case("below several parents, with a break", {4: ["k1", "k2", "k8", BREAK]}, size=9, more={"for_each": SHOPS}),
]


def shown(case: Case, by: str) -> dict[str, Any]:
    more = {**case.more, "query": {"shop": "{{ shop.id }}"}} if "for_each" in case.more else case.more
    return {"incoming": incoming(by, **more)}


@pytest.mark.parametrize(
    ("case", "by"), [pytest.param(case, by, id=f"{case.told}, {by}") for case in CASES for by in case.by]
)
async def test_a_change_while_pages_are_read_is_not_passed_over(case: Case, by: str, tmp_path: Path) -> None:
    source = Changing(case.order, case.size, case.script, refuses=case.refuses)
    for number in case.begin:
        source.write(f"k{number}")
        source.clock.now += 30.0
    source.clock.now += 3600.0
    follower = await followed(source, shown(case, by), tmp_path, runs=4)
    assert follower.has == source.records
    assert follower.came[-1] == 0, "what is known is not read for ever"
    assert sum(follower.came[1:]) <= 2 * len(source.records), "and not more than twice"


async def test_a_record_of_the_first_page_changes_while_the_fetch_has_broken_off(tmp_path: Path) -> None:
    """Found by a simulated world: K2's change was below the cursor that K3's had left, and was never fetched."""
    source = Changing("key", 2, {2: ["K2", "K3", BREAK]})
    for key in ("K2", "K3", "K1"):
        source.write(key)
    follower = await followed(source, {"incoming": incoming("rev")}, tmp_path, runs=3)
    assert follower.has == source.records
    assert follower.since == [None, "3", "5"]
    assert follower.came == [3, 2, 0]


@pytest.mark.parametrize("by", ["rev", "at"])
@pytest.mark.parametrize("order", ["value", "newest", "key"])
async def test_one_page_costs_nothing_more(order: str, by: str, tmp_path: Path) -> None:
    source = Changing(order, 10, {})
    for key in reversed(KEYS):
        source.write(key)
        source.clock.now += 30.0
    follower = await followed(source, {"incoming": incoming(by)}, tmp_path, runs=2)
    assert follower.came == [8, 0]
    assert follower.since[1] == str(max(source.records.values(), key=lambda record: record["rev"])[by])


@pytest.mark.parametrize(
    ("order", "by", "again"),
    [("newest", "rev", 0), ("newest", "at", 0), ("value", "rev", 2), ("value", "at", 2), ("key", "at", 1)],
)
async def test_what_a_fetch_of_many_pages_costs_the_next(order: str, by: str, again: int, tmp_path: Path) -> None:
    """In the order of the field the last page. Times in any order: what is not older than the newest by more than the
    fetch took."""
    source = Changing(order, 3, {})
    for number in range(20):
        source.write(f"k{(number * 7) % 20:02d}")
        source.clock.now += 300.0
    follower = await followed(source, {"incoming": incoming(by)}, tmp_path, runs=3)
    assert follower.came == [20, again, 0]


async def test_an_api_that_is_paged_by_the_field_costs_nothing_more(tmp_path: Path) -> None:
    paging = {"style": "keyset", "param": "since", "value": "item.rev", "inclusive": False, "size": 3}
    source = Changing("value", 3, {2: ["k02", "k21", BREAK], 4: ["k03"]})
    for number in range(20):
        source.write(f"k{number:02d}")
    follower = await followed(source, {"incoming": incoming("rev", pagination=paging)}, tmp_path, runs=2)
    assert follower.has == source.records
    assert follower.came == [23, 0]
    assert follower.cursor == "23"


async def test_numbers_in_the_order_of_keys_are_read_twice_and_never_more(tmp_path: Path) -> None:
    source = Changing("key", 3, {})
    for number in range(20):
        source.write(f"k{(number * 7) % 20:02d}")

    def write(number: int) -> None:
        if number in (2, 3):
            source.write("k05")

    follower = await followed(source, {"incoming": incoming("rev")}, tmp_path, runs=5, before=write)
    assert follower.has == source.records
    assert follower.came[1] <= 20
    assert follower.came[2:] == [1, 0, 0]
