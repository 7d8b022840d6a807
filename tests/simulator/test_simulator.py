"""Worlds in every run of the suite, and the simulator's own test: faults that were planted are found."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.mutants import ELUSIVE, MUTANTS, Mutant, patched

TESTS = Path(__file__).parents[1]
SEEDS, LARGE, SECONDS = 2_000, 10, 60
"""``make test`` lives through so many fresh worlds, or as many as one core manages in these seconds of its time. Of the
large worlds it takes every tenth: nine in ten are small."""


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: worlds turn the collector off, and mutants stay."""
    paths = {"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    return subprocess.run(
        [sys.executable, "-m", *arguments], env=os.environ | paths, capture_output=True, text=True, timeout=1200
    )


def _base() -> list[str]:
    """From which seed on: SIMULATOR_BASE says it, else the commit does, so that who runs a commit again meets the same
    worlds. Without either they are others each time."""
    base = os.environ.get("SIMULATOR_BASE")
    if base is None:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=TESTS.parent, capture_output=True, text=True)
        base = str(int(commit.stdout[:7], 16) * 1000) if commit.returncode == 0 else None
    return [] if base is None else ["--base", base]


def test_fresh_worlds_stay_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """Others for each commit. What they find need not be the fault of the last change: the seed's story tells."""
    chosen = _base()
    told = _python("simulator", *chosen, "--seeds", str(SEEDS), "--large", str(LARGE), "--seconds", str(SECONDS))
    lines = told.stdout.splitlines()
    with capsys.disabled():
        print(f"\nsimulator: {lines[0]}: {lines[-1]}" if lines else "")
    assert not told.returncode, told.stdout + told.stderr


def test_worlds_that_are_not_wrong() -> None:
    told = _python("simulator.stories")
    assert not told.returncode, told.stdout + told.stderr


def test_a_seed_is_always_the_same_world() -> None:
    """Also in another process, whose sets and hashes are in another order."""
    one, other = (_python("simulator", "--seed", "4711").stdout for _ in range(2))
    assert one == other
    assert "is over" in one


@pytest.mark.parametrize("mutant", [*MUTANTS, *ELUSIVE], ids=lambda mutant: mutant.name)
def test_a_mutant_still_applies(mutant: Mutant) -> None:
    compile(patched(mutant), mutant.file, "exec")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_found(mutant: Mutant) -> None:
    told = _python("simulator.mutants", mutant.name, "--base", str(mutant.hint), "--seeds", "60")
    assert not told.returncode, told.stdout + told.stderr


def test_the_engine_as_it_is_passes_where_mutants_are_found() -> None:
    told = _python("simulator", "--only", ",".join(str(mutant.hint) for mutant in MUTANTS))
    assert not told.returncode, told.stdout + told.stderr


def test_a_failing_world_is_made_small() -> None:
    """What is left of it is what the fault needs: two states of an entity, and the events that bring them."""
    mutant = next(mutant for mutant in MUTANTS if mutant.name == "an older version is sent after a newer one")
    story = _python("simulator.mutants", mutant.name, "--base", str(mutant.hint), "--seeds", "60", "--story").stdout
    assert "again: make simulate SEED=" in story
    assert "WRONG" in story
    deeds = re.findall(r"^  - (\w+ \w+)", story.partition("again:")[2].partition("00:00")[0], re.MULTILINE)
    assert 2 <= deeds.count("source writes") <= 3
    assert len(deeds) <= 4
