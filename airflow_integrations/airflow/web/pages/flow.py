"""A route as a picture: where entities come from, what is done with them, where they go, and how many took each way.

Pure: names and counts in, places of boxes and lines for SVG out. A line is as thick as its share of what came in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from airflow_integrations.airflow.web.pages.rendering.status_texts import tone, word
from airflow_integrations.ledger.status import LEFT_BY_PUSH, LEFT_BY_TRANSFORM

__all__ = ["Branch", "Edge", "Flow", "Node", "flow"]

WIDTH, HEIGHT, GAP = 148, 54, 86
TOP, DROP = 44, 78
"""The chain's upper edge, and how far below it branches end."""
ROW = 21
_LEFT_BY_PUSH = tuple(status for status in LEFT_BY_PUSH if status != "delivered")


@dataclass(frozen=True, slots=True)
class Node:
    """A box: one stage of the route."""

    x: int
    title: str
    detail: str
    stage: str
    """``fetch``, ``transform`` or ``push``: the Airflow task that does it."""


@dataclass(frozen=True, slots=True)
class Edge:
    """What goes on from one box to the next. ``count`` None: it was not counted there."""

    x1: int
    x2: int
    y: int
    width: float
    count: int | None


@dataclass(frozen=True, slots=True)
class Branch:
    """Entities that left the chain below a box, or joined it from above."""

    x: int
    y: int
    width: float
    name: str
    label: str
    tone: str
    down: bool
    from_x: int


@dataclass(frozen=True, slots=True)
class Flow:
    """``told``: the same in a sentence, for those who do not see the picture."""

    width: int
    height: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    branches: tuple[Branch, ...]
    told: str


def flow(
    source: tuple[str, str],
    steps: Sequence[tuple[str, str]],
    target: tuple[str, str],
    counts: Mapping[str, int],
) -> Flow:
    """``source``, each of ``steps`` and ``target`` are a kind and a detail; ``counts`` are those of the books."""
    came = sum(counts.get(name, 0) for name in ("fetched", "split_added", "deletes_emitted"))
    carried = counts.get("carried_in", 0)
    most = max(1, came + carried)
    gone = sum(counts.get(name, 0) for name in LEFT_BY_TRANSFORM)
    on = max(0, came + carried - gone)
    named = [(*source, "fetch"), *((*step, "transform") for step in steps), (*target, "push")]
    nodes = tuple(
        Node(20 + i * (WIDTH + GAP), kind, _short(detail), stage) for i, (kind, detail, stage) in enumerate(named)
    )
    y = TOP + HEIGHT // 2
    passed: list[int | None] = [counts.get("fetched", 0), *_between(counts, len(steps), on)]
    if not steps:
        passed = [on]
    edges = [
        Edge(a.x + WIDTH, b.x, y, _thick(count or 0, most), count)
        for a, b, count in zip(nodes, nodes[1:], passed, strict=False)
    ]
    delivered = counts.get("delivered", 0)
    end = nodes[-1].x + WIDTH
    edges.append(Edge(end, end + GAP, y, _thick(delivered, most), delivered))
    left: dict[int, list[str]] = {}
    for name in LEFT_BY_TRANSFORM:
        left.setdefault(_where(name, [kind for kind, _ in steps], passed), []).append(name)
    branches = [
        *(branch for at, names in left.items() for branch in _down(nodes[at], names, counts, most)),
        *_down(nodes[-1], _LEFT_BY_PUSH, counts, most),
        *_in(nodes[-1], ("carried_in",), counts, most),
        *_in(nodes[min(1, len(steps))], ("split_added", "deletes_emitted"), counts, most),
    ]
    rows = [branch.y for branch in branches if branch.down]
    return Flow(
        width=end + GAP + 70,
        height=max([TOP + HEIGHT + 20, *(row + 14 for row in rows)]),
        nodes=nodes,
        edges=tuple(edges),
        branches=tuple(branches),
        told=_told(source, target, counts),
    )


def _between(counts: Mapping[str, int], steps: int, on: int) -> list[int | None]:
    """What came out of each step, where runs have counted it. The last edge also has what was carried in."""
    return [*(counts.get(f"step.{index}") for index in range(steps - 1)), on]


def _where(name: str, kinds: Sequence[str], passed: Sequence[int | None]) -> int:
    """The box below which an outcome of transform is drawn: its kind of step, or the first other that lost entities.

    The books count it for all steps together.
    """
    own = {"filtered": "filter", "merged": "merge"}.get(name)
    if own in kinds:
        return kinds.index(own) + 1
    for index, kind in enumerate(kinds):
        came, went = passed[index], passed[index + 1]
        if kind not in ("filter", "merge") and came is not None and went is not None and went < came:
            return index + 1
    return len(kinds)


def _thick(count: int, most: int) -> float:
    """1 to 14, by the square root: what is one in a hundred is still seen."""
    return round(1 + 13 * math.sqrt(min(count, most) / most), 1) if count else 1.0


def _down(node: Node, names: Sequence[str], counts: Mapping[str, int], most: int) -> list[Branch]:
    there = [(name, counts[name]) for name in names if counts.get(name)]
    x = node.x + WIDTH // 2
    return [
        Branch(
            x=x + 26,
            y=TOP + DROP + row * ROW,
            width=_thick(count, most) / 2 + 0.5,
            name=name,
            label=f"{count:,} {word(name)}",
            tone=tone(name),
            down=True,
            from_x=x - 40 + row * 7,
        )
        for row, (name, count) in enumerate(there)
    ]


def _in(node: Node, names: Sequence[str], counts: Mapping[str, int], most: int) -> list[Branch]:
    there = [(name, counts[name]) for name in names if counts.get(name)]
    if not there:
        return []
    x = node.x + WIDTH // 2
    label = ", ".join(f"{count:,} {word(name)}" for name, count in there)
    total = sum(count for _, count in there)
    return [Branch(x, 14, _thick(total, most) / 2 + 0.5, there[0][0], label, "busy", down=False, from_x=x)]


def _short(detail: str, most: int = 21) -> str:
    return detail if len(detail) <= most else f"{detail[: most - 1]}…"


def _told(source: tuple[str, str], target: tuple[str, str], counts: Mapping[str, int]) -> str:
    parts = [f"{count:,} {word(name)}" for name, count in counts.items() if count and not name.startswith("step.")]
    return f"From {' '.join(source)} to {' '.join(target)}: {', '.join(parts) or 'nothing yet'}."
