"""``python -m airflow_integrations.demo shopify``: the scenario in Airflow, to look at; ``… check``: as a test."""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from airflow_integrations.demo.airflow_rest import AirflowRest
from airflow_integrations.demo.components import Components
from airflow_integrations.demo.processes import free_ports
from airflow_integrations.demo.rest import RestError
from airflow_integrations.demo.scenario import empty_home
from airflow_integrations.demo.shopify_sap.carriers import DAGS, InAirflow
from airflow_integrations.demo.shopify_sap.check import POINTS, Report, check, live_through
from airflow_integrations.demo.shopify_sap.connections import airflow_variables
from airflow_integrations.demo.shopify_sap.room import EXAMPLE, Room

__all__ = ["run"]

_NEWEST = 50
"""Orders of which the latency is shown."""


def run(options: argparse.Namespace, say: Callable[[str], None]) -> int:
    """The exit code. Raises ProcessDied, RestError and RoomError."""
    routes = options.dags / EXAMPLE
    return _check(routes, options, say) if options.what == "check" else _show(routes, options, say)


def _check(routes: Path, options: argparse.Namespace, say: Callable[[str], None]) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="shopify-sap-") as home:
        how = _check_in_airflow if options.airflow else check
        report: Report = how(Path(home), routes, timeout=options.timeout)
    for figures in report.figures:
        say(f"demo-check: {figures}")
    for fault in report.faults:
        say(f"  - {fault}")
    verdict = "WRONG" if report.faults else "each order once, to the cent, its customer first"
    say(f"demo-check: {verdict} ({report.throttled} queries throttled, {time.monotonic() - began:.0f} s)")
    return 1 if report.faults else 0


def _check_in_airflow(home: Path, routes: Path, *, timeout: float) -> Report:
    (port,) = free_ports(1)
    room = Room(home, routes, points=POINTS, hooks=port)
    components = _airflow(home, routes, routes.parents[1], room, port=port)
    with room, components:
        return live_through(room, InAirflow(room, components), timeout=timeout)


def _airflow(home: Path, routes: Path, dags: Path, room: Room, **how: Any) -> Components:
    settings = {
        **airflow_variables(room.env),
        "AIRFLOW__INTEGRATIONS__ROUTES": str(routes.resolve()),
        "AIRFLOW__CORE__PARALLELISM": "10",  # two consumers hold two slots each
    }
    return Components(home / "airflow", settings, dags=dags, **how)


def _show(routes: Path, options: argparse.Namespace, say: Callable[[str], None]) -> int:
    password = empty_home(options.home)
    port = options.port or free_ports(1)[0]
    room = Room(options.home, routes, points=100, hooks=port)
    components = _airflow(options.home, routes, options.dags, room, port=port, password=password, say=say)
    with room, components:
        airflow = AirflowRest(components.url, components.user, components.password)
        for dag in DAGS:
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
