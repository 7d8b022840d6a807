"""Faults planted in fetch, transform, settle and consumers."""

from __future__ import annotations

from simulator.planted.mutant import Mutant

__all__ = ["IN_FETCH"]

IN_FETCH = (
    Mutant(
        "the newest event is the one that came last",
        "engine/fetch/inbox_events.py",
        "if last is None or not older(one.version, last[2]):",
        "if True:",
        fits="shape.latest",
        hint=75,
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
        "what came is not noted before deletions are looked for",
        "engine/fetch/at_work.py",
        "        if self.seen:\n            keys, self.seen",
        "        if False and self.seen:\n            keys, self.seen",
        fits="shape.missing",
        hint=52,
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
        "a segment is not on disk when its page is committed",
        "engine/fetch/at_work.py",
        "        self.intake.close()\n        await self._tell_ledger()",
        "        if complete:\n            self.intake.close()\n        await self._tell_ledger()",
        fits='shape.fetches and shape.paging != "none"',
        hint=785,
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
        "payloads of what is in doubt go with a run that is cleared",
        "engine/fetch/fresh.py",
        "            await hold_payloads(ref, services, staging, saved)\n",
        "            pass\n",
        hint=2695,
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
        "a run for events looks for what has vanished",
        "engine/fetch/deletions.py",
        " and run.retry is None and not run.events\n",
        " and run.retry is None\n",
        fits="shape.missing",
        hint=3690,
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
