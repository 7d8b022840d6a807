"""Stores: what a run writes twice is the same, the newest version counts, and a person's edit holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_integrations.errors import RunError
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.store import (
    LARGEST,
    NewValue,
    StoreLine,
    find_values,
    masked_line,
    prune_store,
    put_value,
    read_values,
    remove_value,
    stores,
    write_values,
)
from airflow_integrations.masking.mask import Mask

NOW = 1_800_000_000.0


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with Ledger.open(ledger_url) as made:
        yield made


def write(ledger: Ledger, key: str, value: Any, version: str | None = None, now: float = NOW, **how: Any) -> None:
    shown = how.pop("shown", None)
    new = NewValue(key, json.dumps(value).encode(), shown, version)
    write_values(ledger, "codes", [new], route="orders", run_id=f"run-{now:.0f}", now=now, **how)


def value(ledger: Ledger, key: str, now: float = NOW) -> Any:
    found = read_values(ledger, "codes", [key, "nobody"], now)
    return json.loads(found[key]) if key in found else None


def line(ledger: Ledger, key: str) -> StoreLine:
    (found,) = find_values(ledger, now=NOW, store="codes", key=key).values
    return found


def test_what_is_written_twice_is_there_once_and_its_history_has_one_line(ledger: Ledger) -> None:
    for moment in (0, 1, 2):
        write(ledger, "a", {"code": 7}, now=NOW + moment)
    assert value(ledger, "a") == {"code": 7}
    assert [change.value for change in line(ledger, "a").history] == ['{"code": 7}']
    assert (line(ledger, "a").changed, line(ledger, "a").written) == (NOW, NOW + 2)


def test_an_older_version_does_not_overwrite_a_newer_one(ledger: Ledger) -> None:
    write(ledger, "a", "new", version="10")
    write(ledger, "a", "old", version="9")
    assert value(ledger, "a") == "new"
    write(ledger, "a", "newer", version="11")
    assert value(ledger, "a") == "newer"


def test_a_persons_edit_holds_until_a_run_makes_something_else(ledger: Ledger) -> None:
    write(ledger, "a", "made")
    put_value(ledger, "codes", "a", b'"mended"', by="jane", now=NOW + 1)
    write(ledger, "a", "made", now=NOW + 2)
    assert (value(ledger, "a"), line(ledger, "a").by) == ("mended", "jane")
    write(ledger, "a", "other", now=NOW + 3)
    assert (value(ledger, "a"), line(ledger, "a").by) == ("other", None)
    assert [change.value for change in line(ledger, "a").history] == ['"other"', '"mended"', '"made"']
    assert line(ledger, "a").history[1].by == "jane"


def test_history_is_bounded(ledger: Ledger) -> None:
    for number in range(30):
        write(ledger, "a", "x" * 1_000 + str(number), now=NOW + number)
    history = line(ledger, "a").history
    assert len(history) == 20
    assert all(len(change.value) <= 500 for change in history)


def test_what_is_masked_stays_so(ledger: Ledger) -> None:
    write(ledger, "a", {"mail": "jane@example.com"}, shown=b'{"mail":"***"}')
    assert line(ledger, "a").value == '{"mail":"***"}'
    assert "jane" not in line(ledger, "a").history[0].value
    assert find_values(ledger, now=NOW, store="codes", search="jane").values == ()
    with pytest.raises(RunError, match="write the whole value"):
        put_value(ledger, "codes", "a", b'{"mail":"***"}', by="jane", now=NOW)
    put_value(ledger, "codes", "a", b'{"mail":"joe@example.com"}', by="jane", now=NOW)
    assert line(ledger, "a").value == '"***"'
    write(ledger, "b", {"mail": "joe@example.com"})
    assert masked_line(line(ledger, "b"), Mask(["mail"])).value == '{"mail":"***"}'


def test_values_are_searched_page_by_page(ledger: Ledger) -> None:
    for number in range(5):
        write(ledger, f"SKU-{number}", {"code": f"erp{number % 2}"})
    put_value(ledger, "other", "SKU-0", b"1", by="jane", now=NOW, route="orders")
    assert [(found.store, found.values) for found in stores(ledger, NOW)] == [("codes", 5), ("other", 1)]
    page = find_values(ledger, now=NOW, search="sku", limit=4)
    assert [found.key for found in page.values] == ["SKU-0", "SKU-1", "SKU-2", "SKU-3"]
    rest = find_values(ledger, now=NOW, search="sku", limit=4, after=page.after)
    assert [(found.store, found.key) for found in rest.values] == [("codes", "SKU-4"), ("other", "SKU-0")]
    assert rest.after is None
    assert [found.key for found in find_values(ledger, now=NOW, search="ERP1").values] == ["SKU-1", "SKU-3"]
    assert len(find_values(ledger, now=NOW, route="orders").values) == 6
    assert find_values(ledger, now=NOW, route="nobody").values == ()


def test_what_has_expired_is_gone(ledger: Ledger) -> None:
    write(ledger, "a", 1, keep=60.0)
    write(ledger, "b", 1)
    assert value(ledger, "a", NOW + 60) == 1
    assert value(ledger, "a", NOW + 61) is None
    write(ledger, "a", 1, keep=60.0, now=NOW + 30)  # the same: it is kept longer
    assert prune_store(ledger, NOW + 61) == 0
    assert prune_store(ledger, NOW + 91) == 1
    assert value(ledger, "b", NOW + 10**9) == 1


def test_a_person_removes_a_value(ledger: Ledger) -> None:
    write(ledger, "a", 1)
    remove_value(ledger, "codes", "a", by="jane", now=NOW)
    assert value(ledger, "a") is None
    with pytest.raises(RunError, match="has no value a"):
        remove_value(ledger, "codes", "a", by="jane", now=NOW)
    with pytest.raises(RunError, match=f"at most {LARGEST}"):
        put_value(ledger, "codes", "a", b"1" * (LARGEST + 1), by="jane", now=NOW)
