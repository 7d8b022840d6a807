"""A route as the text of a route file: what works, with references resolved and defaults left out."""

from __future__ import annotations

from typing import Any

import yaml

from airflow_integrations.route import Route

__all__ = ["definition_yaml"]


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
