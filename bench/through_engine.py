"""The same job as a route, through fetch, transform and push in turn, staging included."""

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

from airflow_integrations.engine import fetch, push, settle, transform
from airflow_integrations.http import Endpoint
from airflow_integrations.route import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging import Staging
from airflow_integrations.window import EPOCH, Window
from bench.definition import SCHEMA, route


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
    for module in ("http.client", "incoming.http", "outgoing.http", "outgoing.judgement", "outgoing.request_parts"):
        import_module(f"airflow_integrations.{module}")
    for module in ("jinja2", "jsonschema_rs", "jsonschema", "RestrictedPython.transformer"):
        import_module(module)
    import_module("airflow_integrations.expressions.compiler")


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def main(url: str, total: int, *, one_by_one: bool) -> dict[str, object]:
    logging.basicConfig(level=logging.WARNING)
    import_everything()
    with tempfile.TemporaryDirectory() as folder:
        schema = written(Path(folder, "sales_order.json"))
        run = Run(
            Route.load(route(total, str(schema), one_by_one=one_by_one)), "bench", Window(EPOCH, datetime.now(UTC))
        )
        staging = Staging(folder, "bench", "bench")
        idle = peak_mb()
        times = {}
        started = time.perf_counter()
        for stage in (fetch, transform, push):
            begun = time.perf_counter()
            async with Services(Loopback(url)) as services:
                await stage(run, services, staging)
            times[stage.__name__] = round(time.perf_counter() - begun, 3)
        seconds = time.perf_counter() - started
        balance = settle(run, staging)
        if balance.verdict:
            raise SystemExit(balance.verdict)
    return {"seconds": seconds, "stages": times, "memory_mb": peak_mb() - idle, "counts": balance.counts}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], int(sys.argv[2]), one_by_one=sys.argv[3] == "single"))))
