"""Structure is structure, string leaves are expressions: the grammar of ``map`` and of JSON bodies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, ValidationError, core_schema

from airflow_integrations.errors import SetupError
from airflow_integrations.expressions.expression import Compiled
from airflow_integrations.expressions.language.dependencies import Path, Reads
from airflow_integrations.expressions.language.grammar import Parsed
from airflow_integrations.expressions.scopes import Sees
from airflow_integrations.expressions.structures.structure_tree import Fields, Mistaken, known_fields, leaves, read

__all__ = ["Structure", "StructureError"]


class StructureError(ValueError):
    """A definition that does not follow the grammar; ``mistakes`` are place and message."""

    def __init__(self, mistakes: Sequence[Mistaken]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(f"{'.'.join(place)}: {text}" if place else text for place, text in mistakes))

    def located(self, definition: Any) -> ValidationError:
        """The same for pydantic: one error a mistake, each in its own place."""
        return ValidationError.from_exception_data(
            "Structure",
            [
                {
                    "type": PydanticCustomError("structure", "{message}", {"message": text}),
                    "loc": place,
                    "input": definition,
                }
                for place, text in self.mistakes
            ],
        )


class Structure:
    """What a mapping makes of one entity, and the scope that its expressions see.

    Raises ValueError for a definition that does not follow the grammar: all its mistakes,
    each with its place.
    """

    def __init__(self, definition: Any, sees: str = "run") -> None:
        self.definition = definition
        self.sees = sees
        self._node, mistakes = read(definition)
        if mistakes:
            raise StructureError(mistakes)

    @cached_property
    def _reads(self) -> Reads:
        found = Reads()
        for _, _, leaf in leaves(self._node):
            found.names |= leaf.names
            found.fields |= leaf.fields
        return found

    def leaves(self) -> Iterator[tuple[tuple[str, ...], Parsed, Reads]]:
        """Each expression: its place in the definition, itself, and the names and field paths that it reads."""
        return leaves(self._node)

    @property
    def makes(self) -> Fields | None:
        """The fields of what it makes; None where one expression gives all of it."""
        return known_fields(self._node)

    @property
    def names(self) -> frozenset[str]:
        """The free names that its expressions read."""
        return frozenset(self._reads.names)

    @property
    def fields(self) -> frozenset[Path]:
        """The paths of the fields that its expressions read; ``*`` stands for an ``each``'s elements."""
        return frozenset(self._reads.fields)

    def compile(self) -> Compiled:
        """The function; made once. Its EntityError names the field that failed."""
        return self._function

    @cached_property
    def _function(self) -> Compiled:
        from airflow_integrations.expressions.structures.structure_compiler import assemble

        return assemble(self._node, self.names, self._explain)

    def _explain(self, error: Exception, names: Mapping[str, Any]) -> Exception:
        from airflow_integrations.expressions.structures.structure_compiler import locate

        return error if isinstance(error, SetupError) else locate(self._node, self.names, error, names)

    def __reduce__(self) -> tuple[type[Structure], tuple[Any, str]]:
        return Structure, (self.definition, self.sees)

    def __deepcopy__(self, memo: dict[int, Any]) -> Structure:
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and (self.definition, self.sees) == (other.definition, other.sees)

    def __hash__(self) -> int:
        return hash((Structure, repr(self.definition), self.sees))

    def __repr__(self) -> str:
        return f"Structure({self.definition!r})"

    @classmethod
    def __pydantic_schema_seeing__(cls, sees: Sees) -> CoreSchema:
        def make(value: Any) -> Structure:
            if isinstance(value, Structure):
                return value if value.sees == sees.scope else cls(value.definition, sees.scope)
            try:
                return cls(value, sees.scope)
            except StructureError as error:
                raise error.located(value) from None

        return core_schema.no_info_plain_validator_function(
            make,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda structure: structure.definition),
            metadata={"pydantic_js_functions": [lambda schema, handler: _JSON_SCHEMA]},
        )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return cls.__pydantic_schema_seeing__(Sees("run"))


_JSON_SCHEMA: dict[str, Any] = {
    "type": ["object", "string", "number", "boolean", "null"],
    "description": (
        "Mappings nest as written; text is a Python expression; numbers, booleans and null stand; fixed text is "
        "{const: EUR}; a list is {each: order.lines, name: line, map: {…}}."
    ),
    "examples": [{"Number": "order.number", "Currency": {"const": "EUR"}}],
}
