"""The filters of templates: the functions of expressions, whose first argument stands before the ``|``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from jinja2 import Undefined, nodes, pass_context
from jinja2.runtime import Context

import airflow_integrations.expressions.functions  # noqa: F401  (fills the catalogue)
from airflow_integrations.config.suggestions import suggestion
from airflow_integrations.expressions.evaluation import meter
from airflow_integrations.expressions.evaluation.guards import text_of
from airflow_integrations.expressions.functions.catalogue import CATALOGUE, Function
from airflow_integrations.expressions.remedies.templates import filter_remedy

__all__ = ["FILTER_NAMES", "RAW", "Raw", "check", "filters", "raw"]


class Raw(str):
    """Text that goes into a path as it is."""

    __slots__ = ()


RAW = "raw"
"""The only filter that is not a function: it is about how a template writes a value."""


def raw(value: Any) -> Raw:
    """The value as it is: in a path not percent-encoded, in XML, JSON, a form and quotes not escaped."""
    return Raw(text_of(str(value) if isinstance(value, Undefined) else value))


FILTER_NAMES = frozenset(CATALOGUE) | {RAW}

_READERS: dict[str, Callable[[Any, meter.Meter], Any]] = {"all": meter.scanned, "deep": meter.weighed}
_BUILDERS: dict[str, Callable[[Any, meter.Meter], Any]] = {"whole": meter.kept, "pieces": meter.pieces}


@cache
def filters() -> Mapping[str, Callable[..., Any]]:
    """Each filter by its name, as Jinja calls it."""
    return {**{name: _filter(known) for name, known in CATALOGUE.items()}, RAW: raw}


def _filter(known: Function) -> Callable[..., Any]:
    read, built = _READERS.get(known.reads), _BUILDERS.get(known.builds)

    def given(value: Any, counted: meter.Meter) -> Any:
        if isinstance(value, Undefined):
            return None if known.takes_missing else str(value)  # raises, with the name
        return read(value, counted) if read else value

    @pass_context
    def apply(context: Context, *args: Any, **options: Any) -> Any:
        counted: meter.Meter = context["_meter"]
        values = [given(value, counted) for value in args]
        named = {name: given(value, counted) for name, value in options.items()}
        found = known.call(counted, *values, **named) if known.metered else known.call(*values, **named)
        return built(found, counted) if built else found

    return apply


def check(used: nodes.Filter) -> None:
    """Raises ValueError, with the remedy, for a filter that does not exist or whose arguments do not fit."""
    if used.dyn_args is not None or used.dyn_kwargs is not None:
        raise ValueError(f"| {used.name}: `*` and `**` are not part of templates; name each argument")
    if used.name == RAW:
        if used.args or used.kwargs:
            raise ValueError("| raw takes nothing in brackets")
        return
    known = CATALOGUE.get(used.name)
    if known is None:
        hint = filter_remedy(used.name) or suggestion(used.name, FILTER_NAMES)
        raise ValueError(f"unknown filter {used.name!r}, {hint}")
    try:
        named = {str(each.key): each.value for each in used.kwargs}
        known.check([used.node, *used.args], named, _constant)
    except TypeError as error:
        raise ValueError(f"| {used.name}: {error}; it is written | {known.filter_usage()}") from None
    except ValueError as error:
        raise ValueError(f"| {used.name}: {error}") from None


def _constant(node: Any) -> Any:
    if isinstance(node, nodes.Const):
        return node.value
    raise LookupError
