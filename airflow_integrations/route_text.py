"""A route as the text of a route file: what works, with references resolved and defaults left out."""

from __future__ import annotations

from typing import Any

import yaml

from airflow_integrations.masking import Mask
from airflow_integrations.route import Route

__all__ = ["definition_yaml", "mask_in", "read_definition"]


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def definition_yaml(route: Route) -> str:
    """The route as it works: references resolved, defaults left out."""
    definition = route.model_dump(mode="json", by_alias=True, exclude_unset=True)
    text: str = yaml.dump(definition, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


def read_definition(text: str) -> dict[str, Any] | None:
    """Plain data, for people to look at: decimals have become binary floats. None: it is no YAML of a route."""
    try:
        plain = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader
    except yaml.YAMLError:
        return None
    return plain if isinstance(plain, dict) else None


def mask_in(*texts: str | None) -> Mask:
    """What these definitions of one route hide together, the end of which may be cut off: a definition is written in
    the order of the route's fields, where the mask stands before everything that is long."""
    plain = [found for text in texts if text and (found := read_definition(text.partition("\nincoming:")[0]))]
    paths = (str(path) for each in plain for path in each.get("mask") or ())
    return Mask(paths, entity=str((plain[0].get("entity") or {}).get("name", "entity")) if plain else None)
