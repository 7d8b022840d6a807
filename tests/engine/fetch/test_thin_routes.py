"""One definition of details for a list, events and other routes; what a route with them cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engine_kinds import MemoryIncoming
from thin_scene import DETAILS, Shop, Whole, counts, deleted

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window


async def test_a_list_and_events_share_one_definition(shop: Shop, ledger_url: str, tmp_path: Path) -> None:
    shop.orders = {"1": {"state": "paid"}, "2": {"state": "open"}}
    whole = Whole(shop, ledger_url, tmp_path, path="/orders", records="body.orders", schedule={"every": "1h"})
    fetches = {"events": False, "kind": "scheduled"}
    assert counts(await whole.work(**fetches)) == {"fetched": 2, "delivered": 2}
    shop.orders["1"]["state"] = "shipped"
    whole.put({"number": 1})
    assert counts(await whole.work()) == {"fetched": 1, "delivered": 1}
    assert counts(await whole.work(**fetches)) == {"fetched": 2, "unchanged": 2}
    shop.listed, shop.orders = ["1", "2"], {"2": shop.orders["2"]}  # it goes between the list and the question
    assert counts(await whole.work(**fetches)) == {"fetched": 1, "deletes_emitted": 1, "unchanged": 1, "delivered": 1}
    assert [outbound.key for outbound in deleted()] == ["1"]
    whole.close()


async def test_what_another_route_brings_is_asked_for(shop: Shop, ledger_url: str, tmp_path: Path) -> None:
    shop.orders = {"1": {"state": "paid"}, "2": {}}
    whole = Whole(shop, ledger_url, tmp_path)
    hints = Route.load(
        {
            "route": "hints",
            "entity": {"name": "hint", "key": "hint.at"},
            "incoming": {"memory": {}},
            "outgoing": {"none": {}},
        }
    )
    details = {name: value for name, value in DETAILS.items() if name != "events"}
    reader = Route.load(
        {
            "route": "orders",
            "entity": {"name": "order", "key": "order.number"},
            "incoming": {"route": {"name": "hints", "from": "oldest", "details": {"connection": "shop", **details}}},
            "outgoing": {"memory": {}},
        }
    )

    async def hint(*found: Any) -> None:
        MemoryIncoming.pages_to_give = [list(found)]
        whole.number += 1
        run = Run(hints, f"hint-{whole.number}", Window.parse("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"))
        staging = Staging(whole.base, "hints", run.run_id)
        async with whole.services() as services:
            await fetch(run, services, staging)
            await transform(run, services, staging)
            await push(run, services, staging)
            await settle(run, services, staging)

    whole.route = reader
    await hint({"at": 1, "number": 1}, {"at": 2, "number": 2}, {"at": 3, "number": 1})
    asked = {"events": False, "kind": "asset"}
    assert counts(await whole.work(**asked)) == {"fetched": 3, "superseded": 1, "delivered": 2}
    assert shop.asked == {"1": 1, "2": 1}
    del shop.orders["1"]
    await hint({"at": 4, "number": 1})
    assert counts(await whole.work(**asked)) == {"deletes_emitted": 1, "delivered": 1}
    whole.close()


def test_a_target_that_cannot_delete_is_found_by_validate() -> None:
    definition = {
        "route": "orders",
        "entity": {"name": "order", "key": "order.number"},
        "incoming": {"http": {"connection": "shop", "details": DETAILS}},
        "trigger": {},
    }
    http = {"connection": "erp", "method": "PUT", "path": "/orders/{{ order.number }}"}
    with pytest.raises(ValueError, match="does not say how to delete"):
        Route.load({**definition, "outgoing": {"http": http}})
    Route.load({**definition, "outgoing": {"http": {**http, "delete": {"path": "/orders/{{ key }}"}}}})


def test_a_question_that_reads_a_list_is_found_by_validate() -> None:
    definition = {
        "route": "orders",
        "entity": {"name": "order", "key": "order.number"},
        "incoming": {"http": {"connection": "shop", "details": {**DETAILS, "query": {"v": "{{ body.version }}"}}}},
        "trigger": {},
        "outgoing": {"memory": {}},
    }
    with pytest.raises(ValueError, match=r"query\.v reads body, the answer of the list"):
        Route.load(definition)
