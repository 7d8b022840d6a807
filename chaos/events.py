"""``python -m chaos.events``: 10,000 webhook events at 50 a second while Airflow's processes are killed in turn.

In a real Airflow, on PostgreSQL where its server is installed, else on SQLite: SIGKILL for the API server, a route's
consumer, the triggerer and the scheduler (with all tasks that it runs). Every event that was answered with 2xx is
delivered exactly once; none that was refused is; of those without an answer each at most once. ``--events 600`` is a
shorter one. One line of JSON a route; exit 1 where anything is not as it must be.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from airflow_integrations.demo.components import Components
from airflow_integrations.demo.consumer_process import consumer_pid
from bench.ledgers import connection_json, fresh, fresh_database, servers

RATE = 50
ROUTES = {"burst": "run", "live": "low"}
ROUTE = """
paused: false
priority: critical
entity: {{name: order, key: order.number}}
trigger: {{latency: {latency}, webhook: {{path: {name}, verify: none, event_id: body.number}}}}
outgoing: {{http: {{connection: target, path: /orders, idempotent: true}}}}
delivery: {{concurrency: 8}}
tasks: {{retries: 20, retry_delay: 1s}}
"""
LOADER = """# Airflow DAGs
from airflow_integrations.airflow import load_routes
globals().update(load_routes(__file__))
"""
KILLED = ("api-server", "consumer", "triggerer", "scheduler")
"""The scheduler last: it takes the consumer along, and Airflow notices that only after two minutes here."""
AWAY_SECONDS = 3.0


class Sender:
    """Posts events and keeps what was answered: 2xx, refused (any other status), or nothing."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.accepted: set[str] = set()
        self.refused: set[str] = set()
        self.unheard: set[str] = set()

    def send(self, name: str, number: str) -> None:
        body = json.dumps({"number": number}).encode()
        request = urllib.request.Request(f"{self._url}/{name}", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30):
                self.accepted.add(number)
        except urllib.error.HTTPError:
            self.refused.add(number)
        except OSError:
            self.unheard.add(number)


def drill(airflow: Components, target: str, ledger: str, name: str, events: int) -> dict[str, Any]:
    """Send to one route while processes are killed; the figures, with ``wrong``: what is not as it must be. Sends at
    least so many events, and goes on until each of the killed is back."""
    sender, number, begun = Sender(f"{airflow.url}/integrations/hooks"), 0, time.monotonic()
    pause = events / RATE / (len(KILLED) + 1)
    with ThreadPoolExecutor(32) as pool, ThreadPoolExecutor(1) as killer:
        killing = killer.submit(_kill_all, airflow, ledger, name, pause)
        while number < events or not killing.done():
            time.sleep(max(0.0, begun + number / RATE - time.monotonic()))
            pool.submit(sender.send, name, f"{name}-{number}")
            number += 1
        killed = killing.result()
    sent = time.monotonic() - begun
    taken = _arrived(airflow, target, name, sender.accepted)
    often = Counter(number for number, times in taken.items() if times > 1)
    wrong = {
        "lost": sorted(sender.accepted - taken.keys())[:10],
        "refused and delivered": sorted(sender.refused & taken.keys())[:10],
        "delivered twice": sorted(often)[:10],
        "not killed": sorted(set(KILLED) - set(killed) - ({"consumer"} if ROUTES[name] == "run" else set())),
    }
    return {
        "route": name,
        "events": number,
        "accepted": len(sender.accepted),
        "refused": len(sender.refused),
        "unheard": len(sender.unheard),
        "delivered": len(taken),
        "killed": killed,
        "seconds": round(sent, 1),
        "settled_after": round(time.monotonic() - begun - sent, 1),
        "wrong": {told: which for told, which in wrong.items() if which},
    }


def _kill_all(airflow: Components, ledger: str, name: str, pause: float) -> list[str]:
    """One after the other, each when the one before is back and ``pause`` has passed."""
    killed = []
    for victim in KILLED:
        time.sleep(pause)
        if victim == "consumer":
            if (pid := consumer_pid(ledger, name)) is None:
                continue
            os.kill(pid, signal.SIGKILL)
        else:
            airflow.processes.kill(victim)
            time.sleep(AWAY_SECONDS)
            airflow.restart(victim)
        killed.append(victim)
        end = time.monotonic() + 150
        while not airflow.healthy() or (victim == "consumer" and consumer_pid(ledger, name) is None):
            airflow.check()
            if time.monotonic() > end:
                raise SystemExit(f"not back 150 s after {victim} was killed")
            time.sleep(0.5)
    return killed


def _arrived(airflow: Components, target: str, name: str, accepted: set[str], patience: float = 420) -> dict[str, int]:
    """What the target has when all that was accepted is there, or nothing more comes."""
    end = time.monotonic() + patience
    while True:
        with urllib.request.urlopen(f"{target}/taken") as answer:
            found = {number: times for number, times in json.load(answer).items() if number.startswith(f"{name}-")}
        if accepted <= found.keys() or time.monotonic() > end:
            return found
        airflow.check()
        time.sleep(1)


@contextmanager
def airflow_with_routes(server: str, folder: Path) -> Iterator[tuple[Components, str, str]]:
    """A real Airflow with both routes, healthy and consuming; the addresses of their target and of the ledger."""
    files = {f"routes/{name}.yaml": ROUTE.format(name=name, latency=how) for name, how in ROUTES.items()}
    for name, text in {**files, "dags/routes.py": LOADER}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    command = [sys.executable, "-m", "chaos.event_target"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        target = f"http://127.0.0.1:{int(process.stdout.readline())}"
        ledger = fresh(server, folder)
        settings = {
            "AIRFLOW_CONN_TARGET": json.dumps({"conn_type": "http", "host": target}),
            "AIRFLOW_CONN_LEDGER": connection_json(ledger),
            "AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION": "ledger",
            "AIRFLOW__INTEGRATIONS__ROUTES": str(folder / "routes"),
            "AIRFLOW__CORE__PARALLELISM": "8",
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }
        if server != "sqlite":
            settings["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = fresh_database(server, "airflow")
        with Components(folder, settings, dags=folder / "dags", pools=False) as airflow:
            warm = Sender(f"{airflow.url}/integrations/hooks")
            for name in ROUTES:
                while f"warm-{name}" not in warm.accepted:
                    warm.send(name, f"warm-{name}")
                    time.sleep(0.5)
            while consumer_pid(ledger, "live") is None:
                airflow.check()
                time.sleep(0.5)
            yield airflow, target, ledger
    finally:
        process.terminate()
        process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos.events", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000, help="to each route")
    asked = parser.parse_args()
    well = True
    with ExitStack() as stack:
        found = stack.enter_context(servers())
        database = "postgresql" if "postgresql" in found else "sqlite"
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-events-")))
        scene = stack.enter_context(airflow_with_routes(found[database], folder))
        for name in ROUTES:
            told = drill(*scene, name, asked.events)
            print(json.dumps({"database": database, **told}), flush=True)
            well = well and not told["wrong"]
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
