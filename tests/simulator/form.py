"""What some of the worlds have beyond a plain route: lines, splits, more tasks, contracts, tables, a second route.

All of it is drawn apart, so that the other worlds stay as they are.
"""

from __future__ import annotations

import random
from dataclasses import replace

from simulator.deed import Deed
from simulator.flows.shape import Shape
from simulator.small import is_small

__all__ = ["divided", "division_deeds", "form_deeds", "formed", "has_form"]

SHARE, OF_SMALL = 0.25, 0.08
"""Of the large worlds, and of the small ones: one with a form takes twice as long."""
DIVIDED, DIVIDED_OF_SMALL, DIVIDED_FROM = 0.15, 0.05, 20_000
"""The source of so many is divided into partitions; below this seed of none: there faults were planted before."""
SHAPES, STRETCH = 256, 100_000
"""So many shapes are drawn, others for each stretch of seeds: reading a route file takes as long as a small world."""


def has_form(seed: int) -> bool:
    """Never where the worlds are in which faults were planted before there were forms."""
    return random.Random(f"form {seed} 1004").random() < (OF_SMALL if is_small(seed) else SHARE)


def formed(shape: Shape, seed: int) -> Shape:
    """The shape with a form: always the same for one seed."""
    chance = random.Random(f"form {seed % SHAPES} of {seed // STRETCH}")
    beside = chance.choices(("", "customers", "feed"), (6, 3, 2))[0]
    if beside == "feed":
        shape = _reading(shape, chance)
    shape = _with_lines(shape, chance)
    if shape.events != "low" and chance.random() < 0.5:
        spread = chance.choice((1, 2, 2, 3))
        shape = replace(shape, apart=True, spread=spread, concurrency=max(shape.concurrency, spread))
    if chance.random() < 0.3:
        shape = replace(shape, contract=chance.choice(("warn", "reject", "reject", "fail")))
    if chance.random() < 0.2:
        table = chance.choice(("reject", "retry"))
        shape = replace(shape, table=table, attempts=3 if table == "retry" else shape.attempts)
    if beside == "customers":
        attempts = min(shape.attempts, 3)  # what waits in vain is at its end soon
        shape = replace(shape, beside=beside, other=_customers(chance), attempts=attempts)
    return shape


def divided(shape: Shape, seed: int) -> Shape:
    """The shape with partitions of its source, or of the one that feeds it, where it is such a world and they fit."""
    share = DIVIDED_OF_SMALL if is_small(seed) else DIVIDED
    if seed < DIVIDED_FROM or random.Random(f"divided {seed}").random() >= share:
        return shape
    chance = random.Random(f"partitions {seed % SHAPES} of {seed // STRETCH}")
    parts, tasks = chance.choice((2, 2, 3)), chance.choice((1, 2, 2, 3))
    if shape.beside == "feed" and shape.other is not None:
        return replace(shape, other=replace(shape.other, parts=parts, fetch_tasks=tasks))
    if not shape.fetches or shape.lines == "group" or shape.missing:
        return shape
    return replace(shape, parts=parts, fetch_tasks=tasks)


def _reading(shape: Shape, chance: random.Random) -> Shape:
    """It reads what the route ``feed`` fetches."""
    asks = chance.choice(("all", "window", "cursor"))
    out = chance.choice(("put", "post", "batch", "verify"))
    feed = Shape(
        name="feed",
        asks=asks,
        paging=chance.choice(("cursor", "link", "next_url", "none")),
        versioned=asks == "cursor" or chance.random() < 0.6,
        out=out,
        batch=chance.randint(2, 3) if out == "batch" else 1,
        with_rev=chance.random() < 0.5,
        apart=chance.random() < 0.3,
        forgets=shape.forgets,
    )
    own = replace(shape, events="no", latest=False, missing=False, asks=asks, fetches=chance.random() < 0.7)
    versioned = asks == "cursor" or shape.versioned
    return replace(own, versioned=versioned, beside="feed", other=feed)


def _customers(chance: random.Random) -> Shape:
    """The route that delivers what orders wait for."""
    by_events = chance.random() < 0.3
    out = chance.choice(("put", "post", "hold", "verify", "batch"))
    return Shape(
        name="customers",
        asks=chance.choice(("all", "window")),
        paging=chance.choice(("cursor", "none")),
        events="run" if by_events else "no",
        fetches=not by_events,
        out=out,
        batch=2 if out == "batch" else 1,
        with_rev=chance.random() < 0.5,
        concurrency=chance.randint(1, 2),
        apart=chance.random() < 0.3,
    )


