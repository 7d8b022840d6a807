"""Deeds that are aimed at moments which chance alone hits once in thousands of worlds."""

from __future__ import annotations

import random

from simulator.deed import Deed
from simulator.flows.shape import Shape

__all__ = ["aimed_deeds", "scene"]

_UNASKED = ("503", "429", "reset", "silent", "cut", "404", "401")
"""What a request meets that only asks."""


def aimed_deeds(seed: int, shape: Shape) -> list[Deed]:
    """Drawn apart from the rest of the plan, so that a new aim leaves the other worlds as they are."""
    chance = random.Random(f"aimed {seed}")
    if chance.random() < 0.4:
        return _behind_a_cursor(seed, shape)
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
    return deeds + _behind_a_cursor(seed, shape)


def _behind_a_cursor(seed: int, shape: Shape) -> list[Deed]:
    """A fetch breaks off between two pages. Until it goes on, records change that it has read, and some that it has
    not."""
    chance = random.Random(f"cursor {seed}")
    if shape.asks != "cursor" or not shape.fetches or shape.events != "no" or chance.random() < 0.4:
        return []
    keys = [f"K{number}" for number in range(1, chance.randint(4, 7))]
    deeds = [_write(590.0 + chance.random() * 8, key, 1) for key in chance.sample(keys, len(keys))]
    changes = chance.randint(1, 3)
    deeds += [_write(605.0 + chance.random() * 280, chance.choice(keys), 2) for _ in range(changes)]
    if chance.random() < 0.7:
        deeds.append(Deed("source is away", round(601.1 + chance.random() * 0.8, 3), how=(60,)))
    else:
        deeds.append(Deed("process dies at", number=chance.randint(1, 3), how=("request", chance.randint(2, 4))))
    return deeds


def scene(chance: random.Random, shape: Shape) -> list[Deed]:
    """All that happens in a world in which several things come in a row that chance never brings together. Empty where
    the shape has no such scene."""
    fitting = []
    if shape.fetches and shape.events == "no" and shape.asks != "all":
        fitting.append(_left_by_a_dead_run)
    if shape.events == "run" and shape.versioned:
        fitting.append(_overtaken_for_long)
    if shape.events == "low":
        fitting.append(_dies_with_events_in_hand)
    if shape.fetches and shape.asks == "all":
        fitting.append(_cleared_behind_a_change)
    return chance.choice(fitting)(chance) if fitting else []


def _write(at: float, key: str, value: int) -> Deed:
    return Deed("source writes", round(at, 3), how=(key, value, "open"))


def _left_by_a_dead_run(chance: random.Random) -> list[Deed]:
    """A run takes over what a person wants tried again, and dies with it in each try; so does the settling of its
    books."""
    return [
        _write(590.0 + chance.random() * 8, "K1", 1),
        Deed("target answers", number=1, how=("refused",)),
        Deed("person retries", 700.0),
        Deed("task dies", number=3, how=(chance.randint(50, 90),)),
        Deed("task dies", number=4, how=(chance.randint(3, 20),)),
    ]


def _overtaken_for_long(chance: random.Random) -> list[Deed]:
    """A state is taken over from an earlier run and delivered; the event with the one before it comes long after."""
    return [
        _write(0.0, "K1", 1),
        _write(0.5 + chance.random(), "K1", 2),
        Deed("event comes", number=1, how=("very late",)),
        Deed("target answers", number=1, how=("refused",)),
        Deed("person retries", 100.0),
        Deed("maintenance", 150.0 + chance.random() * 200),
    ]


def _dies_with_events_in_hand(chance: random.Random) -> list[Deed]:
    """A consumer has staged some events, has taken others, and dies before these are staged, too."""
    return [
        _write(0.0, "K1", 1),
        _write(5.0 + chance.random() * 60, "K2", 1),
        Deed("process dies at", number=1, how=("commit", chance.randint(8, 36))),
    ]


def _cleared_behind_a_change(chance: random.Random) -> list[Deed]:
    """A run is cleared when it has delivered, and has something new to send."""
    return [
        _write(590.0 + chance.random() * 8, "K1", 1),
        _write(620.0 + chance.random() * 60, "K1", 2),
        Deed("person clears", 700.0 + chance.random() * 200),
    ]
