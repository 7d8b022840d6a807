"""``python -m airflow_integrations.demo``: the demo with its live table; ``… check``: the same as a test.

``… shopify`` and ``… shopify check``: the same of the reference scenario, Shopify and SAP.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.panel import Panel

from airflow_integrations.demo.processes import ProcessDied
from airflow_integrations.demo.rest import RestError
from airflow_integrations.demo.scenario import PASSWORD_FILE, Scenario, ScenarioFailed
from airflow_integrations.demo.screen import Monitor, line, table
from airflow_integrations.demo.shopify_sap.room import RoomError

__all__ = ["main"]

_AWAY = 4.0
"""Seconds for which the ERP of a check is away when the first entities come."""


class _Ended(BaseException):
    """Ctrl-C or SIGTERM. No Exception, so that nothing on the way takes it for a failure."""


@contextlib.contextmanager
def _ends_on_signals() -> Iterator[None]:
    """The first SIGINT, SIGTERM or SIGHUP raises _Ended; further ones wait until everything is cleared away."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(number: int, frame: object) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise _Ended

    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _near(path: Path) -> Path:
    """The path as one types it from here, where that is shorter."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _demo(console: Console, options: argparse.Namespace) -> int:
    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True)

    with Scenario(
        options.home, options.dags, say=say, orders=options.orders, every=options.every, port=options.port
    ) as scenario:
        components = scenario.components
        kept = _near(scenario.home.resolve() / PASSWORD_FILE)
        console.print(
            Panel(
                f"Airflow   {components.url}\nuser      {components.user}\n"
                f"password  {components.password}   (kept in {kept})\n"
                f"shell     . {_near(components.shell)}",
                title="The demo is up; Ctrl-C ends it",
                expand=False,
            ),
            highlight=False,
        )
        scenario.switch_on()
        monitor = Monitor(scenario.airflow, scenario.erp)
        if not console.is_terminal:
            shown = ""
            while True:
                scenario.check_processes()
                with contextlib.suppress(RestError):  # SQLite under load: the next look will do
                    if (text := line(monitor.flows())) != shown:
                        say(shown := text)
                time.sleep(2)
        with Live(console=console, refresh_per_second=4) as live:
            while True:
                scenario.check_processes()
                with contextlib.suppress(RestError):
                    live.update(table(monitor.flows(), console.width))
                time.sleep(1)


def _check(console: Console, options: argparse.Namespace) -> int:
    began = time.monotonic()
    with Scenario(
        options.home, options.dags, say=lambda text: None, orders=options.orders, every=options.every, away=_AWAY
    ) as scenario:
        try:
            scenario.switch_on(timeout=options.timeout / 2, replay=True)
            while not _settled(scenario):
                scenario.check_processes()
                if time.monotonic() - began > options.timeout:
                    raise ScenarioFailed(f"the routes did not end a run each within {options.timeout:g} s")
                time.sleep(0.5)
            verdict = scenario.verdict()
        except (ProcessDied, RestError, ScenarioFailed) as failure:
            console.print(f"demo-check: {failure}\n{scenario.story()}", highlight=False, markup=False, soft_wrap=True)
            return 1
        figures = f"{verdict} ({time.monotonic() - began:.0f} s)"
        console.print(figures, highlight=False, markup=False, soft_wrap=True)
        if verdict.faults:
            report = "\n".join([*(f"  - {fault}" for fault in verdict.faults), scenario.story()])
            console.print(report, highlight=False, markup=False, soft_wrap=True)
    return 1 if verdict.faults else 0


def _shopify(console: Console, options: argparse.Namespace) -> int:
    from airflow_integrations.demo.shopify_sap.command import run

    return run(options, lambda text: console.print(text, highlight=False, markup=False, soft_wrap=True))


def _settled(scenario: Scenario) -> bool:
    try:
        return scenario.settled()
    except RestError as error:
        if error.status in (0, 500, 503):  # SQLite under load: the next look will do
            return False
        raise


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; the exit code. 0 also when it is ended by Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m airflow_integrations.demo",
        description="A shop, an ERP and Airflow on this machine, with routes between them.",
    )
    parser.add_argument(
        "room",
        nargs="?",
        choices=("shop", "shopify"),
        default="shop",
        help="shop and ERP (default), or Shopify and SAP",
    )
    parser.add_argument(
        "what", nargs="?", choices=("show", "check"), default="show", help="watch it (default), or check it"
    )
    parser.add_argument(
        "--home", type=Path, default=Path(".demo"), help="folder for everything; emptied first (default .demo)"
    )
    parser.add_argument("--dags", type=Path, default=Path("dags"), help="Airflow's dags folder (default dags)")
    parser.add_argument(
        "--orders", type=int, default=600, help="orders that are in the shop at the start (default 600)"
    )
    parser.add_argument("--every", type=float, default=3, help="seconds from one new order to the next (default 3)")
    parser.add_argument("--port", type=int, help="port of Airflow's UI (default: a free one)")
    parser.add_argument("--timeout", type=float, default=300, help="seconds that check may take (default 300)")
    parser.add_argument("--airflow", action="store_true", help="shopify check: in a real Airflow, which takes longer")
    given = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(["shop", *given] if given[:1] in (["show"], ["check"]) else given)
    if not options.dags.is_dir():
        parser.error(
            f"no folder {options.dags}: start it where this project's dags/ is, or name the folder with --dags"
        )
    console = Console()
    try:
        with _ends_on_signals():
            if options.room == "shopify":
                return _shopify(console, options)
            return _check(console, options) if options.what == "check" else _demo(console, options)
    except _Ended:
        if options.what == "check":
            sys.stderr.write("demo-check: ended before it knew\n")
            return 1
        console.print("Everything is stopped.", highlight=False)
        return 0
    except (ProcessDied, ScenarioFailed, RoomError, RestError) as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
