"""The same worlds with PostgreSQL and real threads: their transactions meet each other as they do in production.

The clock jumps only while no thread is at work, so a world takes as long as its database does; and as threads are as
fast as they are, a seed is not the same world twice. ``python -m simulator.borders.postgres --seeds 300``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import queue
import secrets
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from simulator.books import WorldLedger
from simulator.borders.clock import VirtualLoop
from simulator.borders.process import Killed
from simulator.plan import plan_of
from simulator.world import live

__all__ = ["ThreadedLoop", "postgres_ledger"]

DSN = os.environ.get("TEST_POSTGRES_DSN", "postgresql://127.0.0.1:5432/postgres")
SOON = 0.05
"""What comes so soon comes while a thread is at work: seconds of the world."""
LOOKED = 0.001


class ThreadedLoop(VirtualLoop):
    """A loop whose threads are real."""

    _run_once = asyncio.BaseEventLoop._run_once  # type: ignore[attr-defined]

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._threads = ThreadPoolExecutor(8)
        self._finished: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._under_way = 0

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        future: asyncio.Future[Any] = self.create_future()

        def work() -> None:
            try:
                result = func(*args)
            except Killed:
                self._finished.put(lambda: None)
            except BaseException as raised:
                error = raised
                self._finished.put(lambda: None if future.cancelled() else future.set_exception(error))
            else:
                self._finished.put(lambda: None if future.cancelled() else future.set_result(result))

        self._under_way += 1
        self._threads.submit(work)
        return future

    def select(self, timeout: float | None) -> list[Any]:
        if not self._under_way:
            return super().select(timeout)
        try:
            finished = self._finished.get(timeout=LOOKED) if timeout != 0 else self._finished.get_nowait()
        except queue.Empty:
            if timeout is not None and 0 < timeout <= SOON:
                return super().select(timeout)
            return []
        self._under_way -= 1
        finished()
        return []

    def close(self) -> None:
        self._threads.shutdown()
        super().close()


@contextmanager
def postgres_ledger() -> Iterator[WorldLedger]:
    """A ledger in a database of its own, which is dropped at the end."""
    import psycopg

    name = f"simulator_{secrets.token_hex(4)}"
    with psycopg.connect(DSN, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        about = admin.info
        password = f":{about.password}" if about.password else ""
        try:
            with WorldLedger.open(f"postgresql://{about.user}{password}@{about.host}:{about.port}/{name}") as ledger:
                yield ledger
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def main() -> int:
    parser = argparse.ArgumentParser(prog="simulator.borders.postgres", description=__doc__)
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument("--base", type=int)
    asked = parser.parse_args()
    base = secrets.randbelow(10**9) if asked.base is None else asked.base
    print(f"seeds from {base} on, with PostgreSQL", flush=True)
    wrong = []
    with postgres_ledger() as ledger:
        for seed in range(base, base + asked.seeds):
            world = live(plan_of(seed), ledger, ThreadedLoop)
            if world.invariants.broken:
                wrong.append(seed)
                print(f"seed {seed}", *map(str, world.plan.deeds), "", *world.story, sep="\n", flush=True)
    print(f"{asked.seeds} worlds; {len(wrong)} went wrong {wrong}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
