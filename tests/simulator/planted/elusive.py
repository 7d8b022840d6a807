"""Faults for which no world is known that shows them: the suite leaves them to ``make simulate-mutants``."""

from __future__ import annotations

from simulator.planted.mutant import Mutant

__all__ = ["ELUSIVE"]

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
    Mutant(
        "transform tells places before a manifest names their segments",
        "engine/transform/transform.py",
        "        staging.save(msgspec.structs.replace(manifest, complete=False))\n",
        "",
        fits='shape.beside == "customers" or shape.table == "retry"',
    ),
    Mutant(
        "a consumer tells places before a manifest names their segments",
        "engine/live/live_run.py",
        "        self._saved.where_problems_lie(self._problems.segments)\n",
        "",
        fits='shape.events == "low"',
    ),
    Mutant(
        "books of a fetch that broke off count what an earlier transform left",
        "engine/settle/settle.py",
        "    if fetched is None or not fetched.complete or (transformed is not None and not transformed.complete):\n",
        "    if False:\n",
    ),
    Mutant(
        "what a source gives with every fetch is looked for anew each time",
        "engine/transform/chain.py",
        "known.version != (entity.version or known.version)",
        "known.version != (entity.version or self._version)",
        fits='not shape.versioned and (shape.beside == "customers" or shape.table == "retry")',
    ),
    Mutant(
        "a state goes out behind one that ended the push",
        "engine/push/chunks.py",
        "if not known or self._traffic.ending:",
        "if not known:",
        fits="shape.in_steps or shape.concurrency > 1",
    ),
    Mutant(
        "payloads of what a run has taken over go with its files",
        "ledger/runs/held_payloads.py",
        "_entity.payload_at >= 0\n",
        '_entity.payload_at >= 0, (_entity.status != "pending") | (_entity.run != bindparam("of_run"))\n',
    ),
    Mutant(
        "a late note makes the newest state older",
        "ledger/runs/claims.py",
        "newest = None if version is not None and older(version, known.get(key)) else version",
        "newest = version",
        fits="shape.versioned",
    ),
    Mutant(
        "each state of a run says what it waits for",
        "ledger/runs/waits.py",
        "outcomes = list({outcome.key: outcome for outcome in outcomes}.values())",
        "outcomes = list(outcomes)",
        fits='shape.beside == "customers"',
    ),
    Mutant(
        "a window that was missed is not asked for again",
        "ledger/mark.py",
        "        if missed is not None and (end is None or",
        "        if False and (end is None or",
        fits='shape.asks == "window" and shape.fetches',
    ),
)
