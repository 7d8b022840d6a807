"""An OpenAPI document (3.x) or Swagger (2.0): read within bounds, its references followed inside of it alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_integrations.discovery import DiscoveredField, Meaning
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import read

__all__ = ["OpenApi", "read_document"]

DEEPEST = 12
"""References and parts of parts that are followed."""
_MEANINGS: dict[str, Meaning] = {
    "string": "string", "integer": "integer", "number": "number", "boolean": "boolean", "object": "object",
    "array": "list",
}  # fmt: skip
_FORMATS: dict[str, Meaning] = {"date-time": "datetime", "date": "date", "time": "time", "byte": "bytes"}


def read_document(content: bytes, name: str) -> OpenApi | None:
    """None for other content."""
    try:
        found = read(content)
    except ContentError:
        found = _yaml(content, name)
    if not isinstance(found, Mapping) or not isinstance(found.get("paths"), Mapping):
        return None
    return OpenApi(found) if {"openapi", "swagger"} & set(found) else None


def _yaml(content: bytes, name: str) -> Any:
    from airflow_integrations.route_files.parser import parse

    if b"openapi" not in content and b"swagger" not in content:
        return None
    node, mistakes = parse(content, name)
    return None if mistakes or node is None else node.plain()


class OpenApi:
    """What is needed of a document, whatever is wrong with the rest of it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self.version = str(document.get("openapi") or document.get("swagger"))[:20]

    def operations(self, method: str) -> Iterator[tuple[str, Mapping[str, Any], list[Mapping[str, Any]]]]:
        """Path, operation and its parameters, in the order of the paths."""
        for path, item in sorted(self._document["paths"].items(), key=lambda pair: str(pair[0])):
            item = self.whole(item)
            operation = self.whole(item.get(method))
            if operation:
                own = [*_list(item.get("parameters")), *_list(operation.get("parameters"))]
                yield str(path), operation, [self.whole(each) for each in own]

    def answer(self, operation: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """The schema of the answer that goes well, and its headers; both may be empty."""
        responses = self.whole(operation.get("responses"))
        for status in ("200", "201", "2XX", "default"):
            if status in responses:
                said = self.whole(responses[status])
                return self._schema(said), self.whole(said.get("headers"))
        return {}, {}

    def body(self, operation: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema of what is sent; may be empty."""
        if "requestBody" in operation:
            return self._schema(self.whole(operation["requestBody"]))
        given = [self.whole(each) for each in _list(operation.get("parameters"))]
        return next((self.whole(each.get("schema")) for each in given if each.get("in") == "body"), {})

    def _schema(self, said: Mapping[str, Any]) -> Mapping[str, Any]:
        content = self.whole(said.get("content"))
        for media, inner in content.items():
            if "json" in str(media):
                return self.whole(self.whole(inner).get("schema"))
        return self.whole(said.get("schema"))

    def whole(self, value: Any, depth: int = 0) -> Mapping[str, Any]:
        """An object with what it refers to, and with all of ``allOf``; an empty one for anything else."""
        if not isinstance(value, Mapping) or depth > DEEPEST:
            return {}
        if isinstance(value.get("$ref"), str):
            return self.whole(self._at(value["$ref"]), depth + 1)
        parts = _list(value.get("allOf"))
        if not parts:
            return value
        made: dict[str, Any] = {name: inner for name, inner in value.items() if name != "allOf"}
        for part in parts[:50]:
            found = self.whole(part, depth + 1)
            for name, inner in found.items():
                if name == "properties" and isinstance(inner, Mapping):
                    made[name] = {**inner, **made.get(name, {})}
                elif name == "required":
                    made[name] = [*_list(inner), *_list(made.get(name))]
                else:
                    made.setdefault(name, inner)
        return made

    def _at(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            return {}
        found: Any = self._document
        for step in reference[2:].split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or step not in found:
                return {}
            found = found[step]
        return found

    def fields(self, schema: Mapping[str, Any], most: int) -> tuple[DiscoveredField, ...]:
        """The properties of an object's schema."""
        properties = schema.get("properties")
        if not isinstance(properties, Mapping):
            return ()
        required = set(map(str, _list(schema.get("required"))))
        return tuple(
            self._field(str(name), self.whole(inner), str(name) in required)
            for name, inner in list(properties.items())[:most]
        )

    def _field(self, name: str, schema: Mapping[str, Any], required: bool) -> DiscoveredField:
        said = schema.get("type")
        kinds = [str(each) for each in said] if isinstance(said, list) else [str(said)] if said is not None else []
        plain = [each for each in kinds if each != "null"]
        kind, how = (plain[0] if len(plain) == 1 else "any"), str(schema.get("format") or "")
        meaning = _FORMATS.get(how, _MEANINGS.get(kind, "any")) if kind == "string" else _MEANINGS.get(kind, "any")
        nullable = "null" in kinds or schema.get("nullable") is True or not required
        length = schema.get("maxLength")
        shown = f"{kind} ({how})" if how else kind
        filled = schema.get("readOnly") is True or "default" in schema
        return DiscoveredField(
            name, shown[:100], meaning, nullable, required and not filled,
            length=length if isinstance(length, int) else None,
        )  # fmt: skip


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
