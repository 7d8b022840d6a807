"""Texts of requests into which values are written as literals: filters, and the keys of paths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Expression, Template
from airflow_integrations.expressions.language.dependencies import Path
from airflow_integrations.expressions.scopes import Flavor
from airflow_integrations.expressions.templates.jinja import MAX_OUTPUT
from airflow_integrations.odata.literals import EdmType, Version, literal
from airflow_integrations.odata.typed import TypedExpression

__all__ = [
    "NAME",
    "BoundText",
    "BoundValue",
    "EntitySet",
    "PropertyPath",
    "bound_filter",
    "equalities",
    "filter_mistakes",
    "key_predicate",
]

NAME = r"[^\W\d]\w*"
"""A simple identifier (OData CSDL 4.01, section 15.2)."""
PropertyPath = Annotated[str, Field(pattern=rf"^{NAME}(/{NAME})*$", max_length=200)]
EntitySet = Annotated[str, Field(pattern=rf"^{NAME}([./]{NAME})*$", max_length=300)]

MOST_WRITTEN = MAX_OUTPUT["query"]
_TOKENS = re.compile(rf"'(?:[^']|'')*'|@({NAME})|'")
"""Texts in quotes, bound values by name, and a quote that is never closed."""


@dataclass(frozen=True, slots=True)
class BoundValue:
    """A value that is written as a literal when a request is. ``place`` names it in errors."""

    place: str
    expression: Expression
    type: EdmType | None
    version: Version
    one: bool = False
    """It is a key, or what a property equals: neither null nor a list, and as short as any other text in a URL."""

    def write(self, names: Mapping[str, Any]) -> str:
        """The literal. Raises EntityError where there is no value for it, or one of another type."""
        try:
            value = self.expression.compile_for_literals()(names)
            if self.one:
                if value is None:
                    raise EntityError(f"{self.expression.text} is null or missing")
                if isinstance(value, (list, tuple)):
                    raise EntityError(f"{self.expression.text} is a list, and one value belongs here")
            written = literal(value, self.type, self.version)
            if self.one and len(written) > MOST_WRITTEN:
                raise EntityError(f"the text would have more than {MOST_WRITTEN} characters")
            return written
        except EntityError as error:
            raise EntityError(error.reason, field=self.place) from None


class BoundText(Template):
    """A template whose pieces are fixed texts and bound values. It is made by kinds, never written in a route.

    In a path values are percent-encoded, but for the quotes around them.
    """

    names_places = True

    def __init__(self, pieces: tuple[str | BoundValue, ...], sees: str, flavor: Flavor) -> None:
        shown = [piece if isinstance(piece, str) else f"{{{{ {piece.expression.text} }}}}" for piece in pieces]
        self.text = "".join(shown)
        self.sees = sees
        self.flavor: Flavor = flavor
        self._pieces = pieces
        self._fixed = not any(isinstance(piece, BoundValue) for piece in pieces)
        expressions = [piece.expression for piece in pieces if isinstance(piece, BoundValue)]
        self._names = frozenset[str]().union(*(expression.names for expression in expressions))
        self._fields: frozenset[Path] = frozenset[Path]().union(*(expression.fields for expression in expressions))

    def render(self, names: Mapping[str, Any]) -> str:
        return "".join([piece if isinstance(piece, str) else self._written(piece, names) for piece in self._pieces])

    def _written(self, piece: BoundValue, names: Mapping[str, Any]) -> str:
        text = piece.write(names)
        if self.flavor == "header":
            return text
        try:
            text.encode()
        except UnicodeEncodeError:
            raise EntityError("the text has half a surrogate pair", field=piece.place) from None
        return quote(text, safe="'") if self.flavor == "path" else text

    def __reduce__(self) -> tuple[type[Template], tuple[Any, ...]]:
        return BoundText, (self._pieces, self.sees, self.flavor)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BoundText) and (self._pieces, self.sees, self.flavor) == (
            other._pieces,
            other.sees,
            other.flavor,
        )

    def __hash__(self) -> int:
        return hash((BoundText, self._pieces, self.sees, self.flavor))


def filter_mistakes(text: str, values: Mapping[str, Any]) -> list[str]:
    """What is wrong with a filter and the values that are bound to it."""
    if "{{" in text or "{%" in text:
        return [
            "a value is bound, not pasted into the filter: write Status eq @status, and values: {status: params.status}"
        ]
    found, used = [], set()
    for match in _TOKENS.finditer(text):
        if match.group(0) == "'":
            found.append("the filter has a quote that is not closed; a quote in a text is doubled: 'O''Neil'")
        elif match.group(1):
            used.add(match.group(1))
    missing = sorted(used - values.keys())
    if missing:
        found.append(f"@{missing[0]} is bound to no value; write values: {{{missing[0]}: …}}")
    found += [f"values.{name} stands nowhere in the filter as @{name}" for name in values if name not in used]
    if not text.strip():
        found.append("the filter is empty; leave it out")
    return found


def _pieces_of_filter(text: str, values: Mapping[str, TypedExpression], version: Version) -> list[str | BoundValue]:
    pieces: list[str | BoundValue] = []
    at = 0
    for match in _TOKENS.finditer(text):
        name = match.group(1)
        if name is None:
            continue
        typed = values[name]
        pieces += [text[at : match.start()], BoundValue(f"values.{name}", typed, typed.type, version)]
        at = match.end()
    return [*pieces, text[at:]]


def bound_filter(
    text: str | None,
    values: Mapping[str, TypedExpression],
    version: Version,
    sees: str,
    *more: tuple[str | BoundValue, ...],
) -> BoundText | None:
    """A filter with its values in place, and further conditions that hold as well. None where there is none at all."""
    parts = [list(each) for each in more]
    if text is not None:
        own = _pieces_of_filter(text.strip(), values, version)
        parts.insert(0, ["(", *own, ")"] if parts else own)
    if not parts:
        return None
    joined = parts[0]
    for part in parts[1:]:
        joined += [" and ", *part]
    return BoundText(tuple(joined), sees, "query")


def equalities(values: Mapping[str, TypedExpression], version: Version, place: str) -> tuple[str | BoundValue, ...]:
    """``A eq 'x' and B eq 2``."""
    pieces: list[str | BoundValue] = []
    for name, typed in values.items():
        bound = BoundValue(f"{place}.{name}", typed, typed.type, version, one=True)
        pieces += [f"{' and ' if pieces else ''}{name} eq ", bound]
    return tuple(pieces)


def key_predicate(values: Mapping[str, TypedExpression], version: Version, place: str) -> tuple[str | BoundValue, ...]:
    """``('x')``, or ``(A='x',B=2)`` for a key of several properties."""
    bound = {
        name: BoundValue(f"{place}.{name}", typed, typed.type, version, one=True) for name, typed in values.items()
    }
    if len(bound) == 1:
        return ("(", *bound.values(), ")")
    pieces: list[str | BoundValue] = []
    for name, value in bound.items():
        pieces += [f"{',' if pieces else '('}{name}=", value]
    return (*pieces, ")")
