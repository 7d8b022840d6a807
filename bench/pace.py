"""How well many processes keep one Connection's ``requests_per_second`` together, and how long a critical route waits.

``python -m bench.pace LEDGER_URL [PROCESSES [RATE [SECONDS]]]`` prints one line of JSON. A turn is counted when it
comes, as if a request left then.
"""

from __future__ import annotations

import asyncio
import json
import logging
import multiprocessing
import random
import sys
import time
from typing import Any

from airflow_integrations.http.limits import Limits
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.pace import SharedPace

NAME = "bench"
CRITICAL_PAUSE = 0.5


def measured(url: str, processes: int, rate: float, seconds: float) -> dict[str, Any]:
    """``rate``: requests a second. ``kept``: the share of it that was used; more than 1.02 would be too much."""
    Ledger.open(url).close()
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    begin = time.time() + 1.0
    started = [
        context.Process(target=_process, args=(url, rate, begin, begin + seconds, number == 0, results))
        for number in range(processes)
    ]
    for process in started:
        process.start()
    given = [results.get(timeout=seconds + 60) for _ in started]
    for process in started:
        process.join()
    turns = sum(count for count, _ in given)
    waits = [wait for _, some in given for wait in some]
    return {
        "processes": processes,
        "requests_per_second": rate,
        "kept": round(turns / (rate * seconds), 3),
        "critical_waits_at_most_s": round(max(waits), 3),
    }


def _process(url: str, rate: float, begin: float, end: float, critical: bool, results: Any) -> None:
    async def work() -> tuple[int, list[float]]:
        with Ledger.open(url) as ledger:
            log, rng = logging.getLogger("airflow_integrations"), random.Random()
            pace = SharedPace(
                ledger, NAME, priority="critical" if critical else "normal", now=time.time, rng=rng, log=log
            )
            limits, count = Limits(requests_per_second=rate, pace=pace), 0
            waits: list[float] = []
            await asyncio.sleep(max(0.0, begin - time.time()))
            while True:
                asked = time.time()
                await limits.turn()
                if (now := time.time()) > end:
                    return count, waits
                count += 1
                if critical:
                    waits.append(now - asked)
                    await asyncio.sleep(CRITICAL_PAUSE)

    results.put(asyncio.run(work()))


if __name__ == "__main__":
    url, *numbers = sys.argv[1:]
    processes, rate, seconds = [*map(float, numbers), *[20.0, 100.0, 10.0][len(numbers) :]]
    print(json.dumps(measured(url, int(processes), rate, seconds)))
