"""Deeds that are aimed at moments which chance alone hits once in thousands of worlds."""

from __future__ import annotations

import random

from simulator.deed import Deed
from simulator.shape import Shape

__all__ = ["aimed_deeds"]

_UNASKED = ("503", "429", "reset", "silent", "cut", "404", "401")
"""What a request meets that only asks."""


def aimed_deeds(seed: int, shape: Shape) -> list[Deed]:
    """Drawn apart from the rest of the plan, so that a new aim leaves the other worlds as they are."""
    chance = random.Random(f"aimed {seed}")
    if chance.random() < 0.4:
        return []
    deeds: list[Deed] = []
    if shape.out in ("verify", "upsert"):
        deeds += [
            Deed("target is asked", number=chance.randint(1, 6), how=(chance.choice(_UNASKED),))
            for _ in range(chance.choice((0, 1, 2)))
        ]
    if chance.random() < 0.5:  # around what becomes durable: before and after each commit, each write, each request
        for number in chance.sample(range(1, 9), chance.choice((1, 1, 2, 3))):
            border = chance.choice(("commit", "commit", "disk", "request"))
            most = {"commit": 40, "disk": 24, "request": 4}[border]
            deeds.append(Deed("process dies at", number=number, how=(border, chance.randint(1, most))))
    if chance.random() < 0.2:  # a stage dies in every try, and so does the settling of its run
        number = chance.randint(1, 6)
        deeds += [Deed("task dies", number=number, how=(chance.randint(20, 120),))]
        deeds += [Deed("task dies", number=number + 1, how=(chance.randint(3, 30),))]
    if chance.random() < 0.25:  # when something has come of a run
        at = chance.choice((0.0, 600.0)) + chance.choice((30.0, 120.0, 500.0)) * chance.random()
        deeds.append(Deed("person clears", round(at, 3), number=chance.randint(0, 9)))
    if chance.random() < 0.2:  # much comes just before a run, which dies between its pages
        for number in range(1, 7):
            at = 590.0 + chance.random() * 8
            deeds.append(Deed("source writes", round(at, 3), how=(f"K{number}", number % 3, "open")))
        deeds.append(Deed("process dies at", number=chance.randint(1, 3), how=("request", chance.randint(2, 5))))
    if shape.out == "hold" and chance.random() < 0.6:  # an answer is late: the ledger hears of those before it
        moment = 590.0 if shape.fetches else 3.0
        for number in range(1, 5):
            deeds.append(Deed("source writes", moment + number / 10, how=(f"K{number}", number % 3, "open")))
        deeds.append(Deed("target answers", number=chance.randint(2, 4), how=("silent",)))
        border, most = chance.choice((("commit", 30), ("disk", 20), ("request", 6)))
        deeds.append(Deed("process dies at", number=1, how=(border, chance.randint(3, most))))
    return deeds
