"""Small worlds: one or two entities, one scheduled run or some events, and one thing that goes wrong.

They are half of all worlds. Most faults need no more than that, and ten of them take as long as a large one.
"""

from __future__ import annotations

import random

from simulator.aimed import scene
from simulator.deed import Deed
from simulator.flows.shape import Shape

__all__ = ["is_small", "small_deeds"]

SHARE, SCENES = 0.5, 0.3
"""Of all worlds, and of the small ones."""
_REQUESTS = ("503", "500 after", "429", "reset", "reset after", "silent", "silent after", "cut", "404")
_TARGETS = ("refused", "late", "half", "202", "401", "gone after", "kill")
_SOURCES = ("expired", "late")
_POINTS = {"commit": 24, "disk": 16, "request": 3}


def is_small(seed: int) -> bool:
    """Drawn apart from all else, and so that the worlds in which faults were planted are as large as they were."""
    return random.Random(f"size {seed} 7259").random() < SHARE


def small_deeds(chance: random.Random, shape: Shape) -> list[Deed]:
    """What happens in a small world."""
    if chance.random() < SCENES and (played := scene(chance, shape)):
        return played
    keys = ("K1",) if chance.random() < 0.6 else ("K1", "K2")
    begins = 595.0 if shape.fetches else 0.0
    deeds: list[Deed] = []
    for _ in range(chance.choice((1, 2, 2, 3))):
        at, key = round(begins + chance.random() * 8, 3), chance.choice(keys)
        if shape.missing and deeds and chance.random() < 0.25:
            deeds.append(Deed("source deletes", at, how=(key,)))
        else:
            state = "draft" if chance.random() < 0.1 else "open"
            deeds.append(Deed("source writes", at, how=(key, chance.choice((0, 1, 1, 2, -1)), state)))
    return deeds + [_trouble(chance, shape, begins) for _ in range(chance.choice((0, 1, 1, 1, 2)))]


def _trouble(chance: random.Random, shape: Shape, begins: float) -> Deed:
    kind = chance.choices(("border", "point", "target", "source", "event", "person"), (5, 2, 5, 1, 1, 1))[0]
    at = round(begins + chance.random() * 20, 3)
    if kind == "border":
        border = chance.choice(("commit", "commit", "disk", "request"))
        how = (border, chance.randint(1, _POINTS[border]))
        return Deed("process dies at", number=chance.randint(1, 4), how=how)
    if kind == "point":
        point = min(int(chance.expovariate(1 / 60)) + 1, 300)
        return Deed("process dies", number=chance.randint(1, 4), how=(point, chance.choice(("", "torn"))))
    if kind == "source" and shape.fetches:
        return Deed("source answers", number=chance.randint(1, 2), how=(chance.choice((*_REQUESTS, *_SOURCES)),))
    if kind == "event" and shape.events != "no":
        return Deed("event comes", number=chance.randint(1, 2), how=(chance.choice(("twice", "late")),))
    if kind == "person":
        act = chance.choice(("retries", "edits", "skips", "confirms", "clears"))
        return Deed(f"person {act}", at, number=chance.randint(0, 1))
    return Deed("target answers", number=chance.randint(1, 2), how=(chance.choice((*_REQUESTS, *_TARGETS)),))
