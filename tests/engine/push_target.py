"""A target that does as it is told, and the process that sends to it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field

from airflow_integrations.errors import OutageError
from airflow_integrations.outgoing import Outbound, Result

HELD = ("ok", "refuse_one", "server_one", "conflict", "away", "tail_away", "waiting", "doubt", "lost", "slow", "kill")
ANSWERS = (*HELD, "reset")
"""What a target says to a batch. ``doubt`` and ``reset``: it has the batch, and nobody hears of it; ``kill``: the same,
and the process dies. A target that does not mind repetitions may answer with all of them, another with all but the last
one: its kind must not say that nothing took effect where something did."""


@dataclass(frozen=True)
class Visit:
    """One attempt of a run: what it fetches, how it sends, what the target says, and how it ends."""

    states: tuple[tuple[str, int], ...] = ()
    """Key and version."""
    batch: int = 1
    concurrency: int = 1
    answers: tuple[str, ...] = ()
    """To the first batches; then it is well."""
    dies_at: int | None = None
    """Killed at so many calls of the ledger by its push: before an odd one, behind an even one."""
    stops_at: int | None = None
    """Asked to stop when so many batches have been sent."""
    final: bool = True
    settles: bool = True


@dataclass
class Attempt:
    """What is under way in one process."""

    visit: Visit
    answers: list[str] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    died: asyncio.Event = field(default_factory=asyncio.Event)
    calls: int = 0
    batches: int = 0
    dead: bool = False

    def die(self, loop: asyncio.AbstractEventLoop) -> None:
        self.dead = True
        loop.call_soon_threadsafe(self.died.set)


ATTEMPT: ContextVar[Attempt] = ContextVar("ATTEMPT")


class Target:
    """Another system. With ``honours`` it recognises what it took last of an entity by its idempotency key."""

    def __init__(self, honours: bool) -> None:
        self.honours = honours
        self.received: dict[str, list[tuple[int, int, bool]]] = defaultdict(list)
        """By key: version, content, whether the sender heard what became of it."""
        self.has: dict[str, int] = {}
        self.effects: dict[str, list[tuple[int, str]]] = defaultdict(list)
        """By key: content and idempotency key of what changed it."""
        self.disturbed: dict[str, set[int]] = defaultdict(set)
        """By key: behind how many effects other content was sent that might have had one, for all the sender knows."""
        self.refused: set[tuple[str, int]] = set()

    async def answer(self, batch: Sequence[Outbound]) -> list[Result]:
        attempt = ATTEMPT.get()
        if attempt.dead:
            await asyncio.Event().wait()
        answer = attempt.answers.pop(0) if attempt.answers else "ok"
        attempt.batches += 1
        if attempt.batches == attempt.visit.stops_at:
            attempt.stop.set()
        if answer == "slow":
            for _ in range(40):
                await asyncio.sleep(0)
            answer = "ok"
        if answer in ("away", "lost"):
            self.may_have_taken(batch)
        if answer == "away":
            raise OutageError("503", status=503)
        if answer in ("lost", "doubt", "reset", "kill"):
            if answer != "lost":
                for outbound in batch:
                    self.take(outbound, heard=False)
            if answer == "kill":
                attempt.die(asyncio.get_running_loop())
                await asyncio.Event().wait()
            if answer == "reset":
                raise OutageError("the connection was reset")
            return [Result("in_doubt", reason="no answer")] * len(batch)
        first = {
            "refuse_one": Result("failed", reason="no", http_status=422),
            "server_one": Result("failed", reason="oh", http_status=500, cause="server"),
            "conflict": Result("failed", reason="conflict", http_status=409),
            "waiting": Result("waiting", reason="accepted", deadline=600),
            "ok": None,
            "tail_away": None,
        }[answer]
        results = []
        for position, outbound in enumerate(batch):
            if first is not None and not position:
                results.append(first)
                if answer == "server_one":
                    self.may_have_taken([outbound])
            elif answer == "tail_away" and position:
                results.append(Result("pending", reason="503", http_status=503))
                self.may_have_taken([outbound])
            else:
                self.take(outbound, heard=True)
                results.append(Result("delivered", f"T-{outbound.key}"))
        return results

    def may_have_taken(self, batch: Sequence[Outbound]) -> None:
        for outbound in batch:
            if outbound.value["content"] != self.has.get(outbound.key):
                self.disturbed[outbound.key].add(len(self.effects[outbound.key]))

    def take(self, outbound: Outbound, *, heard: bool) -> None:
        key, content = outbound.key, outbound.value["content"]
        self.received[key].append((int(outbound.version or 0), content, heard))
        if self.honours and self.effects[key] and self.effects[key][-1][1] == outbound.idempotency_key:
            return
        self.effects[key].append((content, outbound.idempotency_key))
        self.has[key] = content
