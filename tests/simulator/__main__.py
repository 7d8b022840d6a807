"""Live through worlds: ``python -m simulator --seeds 1000``; through one of them, with its story: ``--seed 4711``."""

from __future__ import annotations

import argparse
import itertools
import secrets
import sys
import time
from collections.abc import Iterator

from simulator.flows.route_file import yaml_of
from simulator.plan import Plan, plan_of
from simulator.shrink import report
from simulator.world import live

__all__ = ["main"]

TOLD = 5
"""So many failing seeds are made small."""
TOLD_EVERY = 5_000


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="simulator", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many worlds")
    parser.add_argument("--large", type=int, default=1, help="pass over large worlds but for every so many-th")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="no world begins after so many of the CPU")
    parser.add_argument("--base", type=int, help="the first seed; left out: a fresh one")
    parser.add_argument("--seed", type=int, help="this one alone, with its story")
    parser.add_argument("--only", default="", help="these seeds, by commas")
    parser.add_argument("--without", default="", help="places of deeds that are left out, by commas")
    asked = parser.parse_args(arguments)
    if asked.seed is not None:
        plan = plan_of(asked.seed).without({int(place) for place in asked.without.split(",") if place})
        world = live(plan)
        print(yaml_of(plan.shape), *map(str, plan.deeds), "", *world.story, sep="\n")
        return int(bool(world.invariants.broken))
    base = secrets.randbelow(10**9) if asked.base is None else asked.base
    only = [plan_of(int(seed)) for seed in asked.only.split(",") if seed]
    plans = only or itertools.islice(_from(base, asked.large), asked.seeds)
    print("these seeds" if asked.only else f"seeds from {base} on", flush=True)
    wrong, lived, spent = list[int](), {False: 0, True: 0}, {False: 0.0, True: 0.0}
    for plan in plans:
        if sum(spent.values()) > asked.seconds:
            break
        began = time.process_time()
        world, seed = live(plan), plan.seed
        spent[plan.small] += time.process_time() - began
        lived[plan.small] += 1
        if not sum(lived.values()) % TOLD_EVERY:
            print(f"{sum(lived.values())} worlds so far", flush=True)
        if world.invariants.broken:
            wrong.append(seed)
            print(report(seed) if len(wrong) <= TOLD else f"seed {seed}: {world.invariants.broken[0]}", flush=True)
    worlds = sum(lived.values())
    pace, small = worlds / (sum(spent.values()) or 1.0), lived[True] / (spent[True] or 1.0)
    told = f"{worlds} worlds in {time.process_time():.0f} s of the CPU, {pace:.0f} a second, small ones {small:.0f}"
    print(f"{told}; {len(wrong)} went wrong {wrong[:20]}")
    return int(bool(wrong))


def _from(base: int, large: int) -> Iterator[Plan]:
    """The worlds from this seed on; of the large ones every so many-th."""
    passed = 0
    for seed in itertools.count(base):
        plan = plan_of(seed)
        passed += not plan.small
        if plan.small or passed % large == 0:
            yield plan


if __name__ == "__main__":
    sys.exit(main())
