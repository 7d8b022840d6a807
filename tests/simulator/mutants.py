"""Planted faults: the simulator's own test. Each is a small change of one engine file, and must be found.

``python -m simulator.mutants NAME --base 0 --seeds 5000`` lives through worlds with the fault in them until one goes
wrong; without a name, through those of all mutants, each in a process of its own.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import Any

__all__ = ["ELUSIVE", "MUTANTS", "Mutant", "hunt", "patched"]

PACKAGE = Path(__file__).parents[2] / "airflow_integrations"


@dataclass(frozen=True)
class Mutant:
    """``old`` stands once in ``file`` and becomes ``new``. ``fits`` is an expression over a world's ``shape``: others
    cannot show it, and are passed over, but count. ``hint``: from this seed on it is found soon."""

    name: str
    file: str
    old: str
    new: str
    fits: str = "True"
    hint: int = 0


MUTANTS = (
    Mutant(
        "a batch leaves before the journal knows",
        "engine/push/workers.py",
        "        await self._journal.sent(batch.ordinals)\n        try:\n            results = await",
        "        try:\n            results = await",
        fits="not shape.repeatable and shape.with_rev",
        hint=116,
    ),
    Mutant(
        "an older version is sent after a newer one",
        "engine/push/outcomes.py",
        "if known.delivered_version is not None and self._older(outbound, known.delivered_version):",
        "if False:",
        fits='shape.events != "no"',
        hint=27,
    ),
    Mutant(
        "what may have arrived since is forgotten",
        "engine/push/outcomes.py",
        "known.delivered_hash == outbound.hash and known.maybe is None and",
        "known.delivered_hash == outbound.hash and",
        fits="not shape.with_rev and shape.repeatable",
        hint=370,
    ),
    Mutant(
        "an idempotency key does not change with deliveries",
        "engine/push/outcomes.py",
        "        outbound.generation = known.deliveries\n",
        "        outbound.generation = 0\n",
        fits='not shape.with_rev and shape.out == "post"',
        hint=159,
    ),
    Mutant(
        "the newest event is the one that came last",
        "engine/fetch/inbox_events.py",
        "if last is None or not older(one.version, last[2]):",
        "if True:",
        fits="shape.latest",
        hint=75,
    ),
    Mutant(
        "keys that another run has are taken",
        "ledger/runs/claims.py",
        "    taken = set(asked & others_claims(connection, run, asked, now))",
        "    taken = set[str]()",
        fits='shape.fetches and shape.events == "run"',
        hint=112,
    ),
    Mutant(
        "a fetch that broke off moves the mark",
        "engine/settle/settle.py",
        'whole = balance.unfinished in (None, "push")',
        "whole = True",
        fits='shape.asks == "window" and shape.fetches',
        hint=385,
    ),
    Mutant(
        "a window begins behind the mark",
        "engine/fetch/windows.py",
        "start = mark - run.route.window.overlap",
        "start = mark + run.route.window.overlap",
        fits='shape.asks == "window" and shape.fetches',
        hint=42,
    ),
    Mutant(
        "events of a run that broke off are done",
        "ledger/inbox/inbox.py",
        "    if decided:\n        done =",
        "    if True:\n        done =",
        fits='shape.events != "no"',
        hint=20,
    ),
    Mutant(
        "what came is not noted before deletions are looked for",
        "engine/fetch/at_work.py",
        "        if self.seen:\n            keys, self.seen",
        "        if False and self.seen:\n            keys, self.seen",
        fits="shape.missing",
        hint=52,
    ),
    Mutant(
        "the ledger is not told of the last entity of a group",
        "engine/push/ledger_writer.py",
        "conclude, self._ledger, self.run, outcomes, now",
        "conclude, self._ledger, self.run, outcomes[:-1], now",
        hint=0,
    ),
    Mutant(
        "what must not be repeated is repeated",
        "engine/push/outcomes.py",
        '("resend" if outgoing.repeatable else "hold")',
        '"resend"',
        fits="not shape.repeatable and shape.with_rev and not shape.in_steps",
        hint=399,
    ),
    Mutant(
        "the HTTP client repeats a POST that may have arrived",
        "http/client.py",
        "if got.sent and not request.repeatable:",
        "if False:",
        fits="not shape.repeatable and shape.with_rev",
        hint=9,
    ),
    Mutant(
        "older states of an event are not in the books",
        "engine/fetch/intake.py",
        "        self.fetched += 1\n        self.superseded += 1\n",
        "        self.fetched += 1\n",
        fits="shape.latest",
        hint=4,
    ),
    Mutant(
        "two states of a key are in flight at once",
        "engine/push/batch_rules.py",
        "return outbound.key in chunk.repeated and outbound.key in self._traffic.in_flight",
        "return False",
        fits='shape.events != "no" and not shape.latest and shape.concurrency > 1 and shape.with_rev',
        hint=24,
    ),
    Mutant(
        "a batch's key does not change with deliveries",
        "outgoing/http/target.py",
        "        if any(generations):\n",
        "        if False:\n",
        fits='shape.out == "batch" and not shape.with_rev',
        hint=117,
    ),
    Mutant(
        "an answer that was read is not given back",
        "http/client.py",
        "                if response is not None and not response.closed:\n                    response.release()\n",
        "",
    ),
    Mutant(
        "a segment is not on disk when its page is committed",
        "engine/fetch/at_work.py",
        "        self.intake.close()\n        await self._tell_ledger()",
        "        if complete:\n            self.intake.close()\n        await self._tell_ledger()",
        fits='shape.fetches and shape.paging != "none"',
        hint=785,
    ),
    Mutant(
        "what only the journal knows is not absorbed",
        "engine/push/journal/replay.py",
        "    if journal.done_lines <= applied:\n",
        "    if True:\n",
        hint=785,
    ),
    Mutant(
        "what a dead run had taken is nobody's",
        "ledger/runs/carry_over.py",
        '_ORPHANED: Final = or_(_OWN, and_(_entity.status == "pending", _entity.lease_until < bindparam("now")))',
        "_ORPHANED: Final = _OWN",
        fits='shape.fetches and shape.events == "no" and shape.asks != "all"',
        hint=410,
    ),
    Mutant(
        "events of a live run are done before they are staged",
        "engine/live/live_run.py",
        "        self._manifest.staged_events = self._staged_events\n",
        "",
        fits='shape.events == "low"',
        hint=1941,
    ),
    Mutant(
        "what an open entity needs is removed",
        "ledger/maintenance/retention.py",
        ".where(run.c.finished.is_not(None), *_unneeded(entity.c.payload_run))",
        ".where(run.c.finished.is_not(None))",
        fits="shape.forgets",
        hint=131,
    ),
    Mutant(
        "payloads of what is in doubt go with a run that is cleared",
        "engine/fetch/fresh.py",
        "            await hold_payloads(ref, services, staging, saved)\n",
        "            pass\n",
        hint=2695,
    ),
    Mutant(
        "steps of other content count as done",
        "engine/push/journal/step_progress.py",
        "if known is not None and known[0] == outbound.hash:",
        "if known is not None:",
        fits="shape.in_steps",
        hint=19,
    ),
    Mutant(
        "the greatest value that came becomes the cursor",
        "engine/fetch/cursor/pages.py",
        'return self._way == "ordered" or (self._way == "pages" and self._pages <= 1)',
        "return True",
        fits='shape.asks == "cursor" and shape.fetches and shape.paging != "none"',
        hint=6840,
    ),
    Mutant(
        "an unanswered step is sent again",
        "outgoing/http/steps/runner.py",
        'if way.policy == "hold" and not self._progress.released:',
        "if False:",
        fits='shape.out == "held steps" and shape.with_rev',
        hint=92,
    ),
    Mutant(
        "a part ignores its share",
        "engine/push/parts.py",
        "        its = [at for at, which in enumerate(_numbers(block, lines, part.of)) if which == part.number]",
        "        its = [at for at, which in enumerate(_numbers(block, lines, part.of)) if which == 0]",
        fits="shape.spread > 1",
        hint=84,
    ),
    Mutant(
        "a part counts its applied lines as those of the whole",
        "ledger/runs/outcomes.py",
        "    if not run.part:\n",
        "    if True:\n",
        fits="shape.spread > 1",
        hint=135,
    ),
    Mutant(
        "a waiting order is never woken",
        "ledger/runs/outcomes.py",
        "    wake(connection, run.route_id, came, now)\n",
        "",
        fits='shape.beside == "customers"',
        hint=51,
    ),
    Mutant(
        "a route is done with fetches that it could not read",
        "engine/settle/settle.py",
        "if fetched and whole and reads_on(run)",
        "if fetched and reads_on(run)",
        fits='shape.beside == "feed"',
        hint=263,
    ),
    Mutant(
        "of parts that wait with different states one record is taken",
        "engine/fetch/carry_over.py",
        "        if state not in self._records:",
        "        if key not in {known for known, _ in self._records}:",
        fits='shape.lines == "split" and shape.beside == "customers"',
        hint=1346,
    ),
    Mutant(
        "what came by events is forgotten where partitions are put together",
        "engine/fetch/partitions/staged.py",
        "joined.segments = [*planned.segments, *(",
        "joined.segments = [*(",
        fits="shape.fetch_tasks > 1",
        hint=20420,
    ),
    Mutant(
        "a partition that has no cursor does not hold the others back",
        "engine/fetch/partitions/joining.py",
        "            return None\n        value = of_text",
        "            continue\n        value = of_text",
        fits='shape.fetch_tasks > 1 and shape.asks == "cursor"',
        hint=26942,
    ),
)


ELUSIVE = (
    Mutant(
        "who notes that it waits does not look once more",
        "engine/settle/rejections.py",
        "        wake_delivered(ledger, route, list(keys), now)",
        "        pass",
        fits='shape.beside == "customers"',
    ),
    Mutant(
        "a line of an order is left out",
        "engine/fetch/pages/grouping.py",
        "                self._line(record, page.versions[place] if page.versions else None)",
        "                if place != 1 or page.final:\n                    self._line(record, None)",
        fits='shape.lines == "group"',
    ),
    Mutant(
        "an entity that is taken over has no version",
        "engine/fetch/carry_over.py",
        "encode_carried(payload.line, due.version,",
        "encode_carried(payload.line, None,",
        fits='shape.events == "run"',
    ),
)
"""Mutants that some hundred worlds did not find: the suite leaves them to ``make simulate-mutants``."""


class _Mutated(SourceFileLoader):
    """Loads a module with a mutant's change."""

    def __init__(self, name: str, path: str, mutant: Mutant) -> None:
        super().__init__(name, path)
        self._mutant = mutant

    def get_code(self, fullname: str) -> Any:
        return compile(patched(self._mutant), self.path, "exec")


