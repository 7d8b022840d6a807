"""Faults planted in push and in what sends."""

from __future__ import annotations

from simulator.planted.mutant import Mutant

__all__ = ["IN_PUSH"]

IN_PUSH = (
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
        "what only the journal knows is not absorbed",
        "engine/push/journal/replay.py",
        "    if journal.done_lines <= applied:\n",
        "    if True:\n",
        hint=785,
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
)
