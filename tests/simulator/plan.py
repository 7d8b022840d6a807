"""What happens in a world, drawn from its seed: a list of deeds, any of which can be left out to shrink it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from simulator.aimed import aimed_deeds
from simulator.deed import Deed
from simulator.flows.shape import Shape
from simulator.form import divided, division_deeds, form_deeds, formed, has_form
from simulator.small import is_small, small_deeds

__all__ = ["Deed", "Plan", "plan_of"]

SHAPES = 256
"""So many shapes of routes are drawn; reading a route file takes as long as a small world."""
MINUTES, SHORT_MINUTES = 20, 10
"""The world is busy for so long; afterwards it is left in peace."""

REQUESTS_BROKEN = ("503", "500 after", "429", "reset", "reset after", "silent", "silent after", "cut", "404")
"""What a request meets. ``after``: it took effect all the same."""

_TARGETS_OWN = (
    "refused",
    "refused",
    "late",
    "half",
    "202",
    "401",
    "gone after",
    "gone after",
    "gone after",
    "kill",
    "kill",
    "kill",
)
"""``gone after``: it takes the request, and then nobody hears of it for some minutes. ``kill``: it takes the request,
and whoever asked dies."""


@dataclass
class Plan:
    seed: int
    shape: Shape
    minutes: int
    hasty: bool
    """The world ends as soon as everything is as it should be; else there are more runs, which must change nothing."""
    deeds: list[Deed] = field(default_factory=list)
    small: bool = False

    def without(self, left_out: set[int]) -> Plan:
        """The same, but for the deeds at these places."""
        return replace(self, deeds=[deed for at, deed in enumerate(self.deeds) if at not in left_out])


def plan_of(seed: int) -> Plan:
    """The plan of one seed, always the same."""
    number = seed % SHAPES
    shape = Shape.drawn(random.Random(f"shape {number}")).with_more(number)
    with_form = has_form(seed)
    if with_form:
        shape = formed(shape, seed)
    shape = divided(shape, seed)
    chance = random.Random(f"plan {seed}")
    if is_small(seed):
        more = (form_deeds(seed, shape, SHORT_MINUTES) if with_form else []) + division_deeds(seed, shape)
        deeds = _in_order(small_deeds(chance, shape) + more)
        late = any(deed.at is not None and deed.at > SHORT_MINUTES * 60 + 20 for deed in deeds)
        return Plan(seed, shape, MINUTES if late else SHORT_MINUTES, hasty=True, deeds=deeds, small=True)
    short = chance.random() < 0.75
    minutes = SHORT_MINUTES if short else MINUTES
    when = _Moments(chance, minutes)
    deeds = _changes(chance, shape, when, few=short) + _faults(chance, shape, when) + _people(chance, shape, when)
    deeds += aimed_deeds(seed, shape) + (form_deeds(seed, shape, minutes) if with_form else [])
    deeds += division_deeds(seed, shape)
    deeds = _in_order(deeds)
    return Plan(seed, shape, minutes, hasty=chance.random() < 0.7, deeds=deeds)


def _in_order(deeds: list[Deed]) -> list[Deed]:
    return sorted(deeds, key=lambda deed: (deed.at is None, deed.at or 0.0, deed.what, deed.number))


class _Moments:
    """The moments around which things happen: they come together, as trouble does, mostly while a run is under way."""

    def __init__(self, chance: random.Random, minutes: int) -> None:
        self._chance = chance
        ends = [60.0 * minute for minute in range(10, minutes + 1, 10)]
        self._around = [0.0, *ends, *(chance.random() * minutes * 60 for _ in range(minutes // 10))]

    def __call__(self) -> float:
        return round(self._chance.choice(self._around) + self._chance.expovariate(1.2), 3)


def _changes(chance: random.Random, shape: Shape, when: _Moments, *, few: bool) -> list[Deed]:
    keys = [f"K{number}" for number in range(1, chance.randint(2, 4 if few else 7))]
    deeds = _back_again(chance, when) if chance.random() < 0.3 else []
    for _ in range(chance.randint(2, 6 if few else 12)):
        key, at = chance.choice(keys), when()
        if shape.missing and chance.random() < 0.25:
            deeds.append(Deed("source deletes", at, how=(key,)))
            continue
        state = chance.choices(("open", "draft"), (9, 1))[0]
        value = chance.choices((0, 1, 2, -1), (6, 6, 2, 1))[0]
        deeds.append(Deed("source writes", at, how=(key, value, state)))
    return deeds


def _back_again(chance: random.Random, when: _Moments) -> list[Deed]:
    """An entity that becomes what it was before, which is when idempotency keys and *unchanged* are tried."""
    moments = sorted([when(), when(), when()])
    deeds = [Deed("source writes", at, how=("K1", value, "open")) for at, value in zip(moments, (0, 1, 0), strict=True)]
    if chance.random() < 0.5:
        deeds.append(Deed("target answers", number=2, how=(chance.choice(("gone after", "kill")), "K1")))
    return deeds


def _faults(chance: random.Random, shape: Shape, when: _Moments) -> list[Deed]:
    deeds: list[Deed] = []
    if chance.random() < 0.2:
        return deeds  # a world in which everything goes well
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        point = min(int(chance.expovariate(1 / 60)) + 1, 500)
        deeds.append(Deed("process dies", number=chance.randint(1, 14), how=(point, chance.choice(("", "torn")))))
    for _ in range(chance.choice((0, 1, 2, 3))):
        fault = chance.choice((*REQUESTS_BROKEN, *_TARGETS_OWN))
        if chance.random() < 0.4:
            deeds.append(Deed("target answers", number=chance.randint(1, 20), how=(fault,)))
        else:  # to a request about this key
            deeds.append(Deed("target answers", number=chance.randint(1, 3), how=(fault, f"K{chance.randint(1, 3)}")))
    for _ in range(chance.choice((0, 0, 1, 2))):
        fault = chance.choice((*REQUESTS_BROKEN, "expired", "late"))
        deeds.append(Deed("source answers", number=chance.randint(1, 12), how=(fault,)))
    if chance.random() < 0.25:
        deeds.append(Deed("target is away", when(), how=(chance.choice((2, 60, 400, 1500)),)))
    if chance.random() < 0.15:  # in every try: the task fails for good
        deeds.append(Deed("task dies", number=chance.randint(1, 8), how=(chance.randint(5, 120),)))
    if chance.random() < 0.15 and shape.fetches:
        deeds.append(Deed("source is away", when(), how=(chance.choice((2, 60, 900, 900)),)))
    if chance.random() < 0.1:
        deeds.append(Deed("ledger is away", when(), how=(chance.choice((1, 20, 200)),)))
    if chance.random() < 0.1:
        deeds.append(Deed("disk is full", when(), how=(chance.choice((1, 100, 700)),)))
    if chance.random() < 0.15 and shape.versioned:
        most = 4 if shape.events == "low" else 60
        deeds.append(Deed("clock is wrong", number=chance.randint(1, 12), how=(chance.randint(-most, most),)))
    if chance.random() < 0.1:
        deeds.append(Deed("process is stopped", number=chance.randint(1, 10), how=(round(chance.random() * 3, 3),)))
    odd = chance.choice((0, 0, 1, 2)) if shape.events != "no" else 0
    return deeds + [
        Deed("event comes", number=chance.randint(1, 10), how=(chance.choice(("twice", "late")),)) for _ in range(odd)
    ]


def _people(chance: random.Random, shape: Shape, when: _Moments) -> list[Deed]:
    deeds = [Deed("maintenance", when()) for _ in range(chance.choice((0, 1, 2)))]
    if chance.random() < 0.3 and shape.fetches:
        deeds.append(Deed("person starts a run", when(), how=(chance.choice(("all", "all", "due", "failed")),)))
    if chance.random() < 0.35:
        for _ in range(chance.randint(1, 3)):
            act = chance.choice(("retries", "edits", "skips", "confirms", "clears"))
            deeds.append(Deed(f"person {act}", when(), number=chance.randint(0, 9)))
    if chance.random() < 0.12:
        deeds.append(Deed("person edits the route", when()))
    return deeds
