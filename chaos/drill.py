"""The drill: runs of the route one after the other, stage by stage as Airflow does it, and troubles on their way."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

from bench.postgres import Cluster
from chaos.definition import FIRST, SECOND
from chaos.disk import Disk
from chaos.judgement import open_entities
from chaos.processes import Servers, Worker
from chaos.worker import Stage, Task

__all__ = ["Drill", "Trouble", "troubles"]

STAGES: tuple[Stage, ...] = ("fetch", "transform", "push", "settle")
TRIES_WITHOUT_TROUBLE = 8
"""A stage is started so often besides once for each trouble that is planned for it."""
PAUSE_BETWEEN_TRIES = 0.2
MOST_DUE_RUNS = 60
MOST_SECONDS_BEFORE_KILL = 0.02
SECONDS_UNTIL_WRITTEN = 5.0
"""What a worker has heard is in its journal so much later at the latest, as long as the ledger is there."""

TroubleKind = Literal["kill", "full", "restart"]


@dataclass(frozen=True)
class Trouble:
    """What happens to a stage of a run once it has done so many entities."""

    run_id: str
    stage: Stage
    after: int
    kind: TroubleKind


def troubles(
    run_id: str, stage: Stage, total: int, kinds: Iterable[TroubleKind], rng: random.Random
) -> Iterator[Trouble]:
    """Each kind once, in this order, at moments that are drawn."""
    kinds = list(kinds)
    moments = sorted(rng.uniform(0.02, 0.6) for _ in kinds)
    for kind, moment in zip(kinds, moments, strict=True):
        yield Trouble(run_id, stage, int(moment * total), kind)


class Drill:
    def __init__(
        self,
        template: Task,
        planned: Iterable[Trouble],
        *,
        servers: Servers,
        disk: Disk,
        cluster: Cluster | None,
        rng: random.Random,
        tell: Callable[[str], None],
    ) -> None:
        self._template = template
        self._planned = list(planned)
        self._servers = servers
        self._disk = disk
        self._cluster = cluster
        self._rng = rng
        self._tell = tell
        self._aside = ThreadPoolExecutor(1)
        self._restarts: list[Future[None]] = []
        self.happened: Counter[str] = Counter()
        """Troubles by ``<stage> <kind>``, workers by ``tries``, runs by ``runs``."""
        self.wrong: list[str] = []
        """What no trouble excuses: a stage that never succeeded, books that do not balance."""

    def go(self) -> None:
        """Both windows under fire; then, in peace, whatever is still open until nothing is."""
        self._run(replace(self._template, run_id="first", window=FIRST))
        self._run(replace(self._template, run_id="second", window=SECOND))
        self._servers.calm()
        for count in range(MOST_DUE_RUNS):
            left = open_entities(self._template.ledger)
            if not left:
                return
            self._tell(f"{left} entities are open")
            time.sleep(1)
            self._run(replace(self._template, run_id=f"due-{count}", window=SECOND, retry=True, kind="manual"))
        self.wrong.append(f"{open_entities(self._template.ledger)} entities are still open after {MOST_DUE_RUNS} runs")

    def _run(self, task: Task) -> None:
        self.happened["runs"] += 1
        for stage in STAGES:
            self._stage(replace(task, stage=stage))

    def _stage(self, task: Task) -> None:
        planned = [t for t in self._planned if (t.run_id, t.stage) == (task.run_id, task.stage)]
        tries = TRIES_WITHOUT_TROUBLE + len(planned)
        said = ""
        for attempt in range(1, tries + 1):
            began = time.monotonic()
            said = self._try(replace(task, final=attempt == tries), planned)
            self._tell(f"{task.run_id} {task.stage}: {said or 'done'} in {time.monotonic() - began:.1f} s")
            if not said:
                self.wrong += [f"{trouble} did not happen" for trouble in planned]
                return
            time.sleep(PAUSE_BETWEEN_TRIES)
        self.wrong.append(f"{task.stage} of {task.run_id} failed {tries} times, the last time so: {said}")

    def _try(self, task: Task, planned: list[Trouble]) -> str:
        """One worker; says why it did not come to its end, nothing where it did."""
        self.happened["tries"] += 1
        worker = Worker(task)
        said, struck, struck_at = "it just ended", "", 0.0
        for what, value in worker.events():
            if what == "failed":
                said = value
            elif what == "done":
                said = ""
                if not value.get("balanced", True):
                    self.wrong.append(f"the books of {task.run_id} do not balance: {value['counts']}")
            elif planned and struck in ("", "restart") and value >= planned[0].after:
                struck = planned[0].kind
                struck_at = struck_at or time.monotonic()
                if self._strike(struck, worker):
                    planned.pop(0)
                    self.happened[f"{task.stage} {struck}"] += 1
        code = worker.end()
        if struck in ("kill", "full"):
            self._servers.unsure(time.monotonic() - struck_at + SECONDS_UNTIL_WRITTEN)
        self._disk.free()
        for restart in self._restarts:
            restart.result()
        self._restarts.clear()
        if code < 0 and struck == "kill":
            return "killed, as planned"
        if code:
            self.wrong.append(f"{task.stage} of {task.run_id} died by itself ({code}): {said}")
        return said

    def _strike(self, kind: TroubleKind, worker: Worker) -> bool:
        """False where it came too late for the worker."""
        if kind == "full":
            try:
                self._disk.fill(worker.pid)
            except ProcessLookupError:
                return False
        elif kind == "restart":  # meanwhile the worker goes on, maybe into the next trouble
            assert self._cluster is not None
            mode = self._rng.choice(["fast", "immediate"])
            self._restarts.append(self._aside.submit(self._cluster.restart, mode))
        else:
            time.sleep(self._rng.uniform(0, MOST_SECONDS_BEFORE_KILL))
            return worker.kill()
        return True
