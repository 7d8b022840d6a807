from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.ledger.storage.key_set import pack, unpack


@given(st.lists(st.text(st.characters(exclude_categories=["C"]), min_size=1)))
def test_keys_come_back_in_their_order(keys: list[str]) -> None:
    assert unpack(pack(keys)) == keys


def test_thousands_of_keys_are_small() -> None:
    assert len(pack(f"order-{number}" for number in range(10_000))) < 40_000
