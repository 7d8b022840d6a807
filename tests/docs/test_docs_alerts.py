"""docs/operations/alerts.md shows a message as it is sent."""

from __future__ import annotations

import re
import textwrap
from datetime import UTC, datetime
from pathlib import Path

from airflow_integrations.alerting.messages import Item, message

PAGE = (Path(__file__).parents[2] / "docs" / "operations" / "alerts.md").read_text(encoding="utf-8")


def test_the_message_is_as_it_is_shown() -> None:
    shown = re.search(r"^    ALERT (?:.*\n)+?(?=\n)", PAGE, re.MULTILINE)
    assert shown is not None
    text = textwrap.dedent(shown[0])
    head, detail, *reasons, since, route, run = text.splitlines()
    links = tuple((name, address) for name, _, address in (line.strip().partition(": ") for line in (route, run)))
    sent = message(
        [
            Item(
                route="shop_orders_to_erp",
                what="firing",
                kind="failure",
                detail=detail.strip(),
                since=datetime.strptime(since.strip(), "since %Y-%m-%d %H:%M UTC").replace(tzinfo=UTC).timestamp(),
                over=None,
                reasons=tuple(line.strip() for line in reasons),
                links=links,
            )
        ]
    )
    assert sent.text == text
    assert head == sent.subject
