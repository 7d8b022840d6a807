"""What the ledger writes about what a target may hold is what push reckons with in a run."""

from __future__ import annotations

import itertools
import secrets

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_runs import begin

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import Known, Outcome
from airflow_integrations.ledger.runs.claims import known_entities, note_unanswered
from airflow_integrations.ledger.runs.outcomes import conclude

HASHES = ["a" * 32, "b" * 32, "c" * 32, "d" * 32]
steps = st.lists(st.tuples(st.sampled_from(["delivered", "unheard", "noted", "refused"]), st.sampled_from(HASHES)))


@pytest.fixture
def ledger(ledger_url: str):
    with Ledger.open(ledger_url) as opened:
        yield opened


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(steps=steps)
def test_the_rows_go_as_the_known(ledger: Ledger, steps: list[tuple[str, str]]) -> None:
    ref = begin(ledger, "run", secrets.token_hex(6))
    conclude(ledger, ref, [Outcome(key="1", status="delivered", hash=HASHES[0])], now=1.0)
    expected = Known("delivered", None, HASHES[0], None, 1, None, 0, None, None, None, None)
    used = {(HASHES[0], 0)}
    """Under which generations content went out."""
    last: str | None = None
    for (what, content), number in zip(steps, itertools.count(2)):
        known = known_entities(ledger, ref.route, ["1"])["1"]
        assert (known.maybe, known.unheard, known.deliveries) == (
            expected.maybe,
            expected.unheard,
            expected.deliveries,
        )
        if what != "refused":
            sent = (content, known.generation(content))
            assert sent not in used or last == content, "one key for two sendings with something else between them"
            used.add(sent)
            last = content
        outcome = Outcome(key="1", status="delivered", hash=content)
        if what == "delivered":
            again = 0 if expected.maybe is None else 1
            unheard = (expected.unheard or 0) + again if again else expected.unheard
            expected = Known(
                "delivered", None, content, None, expected.deliveries + 1, None, 0, None, None, None, None,
                maybe=None, unheard=unheard,
            )  # fmt: skip
        elif what == "noted":
            note_unanswered(ledger, ref, [("1", content, None), ("unknown", content, "7")], now=float(number))
            expected = expected.sent_unanswered(content)
            continue
        else:
            unheard_of = what == "unheard"
            status = "in_doubt" if unheard_of else "failed"
            outcome = Outcome(key="1", status=status, hash=content, attempts=1, unanswered=unheard_of)  # type: ignore[arg-type]
            expected = expected.sent_unanswered(content) if unheard_of else expected
        conclude(ledger, ref, [outcome], now=float(number))


def test_a_note_about_an_older_state_leaves_the_newer_one(ledger: Ledger) -> None:
    ref = begin(ledger, "run", secrets.token_hex(6))
    newer = Outcome(key="1", status="retrying", version="3", hash="c" * 32)
    older = Outcome(key="1", status="in_doubt", version="2", hash="b" * 32, unanswered=True)
    conclude(ledger, ref, [newer], now=1.0)
    conclude(ledger, ref, [older], now=2.0)
    known = known_entities(ledger, ref.route, ["1"])["1"]
    assert (known.status, known.hash, known.maybe) == ("retrying", "c" * 32, "b" * 32)
    conclude(ledger, ref, [Outcome(key="1", status="delivered", version="2", hash="b" * 32)], now=3.0)
    known = known_entities(ledger, ref.route, ["1"])["1"]
    assert (known.status, known.hash, known.maybe, known.unheard) == ("retrying", "c" * 32, None, 1)


def test_of_more_than_can_be_remembered_none_is_sent_again_unseen(ledger: Ledger) -> None:
    """Ten states are remembered one by one. Of those before them nobody knows which they were, so each may be one."""
    ref = begin(ledger, "run", secrets.token_hex(6))
    states = [f"{number:032x}" for number in range(12)]
    expected = Known("delivered", None, None, None, 0, None, 0, None, None, None, None)
    for number, content in enumerate(states, 1):
        expected = expected.sent_unanswered(content)
        outcome = Outcome(key="1", status="in_doubt", hash=content, attempts=1, unanswered=True)
        conclude(ledger, ref, [outcome], now=float(number))
        known = known_entities(ledger, ref.route, ["1"])["1"]
        assert (known.maybe, known.unheard) == (expected.maybe, expected.unheard)
        assert all(known.may_be_there(earlier) for earlier in states[:number])
        assert known.may_be_there("never sent") is (number > 10)
    conclude(ledger, ref, [Outcome(key="1", status="delivered", hash=states[0])], now=20.0)
    assert not known_entities(ledger, ref.route, ["1"])["1"].may_be_there(states[3])


@pytest.mark.parametrize(("sent", "version"), [("2", "3"), ("3", "3"), ("4", "4"), (None, "3")])
def test_a_note_that_comes_late_does_not_make_the_newest_state_older(
    ledger: Ledger, sent: str | None, version: str
) -> None:
    """Found by the simulator, seed 31000017921: a run had broken off while it sent an older state; before its next
    attempt another one rejected a newer state. The older one was delivered, and nobody knew of the newer one any more.
    """
    ref = begin(ledger, "run", secrets.token_hex(6))
    conclude(
        ledger, ref, [Outcome(key="1", status="rejected", version="3", payload_stage="push", payload_at=0)], now=1.0
    )
    note_unanswered(ledger, ref, [("1", "b" * 32, sent)], now=2.0)
    known = known_entities(ledger, ref.route, ["1"])["1"]
    assert (known.status, known.version, known.maybe) == ("rejected", version, "b" * 32)


def test_a_state_of_an_entity_that_nobody_knew_is_remembered(ledger: Ledger) -> None:
    """Found by the simulator, seed 201750198263: two attempts of a run had each sent another state of a new entity, and
    the third one sent the first state again under its old idempotency key, which the target took for a repetition."""
    ref = begin(ledger, "run", secrets.token_hex(6))
    a, b = "a" * 32, "b" * 32
    keys = list[int]()
    for number, content in enumerate((a, a, b, a), 1):
        known = known_entities(ledger, ref.route, ["1"]).get("1")
        keys.append(0 if known is None else known.generation(content))
        assert known is None or (known.status, known.hash, known.deliveries) == ("superseded", None, 0)
        note_unanswered(ledger, ref, [("1", content, None)], now=float(number))
    assert keys == [0, 0, 1, 2]
