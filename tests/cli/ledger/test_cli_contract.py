"""``contract``: what was learned is shown, what differs is accepted, all is forgotten; preview tells what differs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_servers import Systems


@pytest.fixture
def learned(call: Any, routes: Path, systems: Systems) -> Systems:
    """A run was learned from; since then the source has renamed a field and changed the type of another."""
    file = routes / "orders.yaml"
    file.write_text(file.read_text() + "contract: {learn: 1}\n")
    for order in systems.orders:
        order["total"] = 7
    assert call("run", "orders")[0] in (0, 1)
    for order in systems.orders:
        order["amount"] = order.pop("total")
        order["status"] = [order["status"]] if order["id"] == 1 else order["status"]
    return systems


def differs(call: Any) -> list[tuple[str, str]]:
    told = json.loads(call("contract", "show", "orders", "--format", "json")[1])
    return [(one["path"], one["kind"]) for one in told["differs"]]


@pytest.mark.usefixtures("learned")
def test_what_differs_is_previewed_shown_and_accepted(call: Any) -> None:
    _, out, _ = call("preview", "orders", "--limit", "9")
    assert "+ amount is a new field (number)" in out
    assert "- total is in no entity; every entity had it (number)" in out
    assert "~ status is list; text was learned" in out
    told = json.loads(call("preview", "orders", "--limit", "9", "--format", "json")[1])["contract"]
    assert {(one["path"], one["kind"]) for one in told} == {("amount", "new"), ("total", "gone"), ("status", "type")}
    assert differs(call) == []  # a preview leaves nothing
    call("run", "orders")
    assert set(differs(call)) == {("amount", "new"), ("total", "gone"), ("status", "type")}
    code, out, _ = call("contract", "show", "orders")
    assert (code, "amount is new (number), since" in out, "total  number  (in every entity)" in out) == (0, True, True)
    assert call("contract", "accept", "orders", "--field", "nowhere")[0] == 1
    code, out, _ = call("contract", "accept", "orders", "--field", "amount")
    assert (code, out.strip()) == (0, "accepted: amount is new (number)")
    assert set(differs(call)) == {("total", "gone"), ("status", "type")}
    assert len(json.loads(call("contract", "accept", "orders", "--format", "json")[1])) == 2
    assert differs(call) == []
    assert "Nothing differs." in call("contract", "accept", "orders")[1]


@pytest.mark.usefixtures("learned")
def test_what_was_learned_is_forgotten(call: Any) -> None:
    assert call("contract", "reset", "orders", "--yes")[0] == 0
    assert "nothing was learned" in call("contract", "show", "orders")[1]
    assert call("contract", "reset", "orders", "--yes")[0] == 1
    call("run", "orders")
    assert differs(call) == []