class _Finder:
    def __init__(self, mutant: Mutant) -> None:
        self._module = "airflow_integrations." + mutant.file.removesuffix(".py").replace("/", ".")
        self._mutant = mutant

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname != self._module:
            return None
        place = str(PACKAGE / self._mutant.file)
        return importlib.util.spec_from_file_location(fullname, place, loader=_Mutated(fullname, place, self._mutant))


def patched(mutant: Mutant) -> str:
    """The file with the change; raises ValueError where the change no longer applies."""
    text = (PACKAGE / mutant.file).read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise ValueError(f"{mutant.name}: {mutant.file} has {text.count(mutant.old)} times {mutant.old!r}")
    return text.replace(mutant.old, mutant.new)


def hunt(name: str, base: int, seeds: int) -> int | None:
    """The first seed that finds the mutant of this name, which is planted in this process from now on."""
    (mutant,) = (each for each in (*MUTANTS, *ELUSIVE) if each.name == name)
    sys.meta_path.insert(0, _Finder(mutant))
    from simulator.plan import plan_of
    from simulator.world import live

    for seed in range(base, base + seeds):
        if not eval(mutant.fits, {"shape": plan_of(seed).shape}):
            continue
        world = live(plan_of(seed))
        if world.invariants.broken:
            print(f"{name}: seed {seed}, after {seed - base + 1}: {world.invariants.broken[0]}", flush=True)
            return seed
    print(f"{name}: not found within {seeds} seeds", flush=True)
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="simulator.mutants", description=__doc__)
    parser.add_argument("name", nargs="?")
    parser.add_argument("--base", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=5000)
    parser.add_argument("--story", action="store_true", help="tell the world that found it, made small")
    asked = parser.parse_args()
    if asked.name is not None:
        found = hunt(asked.name, asked.base, asked.seeds)
        if found is not None and asked.story:
            from simulator.shrink import report

            print(report(found))
        return int(found is None)
    again = [sys.executable, "-m", "simulator.mutants", "--base", str(asked.base), "--seeds", str(asked.seeds)]
    return max(subprocess.run([*again, mutant.name], check=False).returncode for mutant in (*MUTANTS, *ELUSIVE))


if __name__ == "__main__":
    sys.exit(main())
