"""What senders are answered stands in the ledger once, and is read in order by those who answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ledger_runs import begin, finish

from airflow_integrations.ledger.acknowledgements import acknowledgements_between
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.maintenance.retention import UNREAD_SECONDS, prune
from airflow_integrations.route.retention import Retention


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with Ledger.open(ledger_url) as opened:
        yield opened


def settle(ledger: Ledger, run_id: str, *answers: tuple[str, str], now: float = 50.0) -> None:
    pieces = [(name, True) for name in dict.fromkeys(name for name, _ in answers)]
    finish(ledger, begin(ledger, run_id), now=now, pieces=pieces, answers=lambda: iter(answers))


def kept(ledger: Ledger, after: int = 0, upto: int = 1000) -> list[tuple[int, str]]:
    return [(each.number, each.content) for each in acknowledgements_between(ledger, "orders", after, upto, 1000)]


def test_a_piece_that_was_read_before_is_not_answered_again(ledger: Ledger) -> None:
    settle(ledger, "one", ("a", "1"), ("a", "2"), ("b", "3"))
    settle(ledger, "two", ("b", "3"), ("c", "4"))
    settle(ledger, "one", ("a", "1"), ("a", "2"), ("b", "3"))
    assert kept(ledger) == [(1, "1"), (2, "2"), (3, "3"), (4, "4")]
    assert kept(ledger, 1, 3) == [(2, "2"), (3, "3")]


def test_one_of_a_piece_that_does_not_count_as_read_waits(ledger: Ledger) -> None:
    run = begin(ledger, "one")
    finish(ledger, run, pieces=[("a", True)], answers=lambda: iter([("a", "1"), ("b", "2")]))
    assert kept(ledger) == [(1, "1")]
    settle(ledger, "two", ("b", "2"))
    assert kept(ledger) == [(1, "1"), (2, "2")]


def test_many_at_once(ledger: Ledger) -> None:
    settle(ledger, "one", *((f"piece {number}", str(number)) for number in range(2500)))
    assert [content for _, content in kept(ledger, upto=10_000)] == [str(number) for number in range(1000)]
    assert ledger.fetches.newest("orders", "acknowledgements") == 2500


def test_positions_are_those_of_what_is_read(ledger: Ledger) -> None:
    settle(ledger, "one", ("a", "1"))
    assert ledger.fetches.subscribe("answers", "orders", what="acknowledgements") == 1
    assert ledger.fetches.subscribe("answers", "orders", what="acknowledgements", oldest=True) == 1
    assert ledger.fetches.position("answers", "orders") is None
    assert ledger.fetches.behind(60.0) == {}
    settle(ledger, "two", ("b", "2"))
    assert ledger.fetches.behind(60.0) == {"answers": 2}
    finish(ledger, begin(ledger, "read", "answers"), read=("orders", 7, "records"))
    assert ledger.fetches.behind(60.0) == {"answers": 2}
    finish(ledger, begin(ledger, "read", "answers"), read=("orders", 2, "acknowledgements"))
    assert ledger.fetches.behind(60.0) == {}
    assert ledger.fetches.subscriptions() == [("answers", "orders", "acknowledgements")]


def test_who_reads_acknowledgements_keeps_no_fetch_staged(ledger: Ledger) -> None:
    run = begin(ledger, "one")
    ledger.fetches.publish(run, after=None)
    finish(ledger, run)
    ledger.fetches.subscribe("answers", "orders", what="acknowledgements", oldest=True)
    assert not ledger.fetches.begin_again(run).wanted
    ledger.fetches.publish(run, after=None)
    finish(ledger, run)
    assert prune(ledger, routes={"orders": Retention(payloads="1d")}, now=200_000.0).staging


def test_old_ones_are_forgotten_but_for_the_last(ledger: Ledger) -> None:
    settle(ledger, "one", ("a", "1"), ("b", "2"))
    settle(ledger, "two", ("c", "3"), now=60.0)
    prune(ledger, routes={"orders": Retention()}, now=UNREAD_SECONDS + 55)
    assert kept(ledger) == [(3, "3")]
    prune(ledger, routes={"orders": Retention()}, now=2 * UNREAD_SECONDS)
    assert kept(ledger) == [(3, "3")]
    settle(ledger, "three", ("d", "4"))
    assert kept(ledger) == [(3, "3"), (4, "4")]
    assert ledger.fetches.subscribe("answers", "orders", what="acknowledgements", oldest=True) == 2
