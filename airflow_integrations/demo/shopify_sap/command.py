"""``python -m airflow_integrations.demo shopify``: the scenario in Airflow, to look at; ``… check``: as a test."""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from airflow_integrations.demo.airflow_rest import AirflowRest
from airflow_integrations.demo.components import Components
from airflow_integrations.demo.processes import free_ports
from airflow_integrations.demo.rest import RestError
from airflow_integrations.demo.scenario import empty_home
from airflow_integrations.demo.shopify_sap.check import check
from airflow_integrations.demo.shopify_sap.connections import airflow_variables
from airflow_integrations.demo.shopify_sap.room import CUSTOMERS, EXAMPLE, ORDERS, STOCK, Room

__all__ = ["run"]

_DAGS = (CUSTOMERS, ORDERS, STOCK, *(f"{name}__{kind}" for name in (CUSTOMERS, ORDERS) for kind in ("events", "live")))
_NEWEST = 50
"""Orders of which the latency is shown."""


def run(options: argparse.Namespace, say: Callable[[str], None]) -> int:
    """The exit code. Raises ProcessDied, RestError and RoomError."""
    routes = options.dags / EXAMPLE
    return _check(routes, options.timeout, say) if options.what == "check" else _show(routes, options, say)


def _check(routes: Path, timeout: float, say: Callable[[str], None]) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="shopify-sap-") as home:
        report = check(Path(home), routes, timeout=timeout)
    for figures in report.figures:
        say(f"demo-check: {figures}")
    for fault in report.faults:
        say(f"  - {fault}")
    verdict = "WRONG" if report.faults else "each order once, to the cent, its customer first"
    say(f"demo-check: {verdict} ({report.throttled} queries throttled, {time.monotonic() - began:.0f} s)")
    return 1 if report.faults else 0


def _show(routes: Path, options: argparse.Namespace, say: Callable[[str], None]) -> int:
    password = empty_home(options.home)
    port = options.port or free_ports(1)[0]
    room = Room(options.home, routes, points=100, hooks=port)
    settings = {
        **airflow_variables(room.env),
        "AIRFLOW__INTEGRATIONS__ROUTES": str(routes.resolve()),
        "AIRFLOW__CORE__PARALLELISM": "10",  # two consumers hold two slots each
    }
    components = Components(
        options.home / "airflow", settings, dags=options.dags, port=port, password=password, say=say
    )
    with room, components:
        airflow = AirflowRest(components.url, components.user, components.password)
        for dag in _DAGS:
            room.wait(f"Airflow to load {dag}", lambda dag=dag: airflow.has_dag(dag), 120)  # type: ignore[misc]
            room.wait(f"Airflow to switch {dag} on", lambda dag=dag: airflow.unpause(dag), 120)  # type: ignore[misc]
        say(
            f"\nThe demo is up; Ctrl-C ends it.\n\n  Airflow   {components.url}\n  user      {components.user}\n"
            f"  password  {password}\n  routes    {routes}\n\n"
            f"A customer pays in Shopify every {options.every:g} s. See it in Airflow under Integrations, or here:\n"
        )
        shown = ""
        while True:
            room.processes.check()
            components.check()
            with contextlib.suppress(RestError):
                room.shopify.call("POST", "/demo/pay")
                if (text := _line(room)) != shown:
                    say(shown := text)
            time.sleep(options.every)


def _line(room: Room) -> str:
    truth, books = room.shopify.get("/demo/truth"), room.sap.get("/demo/books")
    paid = {order["name"]: float(order["paid_at"]) for order in truth["orders"]}
    took = [float(order["at"]) - paid[order["reference"]] for order in books["orders"] if order["reference"] in paid]
    newest = f", the newest within {statistics.median(took[-_NEWEST:]) * 1000:.0f} ms (p50)" if took else ""
    return f"{len(paid)} paid in Shopify, {len(took)} sales orders in SAP{newest}, {len(books['partners'])} customers"
