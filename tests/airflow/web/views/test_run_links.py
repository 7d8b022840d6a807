"""From a run in the ledger to its page in Airflow, whichever DAG it is of."""

from __future__ import annotations

import pytest

from airflow_integrations.airflow.web.views.airflow_dags import run_url


@pytest.mark.parametrize(
    ("run_id", "page"),
    [
        ("scheduled__1", "/dags/orders/runs/scheduled__1"),
        ("orders__events/event__4711", "/dags/orders__events/runs/event__4711"),
        ("by_hand.orders/manual__1", "/dags/by_hand/runs/manual__1"),
        ("other__events/event__1", "/dags/orders/runs/other__events%2Fevent__1"),
    ],
)
def test_a_run_has_its_page(run_id: str, page: str) -> None:
    assert run_url("orders", run_id) == page
    assert run_url("orders") == "/dags/orders"
