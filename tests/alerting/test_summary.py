from __future__ import annotations

from airflow_integrations.alerting.summary import RouteDay, summary
from airflow_integrations.ledger.queries.health import Books, Depth

UNTIL = 1_790_000_000.0


def test_a_day_in_one_message_what_went_wrong_first() -> None:
    good = RouteDay("prices", Books(runs=24, counts={"fetched": 240, "delivered": 200, "unchanged": 40}), None)
    bad = RouteDay(
        "orders",
        Books(runs=1, failed=1, counts={"fetched": 3, "carried_in": 1, "delivered": 2, "in_doubt": 1, "failed": 1}),
        Depth(route="orders", counts={"retrying": 2}, oldest=None, circuit_until=None, events=5),
        "https://airflow.example/integrations/routes/orders",
    )
    idle = RouteDay("stock", Books(), None)
    told = summary([good, idle, bad], UNTIL)
    assert told.subject == "Daily summary: 202 delivered, 2 went wrong, 1 failed run, 3 routes"
    assert told.text == (
        "The 24 hours until 2026-09-21 14:13 UTC\n"
        "\n"
        "orders: 1 run, 1 failed; 3 fetched, 1 carried in; 2 delivered, 1 failed, 1 in doubt; "
        "open now: 2 retrying, 5 events in the inbox\n"
        "prices: 24 runs; 240 fetched; 200 delivered, 40 unchanged\n"
        "stock: no run ended\n"
    )
    assert '<a href="https://airflow.example/integrations/routes/orders">orders</a>: 1 run' in told.html
    assert told.bad
    assert not summary([good], UNTIL).bad
