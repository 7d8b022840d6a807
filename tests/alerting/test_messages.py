from __future__ import annotations

from typing import Any

from airflow_integrations.alerting.messages import MOST_ITEMS, Item, message, one_line, reason
from airflow_integrations.ledger.queries.views import ErrorGroup

NOW = 1_790_000_000.0


def item(route: str = "orders", **changes: Any) -> Item:
    given = {"what": "firing", "kind": "failure", "detail": "1 failed of 3", "since": NOW, "over": None, **changes}
    return Item(route=route, **given)


def test_one_alert_in_full() -> None:
    links = (("Route", "https://airflow.example/integrations/routes/orders"), ("Run", "https://airflow.example/r"))
    told = message([item(times=3, reasons=("2 × failed: HTTP 422 (SO-2)",), links=links)])
    assert told.subject == "ALERT orders: a run failed"
    assert told.text == (
        "ALERT orders: a run failed\n"
        "  1 failed of 3\n"
        "  2 × failed: HTTP 422 (SO-2)\n"
        "  since 2026-09-21 14:13 UTC, 3 times\n"
        "  Route: https://airflow.example/integrations/routes/orders\n"
        "  Run: https://airflow.example/r\n"
    )
    assert '<a href="https://airflow.example/r">Run</a>' in told.html
    assert told.bad


def test_several_alerts_are_one_message_with_what_is_wrong_first() -> None:
    over = item("stock", what="resolved", kind="late", detail="the run due at …", since=None, over=NOW)
    told = message([over, item(), item("prices")])
    assert told.subject == "2 alerts, 1 resolved: orders, prices, stock"
    assert told.text.index("ALERT orders") < told.text.index("RESOLVED stock")
    assert "over since 2026-09-21 14:13 UTC" in told.text
    assert not message([over]).bad
    assert message([over]).subject == "RESOLVED stock: a run is late"


def test_what_has_passed_says_how_often() -> None:
    told = message([item(what="passed", since=None, over=NOW, times=4)])
    assert "4 times, over since" in told.text
    assert told.subject == "PASSED orders: a run failed"


def test_very_many_alerts_are_counted() -> None:
    told = message([item(f"route{number:03}") for number in range(100)])
    assert told.subject == "100 alerts: route000, route001, route002 and 97 more routes"
    assert told.text.count("ALERT") == MOST_ITEMS
    assert "… and 80 more" in told.text
    assert "… and 80 more" in told.html


def test_reasons_are_hostile() -> None:
    said = "<script>alert(1)</script>\nBcc: all@example.com\u202e\x07 {{ 7 * 7 }}" + "x" * 1000
    group = ErrorGroup(
        route="orders",
        status="in_doubt",
        fingerprint=None,
        error_class=None,
        http_status=None,
        count=2,
        first=NOW,
        last=NOW,
        example_key="SO-1\u202e<b>",
        example_message=said,
    )
    line = reason(group)
    assert line.startswith("2 × in doubt: <script>alert(1)</script> Bcc: all@example.com {{ 7 * 7 }}xxx")
    assert line.endswith("x… (SO-1 <b>)")
    assert len(line) < 260
    told = message([item(detail=said, reasons=(line,))])
    assert "<script" not in told.html
    assert "<b>)" not in told.html
    assert all(part.isprintable() for part in told.text.split("\n"))


def test_a_group_without_a_message_is_told_by_its_class() -> None:
    group = ErrorGroup(
        route="orders",
        status="failed",
        fingerprint=None,
        error_class="outage",
        http_status=None,
        count=1,
        first=NOW,
        last=NOW,
        example_key="7",
        example_message=None,
    )
    assert reason(group) == "1 × failed: outage (7)"


def test_a_line_is_cut() -> None:
    assert one_line("a\tb\nc", 10) == "a b c"
    assert one_line("x" * 20, 10) == "x" * 9 + "…"
