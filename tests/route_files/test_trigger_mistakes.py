"""What a trigger says wrongly is told with its place, also where something else in the file is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_integrations.route_files.load import read_routes

ROUTE = """
entity: {{name: order, key: order.number}}
{more}
trigger:
{trigger}
incoming: {{http: {{connection: shop, path: /orders}}}}
outgoing: {{none: {{}}}}
"""
WEBHOOK = "  webhook: {path: orders, verify: none, records: bdy.orders}"


def told(folder: Path, trigger: str, more: str = "") -> list[str]:
    root = folder / "routes"
    root.mkdir()
    (root / "orders.yaml").write_text(ROUTE.format(trigger=trigger, more=more))
    return [f"{mistake.path}: {mistake.message}" for mistake in read_routes(root).mistakes]


@pytest.mark.parametrize("more", ["", "prioriti: high", "max_active_runs: 0"])
@pytest.mark.parametrize(
    ("trigger", "place"),
    [
        (WEBHOOK, "trigger.webhook.records"),
        ("  listen: {redis: {connection: r, stream: s, records: bdy}}", "trigger.listen.redis.records"),
    ],
)
def test_unknown_names_are_told_with_everything_else(tmp_path: Path, trigger: str, place: str, more: str) -> None:
    found = told(tmp_path, trigger, more)
    assert len(found) == 1 + bool(more)
    assert [text for text in found if text.startswith(f"{place}: ")], found


def test_a_webhook_that_says_nothing_of_who_may_send(tmp_path: Path) -> None:
    (text,) = told(tmp_path, "  webhook: {path: orders}")
    assert text.startswith("trigger.webhook: verify is missing: how the sender proves who it is, such as verify: {")
    assert "one of none, hmac, standard, header, basic, github" in text


@pytest.mark.parametrize(
    ("assets", "well"),
    [
        ("categories", True),
        ("{all: [categories]}", True),
        ("{any: [categories, prices]}", True),
        ("{all: [categories, prices]}", False),
        ("{any: [stock, {all: [categories, prices]}]}", False),
    ],
)
def test_messages_would_use_up_what_all_waits_for(tmp_path: Path, assets: str, well: bool) -> None:
    for name in ("categories", "prices", "stock"):
        (tmp_path / "routes").mkdir(exist_ok=True)
        (tmp_path / "routes" / f"{name}.yaml").write_text(
            ROUTE.format(trigger="  {}", more="").replace("trigger:\n  {}\n", "")
        )
    (tmp_path / "routes" / "orders.yaml").write_text(
        ROUTE.format(trigger=f"  listen: {{redis: {{connection: r, stream: s}}}}\n  assets: {assets}", more="")
    )
    found = [f"{mistake.path}: {mistake.message}" for mistake in read_routes(tmp_path / "routes").mistakes]
    assert (
        found == [] if well else [text.startswith("trigger.assets: a message that listen") for text in found] == [True]
    )
