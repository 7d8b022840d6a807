"""``use: preset:shopify/order``: parts of routes that come with the package."""

from __future__ import annotations

from functools import cache

from airflow_integrations.config.suggestions import continued
from airflow_integrations.presets import NAMES, content
from airflow_integrations.route_files.nodes import Node
from airflow_integrations.route_files.parser import parse

__all__ = ["PREFIX", "PresetError", "preset", "preset_part"]

PREFIX = "preset:"


class PresetError(ValueError):
    """There is no such preset, or it has no such part."""


@cache
def preset(name: str) -> Node:
    """All that a preset says. Raises PresetError for one that there is not."""
    if name not in NAMES:
        raise PresetError(f"there is no preset {name!r}{continued(name, set(NAMES), of='Presets')}")
    node, mistakes = parse(content(name), f"{PREFIX}{name}")
    assert node is not None
    assert not mistakes
    return node


def preset_part(reference: str, part: str) -> list[Node]:
    """What ``preset:system`` or ``preset:system/entity`` says of a part of a route, the general first.

    Raises PresetError where it says nothing.
    """
    system, _, entity = reference.removeprefix(PREFIX).partition("/")
    found = preset(system)
    nodes = [found.get(part)]
    if entity:
        entities = found.get("entities")
        known = entities.value if entities is not None else {}
        if entity not in known:
            raise PresetError(f"the preset {system} has no entity {entity!r}{continued(entity, known, of='It has')}")
        nodes.append(known[entity].get(part))
    given = [node for node in nodes if node is not None]
    if not given:
        raise PresetError(f"the preset {reference.removeprefix(PREFIX)} says nothing of {part}")
    return given
