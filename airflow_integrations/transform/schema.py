"""A JSON Schema of a route: read, checked and compiled without ever touching the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from airflow_integrations.config.file_reference import FileReference
from airflow_integrations.config.suggestions import continued
from airflow_integrations.transform.json_file import read_json

__all__ = ["ASSERTED_FORMATS", "IGNORED_FORMATS", "Schema"]

ASSERTED_FORMATS = frozenset(
    {
        "date", "date-time", "time", "duration", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6",
        "uri", "uri-reference", "uri-template", "iri", "iri-reference", "uuid", "json-pointer",
        "relative-json-pointer", "regex",
    }
)  # fmt: skip
"""Checked in every draft. Any other format is taken for a spelling mistake …"""
IGNORED_FORMATS = frozenset({"int32", "int64", "float", "double", "decimal", "password", "byte", "binary"})
"""… except those of OpenAPI, which are annotations."""

_REFERS = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})
_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")


@dataclass(frozen=True)
class Schema:
    """One schema document. ``path`` and ``root`` are None for one that stands in the route itself."""

    document: dict[str, Any] | bool
    path: Path | None = None
    root: Path | None = None

    @classmethod
    def of(cls, file: FileReference | None, document: dict[str, Any] | None) -> Schema:
        """From the one of both that is there. Raises ValueError for a file that holds no schema."""
        if file is None:
            return cls(document or {})
        loaded = read_json(file.path)
        if not isinstance(loaded, (dict, bool)):
            raise ValueError("is not a JSON Schema: it must be an object")
        return cls(loaded, file.path.resolve(), file.root)

    def mistakes(self) -> Iterator[tuple[tuple[int | str, ...], str]]:
        """What its own draft's rules find wrong with it, with the place inside the schema."""
        if self._is_sound():
            return
        from jsonschema.exceptions import best_match
        from jsonschema.validators import Draft202012Validator, validator_for

        draft = self.document.get("$schema") if isinstance(self.document, dict) else None
        kind: Any = Draft202012Validator
        if isinstance(draft, str):
            kind = validator_for({"$schema": draft}, default=_Unknown)  # type: ignore[arg-type]
        if kind is _Unknown or not isinstance(draft, str | None):
            yield ("$schema",), f"unknown draft {draft!r}; the newest is https://json-schema.org/draft/2020-12/schema"
            return
        for error in kind(kind.META_SCHEMA).iter_errors(_without_decimals(self.document)):
            if error.absolute_path and error.absolute_path[-1] == "type" and isinstance(error.instance, str):
                yield (
                    tuple(error.absolute_path),
                    f"unknown type {error.instance!r}{continued(error.instance, _TYPES)}",
                )
                continue
            inner = best_match([error]) or error  # of an anyOf, the branch that was meant
            yield tuple(inner.absolute_path), inner.message[:300]

    def _is_sound(self) -> bool:
        """Whether its draft's rules find nothing wrong. The other library words mistakes better and takes four times
        as long to import."""
        import jsonschema_rs

        with suppress(ValueError, TypeError, jsonschema_rs.ReferencingError):  # an unknown draft
            return jsonschema_rs.meta.is_valid(_without_decimals(self.document))
        return False

    def files(self) -> list[Path]:
        """The other files that it refers to, directly or by way of each other; as far as they can be read."""
        found: set[Path] = set()
        if not _leads_out(self.document):  # to compile it costs milliseconds
            return []
        with suppress(ValueError):  # whoever validates with it is told
            self.validator(found)
        return sorted(found)

    def validator(self, reads: set[Path] | None = None) -> Any:
        """A compiled validator. Raises ValueError for what cannot be compiled: a reference, a format, a pattern.

        The other files that it needs are added to ``reads``.
        """
        import jsonschema_rs

        try:
            return jsonschema_rs.validator_for(
                self.document,
                validate_formats=True,
                ignore_unknown_formats=False,
                formats=dict.fromkeys(IGNORED_FORMATS, _anything),
                retriever=partial(self._retrieve, set() if reads is None else reads),
                base_uri=self.path.as_uri() if self.path else None,
                mask="the value",  # reasons go to logs: what an entity holds does not
            )
        except jsonschema_rs.ReferencingError as error:
            raise ValueError(f"has a $ref that leads nowhere: {error}") from None
        except ValueError as error:
            place = ".".join(map(str, getattr(error, "instance_path", ())))
            text = f"{place}: {error}".partition("\n")[0].removeprefix(": ")
            unknown = text.partition("Unknown format: '")[2].partition("'")[0]
            if unknown:
                text = f"unknown format {unknown!r}{continued(unknown, ASSERTED_FORMATS | IGNORED_FORMATS)}"
            raise ValueError(f"is not usable: {text}") from None

    def _retrieve(self, reads: set[Path], uri: str) -> Any:
        """Another file that a ``$ref`` names; only from the routes folder."""
        parts = urlsplit(uri)
        if self.root is None or self.path is None:
            raise ValueError("a schema in the route itself refers to its own parts only (#/$defs/…)")
        if parts.scheme != "file" or parts.netloc:
            raise ValueError(
                "schemas are read from the routes folder only, never from the network; put a copy beside the route"
            )
        try:
            path = Path(unquote(parts.path)).resolve()
        except (OSError, RuntimeError, ValueError):  # a loop of symbolic links, a NUL
            raise ValueError("the file cannot be found") from None
        if not path.is_relative_to(self.root):
            raise ValueError(f"the file leaves the routes folder; put it under {self.root.name}/")
        try:
            document = read_json(path)
        except ValueError as error:
            raise ValueError(f"{path.name} {error}") from None
        reads.add(path)
        return document


class _Unknown:
    """Stands for a draft that jsonschema does not know."""


def _anything(_: Any) -> bool:
    return True


def _leads_out(value: Any) -> bool:
    """Whether there is a reference to another document in it."""
    if isinstance(value, dict):
        refers = (inner for name, inner in value.items() if name in _REFERS and isinstance(inner, str))
        return any(not text.startswith("#") for text in refers) or any(map(_leads_out, value.values()))
    return isinstance(value, list) and any(map(_leads_out, value))


def _without_decimals(value: Any) -> Any:
    """The schema as jsonschema takes it: rounding does not matter to the rules about schemas."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _without_decimals(inner) for name, inner in value.items()}
    return [_without_decimals(inner) for inner in value] if isinstance(value, list) else value
