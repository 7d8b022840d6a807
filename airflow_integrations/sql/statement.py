"""SQL as a route writes it: values are bound by name, never pasted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from airflow_integrations.config.suggestions import continued

__all__ = ["BOUND", "SqlText", "outside_texts", "parameter_mistakes"]

BOUND = {
    "window_start": "the start of the run's window",
    "window_end": "its end, which does not belong to it",
    "params.NAME": "a param of the route",
    "var.NAME": "an Airflow Variable",
}
"""What a statement may bind."""

_PARTS = re.compile(
    r"""
      '(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*`                 # texts and quoted names
    | --[^\n]* | /\*.*?\*/                                      # comments
    | \$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$                    # PostgreSQL's texts between dollars
    | ::                                                        # a cast
    | (?<![\w:]):(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    """,
    re.VERBOSE | re.DOTALL,
)
_TEMPLATE = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}|\{%|\{\{", re.DOTALL)
_IN = re.compile(r"\bin\s*$", re.IGNORECASE)
_FOREIGN_PARAMETER = re.compile(
    r"""%\(\w+\)s | (?<!\w)\$\d | \$\{ | [=<>(,]\s*(?:%s|\?(?![|&?])|@[A-Za-z_]\w*(?!\s*:?=))
    | \b(?:like|in|between|and|limit|offset)\s+(?:%s\b|\?(?=\s|\)|,|$))""",
    re.VERBOSE | re.IGNORECASE,
)
"""Parameters as drivers write them: %(name)s, %s, ?, $1, @name; and as shells do. PostgreSQL has operators with ?."""
_REMEDIES = {
    "window.start": ":window_start",
    "window.end": ":window_end",
    "data_interval_start": ":window_start",
    "data_interval_end": ":window_end",
    "ds": ":window_start",
    "ts": ":window_start",
}


def outside_texts(sql: str) -> str:
    """The statement without its texts, quoted names, comments and casts."""
    return _PARTS.sub(lambda match: " " if match["name"] is None else match[0], sql)


class SqlText:
    """A statement, or part of one. Raises ValueError, with the remedy, for one with a template or two statements."""

    def __init__(self, text: str) -> None:
        self.text = text.strip().rstrip(";").rstrip()
        if not self.text:
            raise ValueError("SQL belongs here, and this is empty")
        if (found := _TEMPLATE.search(self.text)) is not None:
            raise ValueError(_instead_of(found))
        if "\\'" in self.text:
            raise ValueError(
                "databases disagree about a backslash in a text; bind the text instead: add it to params of the "
                "route and write :params.name"
            )
        outside = outside_texts(self.text)
        if ";" in outside:
            raise ValueError("one statement belongs here; take out what stands behind the first ;")
        if _FOREIGN_PARAMETER.search(outside):
            raise ValueError("write parameters as :window_start or :params.name, whatever the database")

    @property
    def names(self) -> frozenset[str]:
        """What it binds: ``window_start``, ``params.region``."""
        return frozenset(name for name, _ in self._bound())

    def _bound(self) -> Iterator[tuple[str, bool]]:
        for match in _PARTS.finditer(self.text):
            if match["name"] is not None:
                yield match["name"], _IN.search(self.text[: match.start()]) is not None

    def rendered(self, bind: Callable[[str, bool], str]) -> str:
        """The text for SQLAlchemy's ``text()``. ``bind`` is told a name and whether it stands behind IN, and gives the
        parameter's own name. Other colons are escaped."""
        parts, last = [], 0
        for match in _PARTS.finditer(self.text):
            parts.append(self.text[last : match.start()].replace(":", "\\:"))
            if match["name"] is None:
                parts.append(match[0].replace(":", "\\:"))
            else:
                parts.append(":" + bind(match["name"], _IN.search(self.text[: match.start()]) is not None))
            last = match.end()
        return "".join([*parts, self.text[last:].replace(":", "\\:")])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SqlText) and self.text == other.text

    def __hash__(self) -> int:
        return hash((SqlText, self.text))

    def __repr__(self) -> str:
        return f"SqlText({self.text!r})"

    def __str__(self) -> str:
        return self.text

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def parse(value: Any) -> SqlText:
            if isinstance(value, cls):
                return value
            if not isinstance(value, str):
                raise ValueError("SQL belongs here; quote it, or write it below |")
            return cls(value)

        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(parse, core_schema.str_schema(min_length=1)),
            python_schema=core_schema.no_info_plain_validator_function(parse),
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )


def parameter_mistakes(sql: SqlText, params: Mapping[str, Any]) -> Iterator[str]:
    """What it binds and the route does not have."""
    for name in sorted(sql.names):
        first, _, rest = name.partition(".")
        if name in ("window_start", "window_end") or (first == "var" and rest and "." not in rest):
            continue
        if first == "params" and rest:
            if rest not in params:
                yield f":{name}: the route has no param {rest!r}{continued(rest, params)}"
            continue
        meant = _REMEDIES.get(name) or (f":params.{name}" if name in params else None)
        known = ", ".join(f":{each}" for each in BOUND)
        yield f":{name} is not known; " + (f"write {meant}" if meant else f"a statement binds {known}")


def _instead_of(found: re.Match[str]) -> str:
    inner = (found[1] or "").strip()
    name = re.split(r"[\s|(\[]", inner, maxsplit=1)[0]
    write = _REMEDIES.get(name) or (f":{name}" if re.fullmatch(r"(params|var)\.\w+", name) else None)
    what = (
        f"write {write}" if write else "write :window_start, :window_end or :params.name, and compute the rest in SQL"
    )
    return f"values are bound in SQL, never pasted into it: instead of {found[0][:60]} {what}"
