"""Small pictures in a table's row: bars and sparklines as numbers for SVG. No style attribute: the CSP allows none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from airflow_integrations.airflow.web.pages.rendering.status_texts import TONES, tone, word

__all__ = ["Slice", "slices", "sparkline"]

_ORDER = {name: place for place, name in enumerate(TONES)}


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a bar, in hundredths of its width."""

    x: float
    width: float
    tone: str
    title: str


def slices(counts: Mapping[str, int]) -> list[Slice]:
    """A bar's parts; a part that is there at all can be seen (2 of 100), the others give way."""
    there = [(name, count) for name, count in _ordered(counts) if count > 0]
    if not there:
        return []
    total = sum(count for _, count in there)
    wanted = [max(2.0, 100 * count / total) for _, count in there]
    scale = 100 / sum(wanted)
    found, x = [], 0.0
    for (name, count), width in zip(there, wanted, strict=True):
        found.append(Slice(round(x, 2), round(width * scale, 2), tone(name), f"{count:,} {word(name)}"))
        x += width * scale
    return found


def _ordered(counts: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: _ORDER.get(item[0], len(_ORDER)))


def sparkline(values: Sequence[float], *, width: float = 100, height: float = 24) -> str:
    """The ``d`` of a path, from 0 at the bottom to the highest value at the top; empty for fewer than two values."""
    if len(values) < 2:
        return ""
    highest = max(*values, 1e-9)
    step = width / (len(values) - 1)
    points = (f"{i * step:.1f} {height - 1 - (height - 2) * value / highest:.1f}" for i, value in enumerate(values))
    return "M" + "L".join(points)
