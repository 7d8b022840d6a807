"""What identifies a state of an entity: its hash, and the key under which it is sent."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outgoing_target import Opening, Target

from airflow_integrations.outgoing import Outbound

texts = st.text("ab0", max_size=3)
documents = texts.map(lambda text: b'"%b"' % text.encode())


def test_the_key_of_what_was_never_delivered_is_that_of_earlier_versions() -> None:
    """Targets have seen these keys: another way to make them would deliver what they already have."""
    outbound = Outbound("7", b'{"number":"7"}', route="orders")
    assert outbound.idempotency_key == hashlib.blake2b(b'orders\x007\x00{"number":"7"}', digest_size=16).hexdigest()


@given(documents, documents, st.integers(0, 50))
def test_there_and_back_again_has_three_keys(first: bytes, second: bytes, generation: int) -> None:
    states = [first, second, first]
    keys = [
        Outbound("7", state, route="r", generation=generation + number).idempotency_key
        for number, state in enumerate(states)
    ]
    assert len(set(keys)) == 3
    again = [
        Outbound("7", state, route="r", version="x", target_id="t", generation=generation + number).idempotency_key
        for number, state in enumerate(states)
    ]
    assert again == keys


def test_a_deletion_has_a_key_and_a_hash_of_its_own() -> None:
    for generation in (0, 3):
        state, deletion = (Outbound("7", b"{}", generation=generation, deleted=deleted) for deleted in (False, True))
        assert state.idempotency_key != deletion.idempotency_key
        assert state.hash != deletion.hash


@given(st.tuples(documents, st.none() | documents, st.none() | documents), texts, texts, st.integers(0, 3))
def test_the_hash_is_that_of_the_content_alone(
    content: tuple[bytes, bytes | None, bytes | None], key: str, route: str, generation: int
) -> None:
    encoded, source, found = content
    one = Outbound("7", encoded, source=source, found=found, route="r")
    other = Outbound(key, encoded, source=source, found=found, route=route, generation=generation, version="2")
    assert one.hash == one.hash == other.hash
    assert len(one.hash) == 32


@given(
    st.tuples(documents, st.none() | documents, st.none() | documents),
    st.tuples(documents, st.none() | documents, st.none() | documents),
)
def test_other_content_has_another_hash(one: tuple[Any, Any, Any], other: tuple[Any, Any, Any]) -> None:
    hashes = {Outbound("7", c[0], source=c[1], found=c[2]).hash for c in (one, other)}
    assert len(hashes) == (1 if one == other else 2)


@pytest.mark.parametrize("batch", [1, 10])
async def test_what_is_sent_again_after_it_changed_and_back_has_another_key(
    target: Target, opened: Opening, batch: int
) -> None:
    async with opened({"path": "/o"}, batch=batch) as outgoing:
        for generations in ((0, 0), (0, 0), (0, 1), (1, 1), (1, 1)):
            part = [Outbound(str(n), b"{}", route="r", generation=g) for n, g in enumerate(generations)]
            for first in range(0, len(part), batch):
                await outgoing.send(part[first : first + batch])
    keys = [got.headers["Idempotency-Key"] for got in target.received]
    if batch == 1:
        assert keys[0:2] == keys[2:4]
        assert keys[4] == keys[0]
        assert keys[6:8] == keys[8:10]
        assert len(set(keys)) == 4
    else:
        assert keys[0] == keys[1]
        assert keys[3] == keys[4]
        assert len(set(keys)) == 3