def _with_lines(shape: Shape, chance: random.Random) -> Shape:
    lines = chance.choice(("no", "group", "group", "split", "split", "joined"))
    if lines == "group" and shape.beside != "feed":
        asks = "all" if shape.asks == "all" else "window"
        paging = chance.choice(("cursor", "link", "next_url", "none"))
        shape = replace(shape, events="no", latest=False, fetches=True, asks=asks, paging=paging, lines="group")
    elif lines == "split" or (lines == "joined" and shape.events != "low"):
        shape = replace(shape, lines=lines, missing=False)
    if shape.lines == "joined" or (shape.events != "low" and chance.random() < 0.2):
        shape = replace(shape, merge="newest" if shape.versioned else "last")
    return shape


def form_deeds(seed: int, shape: Shape, minutes: int) -> list[Deed]:
    """What happens there besides."""
    chance = random.Random(f"form deeds {seed}")
    begins = 595.0 if shape.fetches else 0.0
    deeds: list[Deed] = []
    if shape.beside == "customers":
        for _ in range(chance.choice((1, 2, 2, 3))):
            at = chance.choice((0.0, begins, begins, minutes * 60.0 - 10)) + chance.random() * 12
            how = (f"C{chance.randint(1, 2)}", chance.choice((0, 1, 1, -1)), "open")
            deeds.append(Deed("source writes", round(at, 3), how=how))
    if shape.contract:
        for _ in range(chance.choice((0, 1, 1, 2))):
            at = chance.choice((0.0, begins, minutes * 60.0 - 8)) + chance.random() * 8
            deeds.append(Deed("source writes", round(at, 3), how=(f"K{chance.randint(1, 2)}", 1, "odd")))
    if shape.spread > 1:
        for number in chance.sample(range(1, 5), chance.choice((0, 1, 2))):  # so that there is something to spread
            at = begins + chance.random() * 4
            deeds.append(Deed("source writes", round(at, 3), how=(f"K{number}", number % 3, "open")))
        if chance.random() < 0.4:
            at = begins + 20 + chance.random() * 900
            deeds.append(Deed("person clears push", round(at, 3), number=chance.randint(0, 9)))
        if chance.random() < 0.4:  # one of those that push dies, or meets what the others do not
            border = chance.choice(("commit", "disk", "request"))
            most = {"commit": 12, "disk": 12, "request": 3}[border]
            deeds.append(Deed("process dies at", number=chance.randint(3, 6), how=(border, chance.randint(1, most))))
    return deeds


def division_deeds(seed: int, shape: Shape) -> list[Deed]:
    """Entities that change their partition while these are fetched, tasks that die there, and one that is cleared."""
    chance = random.Random(f"division {seed}")
    if not (shape.parts or (shape.other is not None and shape.other.parts)):
        return []
    deeds = [
        Deed("source writes", round(595.0 + chance.random() * 10, 3), how=(f"K{number}", chance.randint(0, 2), "open"))
        for number in chance.choices(range(1, 5), k=chance.choice((0, 2, 4)))
    ]
    if chance.random() < 0.5:  # one task is there long after the others, and sees what they cannot have seen
        deeds.append(Deed("process dies at", number=chance.choice((2, 3)), how=("request", chance.randint(1, 2))))
        for _ in range(chance.choice((1, 2, 3))):
            how = (f"K{chance.randint(1, 4)}", chance.randint(0, 2), "open")
            deeds.append(Deed("source writes", round(605.0 + chance.random() * 290, 3), how=how))
    for _ in range(chance.choice((0, 1, 1, 2))):
        border = chance.choice(("commit", "disk", "request"))
        most = {"commit": 8, "disk": 12, "request": 4}[border]
        deeds.append(Deed("process dies at", number=chance.randint(1, 6), how=(border, chance.randint(1, most))))
    if chance.random() < 0.3:
        fault = chance.choice(("404", "503", "reset", "cut", "expired", "late"))
        deeds.append(Deed("source answers", number=chance.randint(1, 6), how=(fault,)))
    if chance.random() < 0.2:
        deeds.append(Deed("task dies", number=chance.randint(2, 4), how=(chance.randint(5, 80),)))
    if chance.random() < 0.4:
        deeds.append(
            Deed("person clears partitions", round(600 + chance.random() * 900, 3), number=chance.randint(0, 9))
        )
    return deeds
