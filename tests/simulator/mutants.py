"""Planted faults: the simulator's own test. Each is a small change of one engine file, and must be found.

``python -m simulator.mutants NAME --base 0 --seeds 5000`` lives through worlds with the fault in them until one goes
wrong; without a name, through those of all mutants, each in a process of its own.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import Any

from simulator.planted.elusive import ELUSIVE
from simulator.planted.in_fetch import IN_FETCH
from simulator.planted.in_ledger import IN_LEDGER
from simulator.planted.in_push import IN_PUSH
from simulator.planted.mutant import Mutant

__all__ = ["ELUSIVE", "MUTANTS", "Mutant", "hunt", "patched"]

PACKAGE = Path(__file__).parents[2] / "airflow_integrations"


MUTANTS = (*IN_FETCH, *IN_PUSH, *IN_LEDGER)


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
