"""Faults that some hundred worlds did not find: the suite leaves them to ``make simulate-mutants``."""

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
)
