"""A route as plain data and as the text of a route file: what works, with references resolved and defaults left out."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import yaml

from airflow_integrations.route.definition import Route

__all__ = ["definition_yaml", "plain_definition"]


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)
_Dumper.add_representer(Decimal, lambda dumper, number: dumper.represent_scalar("tag:yaml.org,2002:float", str(number)))
# What route files take for a number (YAML 1.2) and PyYAML (YAML 1.1) takes for text, such as 08, 1e5 and 0o17: quoted
# where it is text, not quoted where it is a number.
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)$|0[0-9]+$|0o[0-7]+$"),
    list("-+.0123456789"),
)


def plain_definition(route: Route, **chosen: Any) -> dict[str, Any]:
    """The route as :meth:`Route.load` reads it: JSON's kinds of values, but decimals stay decimals.

    ``chosen`` says what is left out, as pydantic's ``model_dump`` has it; without it: what nobody has set.
    """
    how = {"by_alias": True, **(chosen or {"exclude_unset": True})}
    plain: dict[str, Any] = _with_decimals(route.model_dump(mode="json", **how), route.model_dump(**how))
    return plain


def _with_decimals(plain: Any, own: Any) -> Any:
    """``plain`` with the decimals of ``own``, which pydantic writes as texts: a text ``"0.10"`` is something else."""
    if isinstance(own, Decimal):
        return own
    if isinstance(plain, dict) and isinstance(own, dict):
        pairs = zip(plain.items(), own.values(), strict=True)
        return {name: _with_decimals(value, inner) for (name, value), inner in pairs}
    if isinstance(plain, list) and isinstance(own, list | tuple):
        return [_with_decimals(value, inner) for value, inner in zip(plain, own, strict=True)]
    return plain


def definition_yaml(route: Route) -> str:
    """The route as it works: references resolved, defaults left out."""
    text: str = yaml.dump(plain_definition(route), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text
