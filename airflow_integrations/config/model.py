"""The base of every configuration model, and the field types they share."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar, Generic, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    RootModel,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

__all__ = ["Model", "RootConfig", "ShortForm", "walk"]

T = TypeVar("T")


class Model(BaseModel):
    """Frozen, without unknown keys. A field's docstring is its documentation and its JSON Schema description."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        validate_default=False,
        populate_by_name=True,
        serialize_by_alias=True,
        defer_build=True,
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        from airflow_integrations.config.field_docs import field_docs

        made = handler(schema)
        options = handler.resolve_ref_schema(made).get("properties", {})
        for name, text in field_docs(cls).items():
            field = cls.model_fields.get(name)
            if field is not None and field.description is None and (option := options.get(field.alias or name)):
                option["description"] = text
        return made


class RootConfig(RootModel[T], Generic[T]):
    """A configuration that is one value instead of named options, such as the expression of ``filter``: ``root``."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, arbitrary_types_allowed=True, defer_build=True)


class ShortForm(Model):
    """A model of which one option may stand alone: ``validate: x.json`` for ``validate: {file: x.json}``.

    ``short_form`` names that option. Errors of the short form carry the place where it was written, and it is
    serialised as it was written.
    """

    short_form: ClassVar[str]

    @model_validator(mode="wrap")
    @classmethod
    def _from_short_form(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Self:
        if isinstance(value, (dict, cls)):
            return handler(value)  # type: ignore[no-any-return]
        try:
            return handler({cls.short_form: value})  # type: ignore[no-any-return]
        except ValidationError as error:
            short = [
                InitErrorDetails(
                    type=PydanticCustomError(found["type"], "{text}", {**found.get("ctx", {}), "text": found["msg"]}),
                    loc=found["loc"][1:],
                    input=found["input"],
                )
                for found in error.errors(include_url=False)
            ]
            raise ValidationError.from_exception_data(cls.__name__, short) from None

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> Any:
        written = handler(self)
        return written[self.short_form] if self.model_fields_set == {self.short_form} else written

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        full = super().__get_pydantic_json_schema__(schema, handler)
        options = handler.resolve_ref_schema(full).get("properties", {})
        return {"anyOf": [options[cls.short_form], full]} if cls.short_form in options else full


def walk(value: Any, loc: tuple[int | str, ...] = ()) -> Iterator[tuple[tuple[int | str, ...], Any]]:
    """Every leaf of a configuration with its place: models, mappings and sequences are descended into."""
    found: list[tuple[tuple[int | str, ...], Any]] = []
    _gather(value, loc, found)
    return iter(found)


_PLAIN = frozenset({str, int, float, bool, type(None)})
"""Most leaves are of these types."""


def _gather(value: Any, loc: tuple[int | str, ...], found: list[tuple[tuple[int | str, ...], Any]]) -> None:
    if type(value) in _PLAIN:
        found.append((loc, value))
    elif isinstance(value, RootModel):
        _gather(value.root, loc, found)
    elif isinstance(value, BaseModel):
        for name, written in _names(type(value)):
            _gather(getattr(value, name), (*loc, written), found)
    elif isinstance(value, dict):
        for name, inner in value.items():
            _gather(inner, (*loc, name), found)
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            _gather(inner, (*loc, index), found)
    else:
        found.append((loc, value))


@cache
def _names(model: type[BaseModel]) -> tuple[tuple[str, str], ...]:
    """Of each option: its attribute, and how a route writes it."""
    return tuple((name, field.alias or name) for name, field in model.model_fields.items())
