"""Which field of the source goes into which of the target, by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from airflow_integrations.discovery import DiscoveredField

__all__ = ["Matches", "matched"]

Matches = dict[str, tuple[DiscoveredField, bool]]
"""By the target's field: the source's, and whether the names are only alike."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
_SAME = (
    ("number", "no", "nr", "num"),
    ("quantity", "qty"),
    ("amount", "amt"),
    ("description", "desc", "descr"),
    ("customer", "cust"),
    ("address", "addr"),
    ("updated", "modified", "changed"),
    ("email", "mail"),
    ("phone", "telephone", "tel"),
    ("zip", "postcode", "postal"),
)
_CANONICAL = {word: words[0] for words in _SAME for word in words}


def matched(source: Sequence[DiscoveredField], target: Sequence[DiscoveredField], entity: str) -> Matches:
    """A name that is equal counts first, then one that differs by case and separators, then one that is alike:
    ``order_no`` and ``Number`` of an order. What several names are alike to is nobody's."""
    found: Matches = {}
    taken: set[str] = set()
    for alike, shape in ((False, _exact), (False, _plain), (True, lambda name: _alike(name, entity))):
        free = [field for field in source if field.name not in taken]
        by_shape: dict[str, list[DiscoveredField]] = {}
        for field in free:
            by_shape.setdefault(shape(field.name), []).append(field)
        wanted = [shape(field.name) for field in target if field.name not in found]
        for field in target:
            name = shape(field.name)
            candidates = by_shape.get(name, [])
            if field.name not in found and name and len(candidates) == 1 and wanted.count(name) == 1:
                found[field.name] = candidates[0], alike
                taken.add(candidates[0].name)
    return found


def _exact(name: str) -> str:
    return name


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def _alike(name: str, entity: str) -> str:
    words = [_CANONICAL.get(word.lower(), word.lower()) for word in _WORDS.findall(name)]
    without = [word for word in words if word not in (entity.lower(), f"{entity.lower()}s", "at", "on", "the")]
    return " ".join(without or words)
