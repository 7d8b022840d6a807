"""The demo's live table: what flows, route by route."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.box import SIMPLE_HEAD
from rich.table import Table

from airflow_integrations.demo.airflow_rest import AirflowRest, Run
from airflow_integrations.demo.rest import Rest
from airflow_integrations.demo.scenario import CUSTOMERS, ORDERS, ROUTES, STOCK
from airflow_integrations.ledger.status import WRONG
from airflow_integrations.plurals import counted

__all__ = ["Flow", "Monitor", "line", "table"]

_IN_ERP = {ORDERS: "orders", STOCK: "stock", CUSTOMERS: "customers"}


@dataclass(slots=True)
class Flow:
    """What one route has done since the demo began."""

    route: str
    counts: dict[str, int] = field(default_factory=dict)
    runs: int = 0
    running: int = 0
    failed: int = 0
    in_erp: int = 0


class Monitor:
    """Asks Airflow and the ERP; a run that has ended is asked for its books only once."""

    def __init__(self, airflow: AirflowRest, erp: Rest) -> None:
        self._airflow, self._erp = airflow, erp
        self._ended: dict[tuple[str, str], tuple[str, dict[str, int]]] = {}

    def flows(self) -> list[Flow]:
        in_erp = self._erp.get("/sales-orders/count")
        flows = []
        for route in ROUTES:
            flow = Flow(route, in_erp=in_erp[_IN_ERP[route]])
            flow.running = sum(self._note(run) for run in self._airflow.runs(route))
            for (of, _), (state, counts) in self._ended.items():
                if of == route:
                    flow.runs += 1
                    flow.failed += state == "failed"
                    for name, count in counts.items():
                        flow.counts[name] = flow.counts.get(name, 0) + count
            flows.append(flow)
        return flows

    def _note(self, run: Run) -> bool:
        """Keep an ended run's books; whether the run is still under way."""
        if not run.ended:
            return True
        key = run.dag_id, run.run_id
        if key not in self._ended:
            settled = self._airflow.result(run, "settle") or self._airflow.result(run, "fetch") or {}
            counts = settled.get("counts", settled)
            self._ended[key] = run.state, {name: count for name, count in counts.items() if isinstance(count, int)}
        return False


def table(flows: list[Flow], width: int = 100) -> Table:
    """One row a route, readable from 80 columns on; what came again unchanged is shown from 120 on."""
    shown = Table(
        title="Shop → ERP",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1) if width >= 100 else 0,
    )
    shown.add_column("route", no_wrap=True)
    fates = ("fetched", "delivered", "unchanged", "filtered") if width >= 120 else ("fetched", "delivered", "filtered")
    for name in ("runs", "now", "red", *fates, "problems", "in ERP"):
        shown.add_column(name, justify="right", no_wrap=True)
    for flow in flows:
        problems = sum(flow.counts.get(name, 0) for name in WRONG)
        shown.add_row(
            flow.route,
            str(flow.runs),
            str(flow.running or "-"),
            _red(flow.failed),
            *(str(flow.counts.get(name, 0)) for name in fates),
            _red(problems),
            str(flow.in_erp),
        )
    shown.caption = "now: under way; red: failed; unchanged: not sent again; problems: rejected, failed or in doubt"
    shown.caption_justify = "left"
    return shown


def _red(count: int) -> str:
    return f"[bold red]{count}[/]" if count else "-"


def line(flows: list[Flow]) -> str:
    """The same in one line, where there is no screen."""
    return "; ".join(
        f"{flow.route}: {counted(flow.runs, 'run')}, {flow.counts.get('fetched', 0)} fetched, "
        f"{flow.counts.get('delivered', 0)} delivered, {flow.in_erp} in the ERP"
        for flow in flows
    )
