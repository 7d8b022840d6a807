"""Expressions whose values are written as literals of a type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic_core import CoreSchema, core_schema

from airflow_integrations.config.suggestions import continued
from airflow_integrations.expressions import Expression, Sees
from airflow_integrations.expressions.expression import written
from airflow_integrations.odata.literals import EdmType

__all__ = ["TypedExpression"]

_TYPES: tuple[EdmType, ...] = get_args(EdmType)


class TypedExpression(Expression):
    """``order.id``, or ``{value: order.id, type: guid}`` where the value alone does not show its type."""

    def __init__(self, text: str, sees: str = "run", type_: EdmType | None = None) -> None:
        super().__init__(text, sees)
        self.type: EdmType | None = type_

    def __reduce__(self) -> tuple[type[Expression], tuple[Any, ...]]:
        return TypedExpression, (self.text, self.sees, self.type)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TypedExpression) and (self.text, self.sees, self.type) == (
            other.text,
            other.sees,
            other.type,
        )

    def __hash__(self) -> int:
        return hash((TypedExpression, self.text, self.sees, self.type))

    @classmethod
    def __pydantic_schema_seeing__(cls, sees: Sees) -> CoreSchema:
        def make(value: Any) -> TypedExpression:
            if isinstance(value, TypedExpression):
                return value if value.sees == sees.scope else cls(value.text, sees.scope, value.type)
            if not isinstance(value, Mapping):
                return cls(written(value), sees.scope)
            if not {"value"} <= value.keys() <= {"value", "type"}:
                raise ValueError("a value with its type is {value: order.id, type: guid}")
            type_ = value.get("type")
            if type_ is not None and type_ not in _TYPES:
                raise ValueError(f"unknown type {str(type_)[:40]!r}{continued(str(type_), _TYPES)}")
            return cls(written(value["value"]), sees.scope, type_)

        return core_schema.no_info_plain_validator_function(
            make,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda typed: typed.text if typed.type is None else {"value": typed.text, "type": typed.type}
            ),
            metadata={"pydantic_js_functions": [lambda schema, handler: _JSON_SCHEMA]},
        )


_JSON_SCHEMA: dict[str, Any] = {
    "description": "An expression, or {value: expression, type: one of OData's types}.",
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"value": {"type": "string"}, "type": {"enum": list(_TYPES)}},
            "required": ["value"],
            "additionalProperties": False,
        },
    ],
    "examples": ["order.id", {"value": "order.id", "type": "guid"}],
}
