"""``CONNECTION:PLACE``, and the one collection that it names."""

from __future__ import annotations

import re

from airflow_integrations.cli.command import UsageError
from airflow_integrations.discovery import Collection, Discovery

__all__ = ["is_place", "one_of", "parted"]

_PLACE = re.compile(r"([A-Za-z0-9_.\-]+):(.+)", re.DOTALL)


def is_place(text: str) -> bool:
    return _PLACE.fullmatch(text) is not None


def parted(text: str) -> tuple[str, str]:
    """The Connection and the place."""
    found = _PLACE.fullmatch(text)
    assert found is not None
    return found[1], found[2]


def one_of(found: Discovery, asked: str) -> Collection:
    """Raises UsageError where a place names several, or none that has fields."""
    with_fields = [each for each in found.collections if each.fields]
    if len(with_fields) == 1 and not found.left_out:
        return with_fields[0]
    if not with_fields:
        why = next((each.problem for each in found.collections if each.problem), "there is nothing that has fields")
        raise UsageError(f"{asked}: {why}")
    names = ", ".join(each.name for each in with_fields[:10])
    raise UsageError(f"{asked}: it names {len(with_fields)} of them; write one, such as {names}")
