"""Faults planted in the ledger."""

from __future__ import annotations

from simulator.planted.mutant import Mutant

__all__ = ["IN_LEDGER"]

IN_LEDGER = (
    Mutant(
        "keys that another run has are taken",
        "ledger/runs/claims.py",
        "    taken = set(asked & others_claims(connection, run, asked, now))",
        "    taken = set[str]()",
        fits='shape.fetches and shape.events == "run"',
        hint=112,
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
        "what a dead run had taken is nobody's",
        "ledger/runs/carry_over.py",
        '_ORPHANED: Final = or_(_OWN, and_(_entity.status == "pending", _entity.lease_until < bindparam("now")))',
        "_ORPHANED: Final = _OWN",
        fits='shape.fetches and shape.events == "no" and shape.asks != "all"',
        hint=410,
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
)
