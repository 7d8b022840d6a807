"""A wait that is noted while the delivery is being written is not missed, whichever transaction comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from airflow_integrations.engine.settle.rejections import conclude_rejected
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.ledger.records import Outcome, RunRef
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import begin_run
from airflow_integrations.ledger.runs.waits import MOST_WAITS, wake_delivered, woken_number
from airflow_integrations.ledger.storage import tables
from airflow_integrations.window import EPOCH, Window

NOW = 1_800_000_000.0
ROUNDS = 40


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with Ledger.open(ledger_url) as made:
        yield made


def begun(ledger: Ledger, route: str) -> RunRef:
    window = Window(EPOCH, EPOCH)
    return begin_run(ledger, route, "r", kind="cli", window=window, route_hash="", staging="", now=NOW)


def waiting(key: str, *waits: tuple[str, str]) -> Outcome:
    later = NOW + 3600
    return Outcome(
        key=key, status="retrying", error_class="not_found", attempts=1, since=NOW, next_attempt=later, waits=waits
    )


def delivered(key: str) -> Outcome:
    return Outcome(key=key, status="delivered", hash="0" * 32)


def at_once(*works: Callable[[], None]) -> None:
    start = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        start.wait(20)
        work()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_whichever_comes_first_the_entity_is_due(ledger: Ledger) -> None:
    orders, customers = begun(ledger, "orders"), begun(ledger, "customers")
    for number in range(ROUNDS):
        key = str(number)
        late = waiting(key, ("customers", key))
        at_once(
            partial(conclude, ledger, customers, [delivered(key)], now=NOW),
            partial(conclude_rejected, ledger, orders, [late], now=NOW),
        )
        found = where(ledger, "orders", key, NOW)
        assert found is not None
        assert found.next_attempt == NOW, number
    assert woken_number(ledger, "orders") == ROUNDS


def test_many_that_wait_for_one_are_woken_together(ledger: Ledger) -> None:
    orders, customers = begun(ledger, "orders"), begun(ledger, "customers")
    conclude_rejected(ledger, orders, [waiting(str(n), ("customers", "c")) for n in range(3_000)], now=NOW)
    conclude(ledger, customers, [delivered("c")], now=NOW)
    assert woken_number(ledger, "orders") == 1
    with ledger.read() as connection:
        found = connection.execute(tables.entity.select().where(tables.entity.c.next_attempt == NOW)).all()
        assert connection.execute(tables.wait.select()).all() == []
    assert len(found) == 3_000


def test_what_one_entity_waits_for_is_bounded(ledger: Ledger) -> None:
    orders = begun(ledger, "orders")
    many = [("customers", str(number)) for number in range(MOST_WAITS + 500)]
    conclude_rejected(ledger, orders, [waiting("1", *many)], now=NOW)
    with ledger.read() as connection:
        assert len(connection.execute(tables.wait.select()).all()) == MOST_WAITS
    found = where(ledger, "orders", "1", NOW)
    assert found is not None
    assert len(found.waits_for) == 20


def test_a_key_that_other_routes_have_wakes_nobody(ledger: Ledger) -> None:
    orders, others = begun(ledger, "orders"), begun(ledger, "others")
    conclude_rejected(ledger, orders, [waiting("1", ("customers", "c"))], now=NOW)
    conclude(ledger, others, [delivered("c")], now=NOW)
    wake_delivered(ledger, "customers", ["c"], NOW)
    assert woken_number(ledger, "orders") == 0
    conclude(ledger, orders, [Outcome(key="1", status="skipped")], now=NOW)
    with ledger.read() as connection:
        assert connection.execute(tables.wait.select()).all() == []
