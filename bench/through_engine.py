"""The same job as a route, through fetch, transform, push and settle in turn, staging and ledger included.

``python -m bench.through_engine URL TOTAL bulk|single|steps LEDGER PASSES``: LEDGER is ``sqlite`` or the URL of a
PostgreSQL server; in every pass behind the first, nothing has changed since.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.http import Endpoint
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Connections, Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import EPOCH, Window
from bench.definition import SCHEMA, How, route
from bench.ledgers import fresh


class Loopback:
    """Both Connections are the bench's own server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(name=connection, base_url=self.url)

    def variable(self, name: str) -> str | None:
        return None


def written(schema: Path) -> Path:
    schema.write_text(json.dumps(SCHEMA))
    return schema


def import_everything() -> None:
    """What is imported on first use is imported now: the script's clock starts behind its imports too."""
    for module in (
        "http.client",
        "incoming.http.source",
        "outgoing.http.target",
        "outgoing.http.answers.response_rules",
    ):
        import_module(f"airflow_integrations.{module}")
    for module in ("jinja2", "jsonschema_rs", "jsonschema", "RestrictedPython.transformer", "psycopg"):
        import_module(module)
    import_module("airflow_integrations.expressions.evaluation.compiler")


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def through(run: Run, connections: Connections, ledger_url: str, staging: Staging) -> dict[str, object]:
    """One run; each stage has a ledger and a client of its own, as each task has."""
    times, used = {}, {}
    started, cpu = time.perf_counter(), time.process_time()
    for stage in (fetch, transform, push, settle):
        begun, before = time.perf_counter(), time.process_time()
        with Ledger.open(ledger_url) as ledger:
            async with Services(connections, ledger=ledger) as services:
                result = await stage(run, services, staging)
        times[stage.__name__] = round(time.perf_counter() - begun, 3)
        used[stage.__name__] = round(time.process_time() - before, 3)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    assert isinstance(result, Balance)
    if result.verdict:
        raise SystemExit(result.verdict)
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "stages": times,
        "cpu_stages": used,
        "counts": result.counts,
    }


async def main(url: str, total: int, *, how: How, server: str, passes: int) -> dict[str, object]:
    logging.basicConfig(level=logging.WARNING)
    import_everything()
    with tempfile.TemporaryDirectory() as folder:
        schema = written(Path(folder, "sales_order.json"))
        ledger = fresh(server, Path(folder))
        definition = Route.load(route(total, str(schema), how))
        idle = peak_mb()
        told = []
        for number in range(passes):
            run = Run(definition, f"bench-{number}", Window(EPOCH, datetime.now(UTC)))
            told.append(await through(run, Loopback(url), ledger, Staging(folder, "bench", run.run_id)))
    return {**told[0], "memory_mb": peak_mb() - idle, "again": told[1:]}


if __name__ == "__main__":
    asked = sys.argv[1:]
    how: How = asked[2]  # type: ignore[assignment]
    result = main(asked[0], int(asked[1]), how=how, server=asked[3], passes=int(asked[4]))
    print(json.dumps(asyncio.run(result)))
