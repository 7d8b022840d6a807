"""Text for a request, written in Jinja: paths, query values, headers, text bodies."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from airflow_integrations.expressions.language.dependencies import Path
from airflow_integrations.expressions.scopes import Flavor, Sees

__all__ = ["Template", "Texts", "texts_of"]

MAX_LENGTH = 100_000
"""Characters of a template's own text."""


_ENDINGS = frozenset({"asp", "aspx", "csv", "do", "html", "json", "jsp", "php", "svc", "txt", "xml"})
"""What a path may end in behind a point: ``/order.json`` is not a field."""


class Template:
    """A Jinja text, the scope it sees, and how its values are written.

    Flavors: ``path`` percent-encodes values, ``/`` too, unless ``| raw``; ``header`` refuses control characters;
    ``query`` and ``text`` write values as they are (a query is encoded by the client).
    Raises ValueError for text that is not a template. Whether its names exist is not checked here.
    """

    names_places = False
    """True where a kind has made the text: its errors name the kind's own option, and no place is put before them."""

    def __init__(self, text: str, sees: str = "run", flavor: Flavor = "text") -> None:
        self.text = text
        self.sees = sees
        self.flavor: Flavor = flavor
        if len(text) > MAX_LENGTH:
            raise ValueError(f"the template has {len(text)} characters; at most {MAX_LENGTH} are allowed")
        self._fixed = not any(mark in text for mark in ("{{", "{%", "{#"))
        self._names: frozenset[str] = frozenset()
        self._fields: frozenset[Path] = frozenset()
        if not self._fixed:
            from airflow_integrations.expressions.templates.jinja import inspect

            self._names, self._fields = inspect(text)

    @property
    def names(self) -> frozenset[str]:
        """The names that it reads."""
        return self._names

    @property
    def fields(self) -> frozenset[Path]:
        """The paths of the fields that it reads."""
        return self._fields

    def render(self, names: Mapping[str, Any]) -> str:
        """The text. Raises EntityError for a value that is missing or unfit, SetupError for a missing Variable."""
        return self.text if self._fixed else self._compiled(names)

    @cached_property
    def _compiled(self) -> Any:
        from airflow_integrations.expressions.templates.jinja import renderer

        return renderer(self.text, self.flavor)

    def unescaped(self, escape: str) -> list[str]:
        """The values, as they are written, that pass neither this filter nor ``| raw``."""
        if self._fixed:
            return []
        from airflow_integrations.expressions.templates.escaping import unescaped

        return unescaped(self.text, (escape, "raw"))

    def quoted(self) -> list[str]:
        """The values between single quotes that pass neither ``| odata`` nor ``| raw``."""
        if self._fixed or ("'" not in self.text and "%27" not in self.text):
            return []
        from airflow_integrations.expressions.templates.escaping import quoted

        return quoted(self.text, ("odata", "raw"), encoded=self.flavor == "path")

    def double_quoted(self) -> list[str]:
        """The values between double quotes that do not pass ``| raw``."""
        if self._fixed or ('"' not in self.text and "%22" not in self.text):
            return []
        from airflow_integrations.expressions.templates.escaping import quoted

        return quoted(self.text, ("raw",), encoded=self.flavor == "path", mark='"')

    def compared(self) -> list[str]:
        """The values of payloads without quotes in a filter of OData's, that are neither rounded nor ``| raw``."""
        if self._fixed or self.flavor not in ("path", "query"):
            return []
        from airflow_integrations.expressions.templates.escaping import compared

        return compared(self.text)

    def in_keys(self) -> list[str]:
        """Those in a key of a path."""
        if self._fixed or self.flavor != "path" or "(" not in self.text:
            return []
        from airflow_integrations.expressions.templates.escaping import in_keys

        return in_keys(self.text)

    def uses(self, name: str) -> bool:
        """Whether it uses a filter."""
        if self._fixed or name not in self.text:
            return False
        from airflow_integrations.expressions.templates.escaping import uses

        return uses(self.text, name)

    def field_as_text(self, names: Collection[str]) -> str | None:
        """What reads like a field of one of ``names`` without braces: all of a fixed text, or a step of a path."""
        steps = re.sub(r"\{\{.*?\}\}", "", self.text).partition("?")[0].split("/") if self.flavor == "path" else []
        for text in (self.text, *steps) if self._fixed else steps:
            match = re.fullmatch(r"\s*([A-Za-z]\w*)(?:\.[A-Za-z_]\w*)*\.([A-Za-z_]\w*)\s*", text)
            if match and match.group(1) in names and not (steps and match.group(2).lower() in _ENDINGS):
                return text.strip()
        return None

    def __reduce__(self) -> tuple[type[Template], tuple[str, str, Flavor]]:
        return Template, (self.text, self.sees, self.flavor)

    def __deepcopy__(self, memo: dict[int, Any]) -> Template:
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and (self.text, self.sees, self.flavor) == (
            other.text,
            other.sees,
            other.flavor,
        )

    def __hash__(self) -> int:
        return hash((Template, self.text, self.sees, self.flavor))

    def __repr__(self) -> str:
        return f"Template({self.text!r})"

    def __str__(self) -> str:
        return self.text

    @classmethod
    def __pydantic_schema_seeing__(cls, sees: Sees) -> CoreSchema:
        def make(value: Any) -> Template:
            if isinstance(value, Template):
                same = value.sees == sees.scope and value.flavor == sees.flavor
                return value if same else cls(value.text, sees.scope, sees.flavor)
            return cls(_written(value), sees.scope, sees.flavor)

        return core_schema.no_info_plain_validator_function(
            make,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda template: template.text),
            metadata={
                "pydantic_js_functions": [
                    lambda schema, handler: {
                        "type": ["string", "number", "boolean"],
                        "description": "Text for a request; values stand in {{ }}, such as {{ window.start }}.",
                        "examples": ["/orders/{{ order.number }}", "{{ window.start }}"],
                    }
                ]
            },
        )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return cls.__pydantic_schema_seeing__(Sees("run"))


Texts = Template | tuple[Template, ...]
"""The value of a query parameter: one text, or several of one name."""


def texts_of(query: Mapping[str, Texts]) -> list[tuple[str, Template]]:
    """Each parameter as often as it is sent."""
    return [
        (name, template)
        for name, value in query.items()
        for template in ((value,) if isinstance(value, Template) else value)
    ]


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if value is None:
        raise ValueError('a text belongs here, and this is empty; for an empty text write ""')
    if isinstance(value, (list, tuple)):
        raise ValueError(
            "a text belongs here, and this is a YAML list; values with commas between them are "
            "\"{{ params.ids | join(',') }}\"; a `query` takes a list of texts, as many as the parameter is sent times"
        )
    raise ValueError('a text belongs here, and this is a YAML mapping; quote it: values stand in "{{ }}"')
