"""A payment in Shopify is a sales order in SAP within seconds, its customer first, and nothing is doubled or lost."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from airflow_integrations.demo.shopify_sap.check import Figures, check, faults_of
from airflow_integrations.route.check import deep_mistakes
from airflow_integrations.route_files.load import read_routes
from airflow_integrations.testing import run_route_tests

ROUTES = Path(__file__).parents[3] / "dags" / "examples" / "shopify_to_sap"
WITHIN = 2.0
"""Seconds from a payment to its sales order, where nothing is in the way."""
PATIENCE = 300.0
"""Seconds for each wait: on a machine that others use, a process takes many to start."""


@pytest.mark.long
def test_each_payment_is_one_sales_order_whatever_happens(tmp_path: Path, record_property: Any) -> None:
    report = check(tmp_path, ROUTES, timeout=PATIENCE)
    for figures in report.figures:
        print(figures)
        record_property(figures.phase, str(figures))
    assert report.faults == ()
    assert report.throttled > 0
    quiet, *_ = report.figures
    assert quiet.p50 < WITHIN, quiet


def test_the_examples_are_valid_and_pass_their_tests() -> None:
    found = read_routes(ROUTES)
    assert list(map(str, found.mistakes)) == []
    assert [mistake for each in found.routes.values() for mistake in deep_mistakes(each.route)] == []
    report = run_route_tests(ROUTES)
    assert report.ok, report
    assert len(report.outcomes) == 6


TRUTH = {
    "orders": [
        {"id": "g1", "name": "#1", "total": "20.00", "paid_at": 1.0, "customer": "7"},
        {"id": "g2", "name": "#2", "total": "5.00", "paid_at": 2.0, "customer": "8"},
    ],
    "available": {"MUG": 3},
    "given_up": 0,
}
BOOKS = {
    "orders": [
        {"reference": "#1", "number": "1", "total": "20.00", "customer": "7", "at": 3.0, "customer_at": 2.0},
        {"reference": "#2", "number": "2", "total": "5.00", "customer": "8", "at": 4.0, "customer_at": 2.5},
    ],
    "partners": ["7", "8"],
    "stock": {"MUG": "3.000"},
    "updates": 0,
    "refusals": [],
}


def test_books_that_agree_have_no_faults() -> None:
    assert faults_of(TRUTH, BOOKS) == []


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("orders", 0), None, "not in SAP: #1"),
        (("orders", 0, "reference"), "#9", "in SAP and not in the shop: #9"),
        (("orders", 0, "reference"), "#2", "in SAP more than once: #2"),
        (("orders", 0, "total"), "20.01", "with another amount than in the shop: #1"),
        (("orders", 0, "customer"), "8", "of another customer: #1"),
        (("orders", 0, "customer_at"), 3.5, "before their customer: #1"),
        (("partners", 1), "7", "customers in SAP more than once: 7"),
        (("stock", "MUG"), "4.000", "materials with another stock in the shop: MUG"),
        (("refusals",), ["400 Sold-to party"], "requests refused by SAP: 400 Sold-to party"),
    ],
)
def test_each_fault_is_told(place: tuple[Any, ...], value: Any, told: str) -> None:
    books: Any = deepcopy(BOOKS)
    *path, last = place
    holder = books
    for step in path:
        holder = holder[step]
    if value is None:
        del holder[last]
    else:
        holder[last] = value
    assert any(fault.startswith(told) for fault in faults_of(TRUTH, books))


def test_figures_are_those_of_the_seconds() -> None:
    figures = Figures.of("quiet", [0.1, 0.2, 0.3, 0.4, 1.0])
    assert (figures.orders, figures.p50, figures.longest) == (5, 0.3, 1.0)
    assert 0.4 < figures.p95 <= 1.0
