"""Worlds that were once found to be wrong and are not: what the simulator had to learn. All must be quiet."""

from __future__ import annotations

import sys

from simulator.deed import Deed
from simulator.flows.shape import Shape
from simulator.plan import Plan
from simulator.world import live

__all__ = ["STORIES"]

STORIES = {
    "a deletion is tried again hours later, when the source has the entity back and no run has asked it since": Plan(
        1,
        Shape(out="hold", missing=True, with_rev=False, waits=True),
        minutes=10,
        hasty=True,
        deeds=[
            Deed("person starts a run", 0.5, how=("all",)),
            Deed("source writes", 0.1, how=("K1", 0, "open")),
            Deed("source deletes", 600.9, how=("K1",)),
            Deed("source writes", 603.9, how=("K1", 0, "open")),
            Deed("target answers", number=2, how=("gone after", "K1")),
        ],
    ),
    "nothing was confirmed by the deadline; it is sent again, and the target decides later once more": Plan(
        1,
        Shape(out="post", waits=True),
        minutes=10,
        hasty=True,
        deeds=[
            Deed("source writes", 599.0, how=("K1", 1, "open")),
            Deed("target answers", number=1, how=("202",)),
        ],
    ),
}


def main() -> int:
    wrong = 0
    for told, plan in STORIES.items():
        world = live(plan)
        if world.invariants.broken:
            wrong += 1
            print(told, *world.story, "", sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
