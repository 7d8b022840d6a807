"""Types and defaults of options, in the words of people who write routes."""

from __future__ import annotations

import types
from datetime import datetime
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from airflow_integrations.config.file_reference import FileReference
from airflow_integrations.config.types import ConnectionId, Duration, Moment, RouteName, Size, size_text
from airflow_integrations.expressions import Expression, Sees, Structure, Template, Texts
from airflow_integrations.schema.reference.options import Option

__all__ = ["default_words", "type_words"]

_NAMED = (
    (ConnectionId, "the id of an Airflow Connection"),
    (Duration, "a duration such as `30s`, `5m` or `1h30m`"),
    (Size, "a size such as `500KB` or `2MB`"),
    (Moment, "a date, or a date with a time"),
    (RouteName, "the name of a route"),
)
_PLAIN = {
    str: "text",
    int: "a whole number",
    bool: "`true` or `false`",
    datetime: "a date with a time",
    FileReference: "the name of a file, relative to this one",
    Any: "any value",
    type(None): "`null`",
}
_LANGUAGES: dict[Any, str] = {
    Expression: "an expression",
    Template: "a template",
    Texts: "a template, or a list of templates,",
    Structure: "a structure of expressions",
}
SCOPES = "expressions.md#what-is-visible-where"


def type_words(hint: Any) -> str:
    """``a whole number from 1 to 64``, ``a list of expressions that see [entity](…)``."""
    for known, words in _NAMED:
        if hint == known or (get_args(known) and get_args(hint)[: len(get_args(known))] == get_args(known)):
            return words  # as it is, or with further rules
    origin = get_origin(hint)
    if origin is Annotated:
        return _annotated(*get_args(hint))
    if origin is Literal:
        return _one_of([f"`{_yaml(value)}`" for value in get_args(hint)])
    if origin in (Union, types.UnionType):
        given = [type_words(inner) for inner in get_args(hint) if inner is not type(None)]
        return ", or ".join(dict.fromkeys(given))
    if origin is dict:
        return f"names, each with {type_words(get_args(hint)[1])}"
    if origin in (tuple, list):
        return f"a list; each element is {type_words(get_args(hint)[0])}"
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return "a block of options"
    return _PLAIN.get(hint) or _LANGUAGES.get(hint) or "text"


def _annotated(base: Any, *about: Any) -> str:
    part = next((found.part for found in about if hasattr(found, "part")), None)
    if part is not None:
        return "one key, the kind, with its options"
    sees = next((found for found in about if isinstance(found, Sees)), None)
    if sees is not None:
        several = base == Texts
        kind = base if several else next(kind for kind in base.__mro__ if kind in _LANGUAGES)
        return f"{_LANGUAGES[kind]} that {'see' if several else 'sees'} [{sees.scope}]({SCOPES})"
    bounds = [bound for found in about if isinstance(found, FieldInfo) for bound in found.metadata]
    least = next((bound.ge for bound in bounds if isinstance(bound, Ge)), None)
    most = next((bound.le for bound in bounds if isinstance(bound, Le)), None)
    if base is int and least is not None:
        return f"a whole number, {least:,} or more" if most is None else f"a whole number from {least:,} to {most:,}"
    return type_words(base)


def _one_of(values: list[str]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} or {values[-1]}"


def default_words(option: Option) -> str:
    """``required``, ``default `1m` ``, or ``optional`` where the default is nothing that a route could write."""
    default = option.default
    if option.required:
        return "required"
    if isinstance(default, (Expression, Template)):
        return f"default `{default.text}`"
    if default in (None, "", ()) or isinstance(default, (BaseModel, dict)):
        return "optional"
    if isinstance(default, tuple):
        return f"default `[{', '.join(map(_yaml, default))}]`"
    return f"default `{size_text(default) if option.hint == Size else _yaml(default)}`"


def _yaml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'" if isinstance(value, str) and value in (",", '"', ":") else str(value)
