"""The shape of a world's route, drawn from the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

__all__ = ["NAME", "Shape"]

NAME = "orders"
_PAGINGS = ("cursor", "link", "next_url", "offset", "overlap", "page", "none")
_BY_POSITION = ("offset", "overlap", "page")
_OUTS = ("put", "post", "hold", "verify", "batch", "upsert")
_STEPS = {"put": "steps", "upsert": "steps", "hold": "held steps"}
"""What some shapes become."""


@dataclass(frozen=True)
class Shape:
    paging: str = "none"
    asks: str = "all"
    """What a run asks the source for: ``all``, a ``window`` of time, or what is behind a ``cursor``."""
    versioned: bool = True
    missing: bool = False
    """Deletions are sent."""
    events: str = "no"
    """``no``; ``run``: by a run of the events' DAG; ``low``: by a consumer."""
    fetches: bool = True
    latest: bool = False
    out: str = "put"
    with_rev: bool = True
    """Whether what is sent says which state it is of: then two states never have the same content."""
    waits: bool = False
    """The target may say that it decides later."""
    batch: int = 1
    concurrency: int = 1
    attempts: int = 10
    bucket: bool = False
    """Staging is an object store."""
    again: bool = False
    """``resend: always``."""
    forgets: bool = False
    """Retention is minutes."""
    by_time: bool = False
    """A cursor is the time of the change, to the microsecond, and not its number."""
    by_key: bool = False
    """What is behind a cursor comes in the order of keys."""
    edit: int = 0
    """How often the route was edited: each edit adds a constant to what is sent."""
    lines: str = "no"
    """``group``: the source gives lines, which are made orders; ``split``: each line of an order becomes an entity;
    ``joined``: so, and those of one order become one again."""
    merge: str = ""
    """Which of several states in one run goes on: ``last``, ``newest``; empty: all."""
    apart: bool = False
    """Each stage is a task of its own."""
    spread: int = 1
    """Over so many tasks push is spread."""
    parts: int = 0
    """Into so many partitions the source is divided; 0: it is not."""
    fetch_tasks: int = 1
    """So many tasks fetch them."""
    contract: str = ""
    """What happens where the source has a new field: ``warn``, ``reject``, ``fail``; empty: nobody looks."""
    table: str = ""
    """What happens to the value 2, which a table does not know: ``reject``, ``retry``; empty: nobody looks."""
    beside: str = ""
    """The route beside it: ``customers``, which delivers what orders wait for; ``feed``, whose fetches it reads."""
    other: Shape | None = None
    """Of that route."""
    name: str = NAME

    @property
    def repeatable(self) -> bool:
        return self.out not in ("hold", "verify", "held steps")

    @property
    def target(self) -> str:
        """The Connection of its target, which is also the host."""
        return "target" if self.name == NAME else f"target-of-{self.name}"

    @property
    def source(self) -> str:
        return "source-of-customers" if self.name == "customers" else "source"

    @property
    def in_steps(self) -> bool:
        """An entity is two requests: one makes a part, the other an item of it."""
        return self.out in ("steps", "held steps")

    @staticmethod
    def drawn(chance: random.Random) -> Shape:
        asks = chance.choice(("all", "all", "window", "cursor"))
        events = chance.choice(("no", "no", "run", "run", "low"))
        fetches = events == "no" or (events == "run" and chance.random() < 0.6)
        paging = chance.choice(tuple(name for name in _PAGINGS if asks == "all" or name not in _BY_POSITION))
        out = chance.choice(_OUTS)
        together = out == "batch" or (out in ("post", "put") and False)
        missing = asks == "all" and fetches and events == "no" and chance.random() < 0.4
        return Shape(
            paging=paging,
            asks=asks,
            versioned=asks == "cursor" or events != "no" or chance.random() < 0.6,
            missing=missing,
            events=events,
            fetches=fetches,
            latest=events != "no" and chance.random() < 0.3,
            out=out,
            with_rev=chance.random() < 0.5,
            waits=out in ("put", "post", "hold") and chance.random() < 0.15,
            batch=chance.randint(2, 4) if together else 1,
            concurrency=chance.randint(1, 3),
            attempts=chance.choice((2, 10, 10)),
            bucket=chance.random() < 0.2,
        )

    def with_more(self, number: int) -> Shape:
        """Drawn apart, so that the other shapes stay as they are."""
        in_steps = not self.waits and self.out in _STEPS and random.Random(f"steps {number}").random() <= 0.2
        forgets = random.Random(f"retention {number}").random() < 0.2
        order = random.Random(f"order {number}") if self.asks == "cursor" else None
        by_time, by_key = (order.random() < 0.4, order.random() < 0.5) if order else (False, False)
        out = _STEPS[self.out] if in_steps else self.out
        return replace(self, out=out, forgets=forgets, by_time=by_time, by_key=by_key)

    def edited(self) -> Shape:
        return replace(self, edit=self.edit + 1)
