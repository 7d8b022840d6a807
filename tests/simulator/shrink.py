"""A failing world made small: deeds are left out for as long as the same invariant breaks."""

from __future__ import annotations

from simulator.flows.route_file import yaml_of
from simulator.plan import Plan, plan_of
from simulator.world import World, live

__all__ = ["report", "shrunk"]


def broken(world: World) -> set[str]:
    """The names of the invariants that did not hold."""
    return {told.partition(":")[0] for told in world.invariants.broken}


def shrunk(plan: Plan, *, most_worlds: int = 300) -> set[int]:
    """The places of the deeds that can be left out, so that one of the same invariants breaks all the same."""
    wanted, gone, lived = broken(live(plan)), set[int](), 0
    size = max(1, len(plan.deeds) // 2)
    while size:
        changed = False
        places = [place for place in range(len(plan.deeds)) if place not in gone]
        for first in range(0, len(places), size):
            some = set(places[first : first + size])
            lived += 1
            if lived > most_worlds:
                return gone
            if broken(live(plan.without(gone | some))) & wanted:
                gone |= some
                changed = True
        size = size if changed and size == 1 else size // 2
    return gone


def report(seed: int) -> str:
    """The story of a failing seed, made as small as it gets, with the command that plays it again."""
    plan = plan_of(seed)
    gone = shrunk(plan)
    world = live(plan.without(gone))
    without = f" --without {','.join(map(str, sorted(gone)))}" if gone else ""
    return "\n".join(
        [
            f"seed {seed}: {world.invariants.broken[0] if world.invariants.broken else 'nothing is wrong'}",
            f"again: make simulate SEED={seed}{' WITHOUT=' + without.rpartition(' ')[2] if gone else ''}",
            "",
            yaml_of(plan.shape),
            *(f"  - {deed}" + ("" if deed.at is None else f" after {deed.at:g} s") for deed in world.plan.deeds),
            "",
            *world.story,
        ]
    )
