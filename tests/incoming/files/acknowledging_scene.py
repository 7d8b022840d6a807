"""A route that reads interchanges from files, and one that answers them into files, with one ledger."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

from files_scene import STAGES, Scene

from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import EPOCH, Window

CONTRL = {
    "sender": "ME",
    "recipient": "YOU",
    "message": {"type": "CONTRL", "version": "D", "release": "3"},
    "line_end": "lf",
}
KEY = "[order.interchange.reference, order.message.reference]"


def message(reference: str, *, count: int = 3) -> str:
    return f"UNH+{reference}+ORDERS:D:96A:UN'BGM+220+{reference}'UNT+{count}+{reference}'\n"


def interchange(reference: str, *messages: str, sender: str = "YOU") -> str:
    return f"UNB+UNOC:3+{sender}+ME+260301:1000+{reference}'\n{''.join(messages)}UNZ+{len(messages)}+{reference}'\n"


class Answering(Scene):
    """``prices`` reads interchanges; ``answers`` writes a file of CONTRL with each run."""

    def __init__(self, folder: Path, **incoming: Any) -> None:
        super().__init__(folder, **{"path": f"{folder}/in/*.edi", "format": "edifact", **incoming})
        self.more = {"entity": {"name": "order", "key": KEY}, "delivery": {"fail_run": "never"}}
        self.answer_runs = 0
        self.reads: dict[str, Any] = {}
        self.target: dict[str, Any] = {"edifact": CONTRL}

    def arrive(self, name: str, *interchanges: str, minutes: float = -10) -> Path:
        path = self.inbox / name
        path.write_text("".join(interchanges), encoding="latin-1")
        self.age(path, minutes)
        return path

    @property
    def answering(self) -> Route:
        read = {"name": "prices", "what": "acknowledgements", "from": "oldest", **self.reads}
        path = f"{self.folder}/out/answer.edi"
        return Route.load(
            {
                "route": "answers",
                "entity": {"name": "answer", "key": "answer.id"},
                "incoming": {"route": read},
                "outgoing": {"files": {"path": path, "format": "edifact", "if_exists": "number", **self.target}},
            }
        )

    def answer_staging(self, run_id: str) -> Staging:
        return Staging(self.folder / "staging", "answers", run_id)

    def answer_stage(self, stage: str, run: Run) -> Any:
        return asyncio.run(self._answer_stage(stage, run))

    async def _answer_stage(self, stage: str, run: Run) -> Any:
        log = logging.getLogger("airflow_integrations")
        async with Services(self.places, ledger=self.ledger, now=self.now.timestamp, log=log) as services:
            return await STAGES[stage](run, services, self.answer_staging(run.run_id))

    def answer_run(self, run_id: str | None = None, **more: Any) -> Run:
        self.answer_runs += 1
        window = Window(EPOCH, self.now)
        return Run(
            self.answering, run_id or f"answer{self.answer_runs}", **{"window": window, "kind": "manual", **more}
        )

    def answer(self, **more: Any) -> Any:
        """A whole run of the answering route. Its books."""
        run = self.answer_run(**more)
        for stage in STAGES:
            result = self.answer_stage(stage, run)
        self.now += timedelta(hours=1)
        return result

    def written(self) -> list[str]:
        """The segments that were written, less those of envelopes."""
        found = []
        out = self.folder / "out"
        for path in sorted(out.glob("*.edi")) if out.exists() else ():
            found += [line.rstrip("'") for line in path.read_text().splitlines() if line[:2] == "UC"]
        return found
