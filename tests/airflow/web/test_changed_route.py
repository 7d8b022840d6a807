"""A route's file changes: the console goes by what Airflow has read of it, before a run has."""

from __future__ import annotations

import pytest
from web_scene import ORDERS, Server, flow, stopped

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("airflow")]


def read_again(server: Server) -> None:
    """As the DAG processor does."""
    components = server.components
    components.processes.run("dags", components.airflow("dags", "reserialize"), components.env, timeout=120)


async def test_a_mask_counts_as_soon_as_airflow_has_read_it(server: Server) -> None:
    await flow(server, "never_ran", "scheduled__1", ORDERS)
    stopped(server, "never_ran", {"0003": 3})
    before = server.get("/routes/never_ran")
    assert server.get("/routes/never_ran/entities/0003")["payloads"]["target"]["Contact"] == {
        "Mail": "buyer3@example.com"
    }
    file = server.components.home / "routes" / "never_ran.yaml"
    text = file.read_text()
    file.write_text(f"mask: [customer.email]\n{text}")
    try:
        read_again(server)
        answer = server.call("admin", "GET", "/routes/never_ran/entities/0003")
        assert answer.json()["payloads"]["target"]["Contact"] == {"Mail": "***"}
        assert "buyer3" not in answer.text
        found = server.call("admin", "GET", "/routes/never_ran/export?format=jsonl&payloads=true&status=failed")
        assert '"Mail":"***"' in found.text
        view = server.get("/routes/never_ran")
        assert (view["unrun"], view["hash"]) == (True, before["hash"])
        lines = server.get(f"/routes/never_ran/versions/{view['hash']}/diff")["lines"]
        assert [line for line in lines[2:] if line.startswith(("+", "-"))] == ["+mask:", "+- customer.email"]
    finally:
        file.write_text(text)
        read_again(server)
