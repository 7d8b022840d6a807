"""What the text of a definition says, read without the route's models: they take longer than all else that is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from airflow_integrations.masking.mask import Mask

__all__ = ["mask_in", "mask_of_plain", "read_definition", "readable_part"]


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_definition(text: str) -> dict[str, Any] | None:
    """Plain data, for people to look at: decimals have become binary floats. None: it is not YAML of a route."""
    try:
        plain = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader
    except yaml.YAMLError:
        return None
    return plain if isinstance(plain, dict) else None


def mask_in(*texts: str | None) -> Mask:
    """What these definitions of one route hide together, the end of which may be cut off."""
    return mask_of_plain(found for text in texts if text and (found := read_definition(readable_part(text))))


def readable_part(text: str) -> str:
    """The part of a definition that can be read also where its end is cut off: it is written in the order of the
    route's fields, where the mask stands before everything that is long."""
    return text.partition("\nincoming:")[0]


def mask_of_plain(definitions: Iterable[Mapping[str, Any]]) -> Mask:
    """What these definitions, plain data, hide together. The first that has an entity says what it is called."""
    plain = list(definitions)
    paths = (str(path) for each in plain for path in each.get("mask") or ())
    entity: Mapping[str, Any] = next((found for each in plain if (found := each.get("entity"))), {})
    return Mask(paths, entity=str(entity.get("name", "entity")) if plain else None)
