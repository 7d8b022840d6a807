"""``incoming``, ``outgoing``, ``trigger.listen`` and each step of ``transform``: one key, the kind, and that kind's
configuration."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo, create_model
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from airflow_integrations.config.model import Model
from airflow_integrations.config.suggestions import described, unknown
from airflow_integrations.route import registry
from airflow_integrations.route.registry import Part

__all__ = ["IncomingStage", "ListenStage", "OutgoingStage", "Stage", "TransformStage", "holder", "part_of"]


@dataclass(frozen=True, slots=True)
class Stage:
    """A kind and its checked configuration. ``config`` is an instance of the kind's nested ``Config``."""

    part: Part
    kind: str
    config: Any

    def component(self) -> type[Any]:
        """The kind's class."""
        return registry.resolve(self.part, self.kind)


def holder(part: Part, kind: str) -> type[BaseModel]:
    """A model with the kind as its one field, so that errors carry the kind in their place.

    Raises KeyError for an unknown kind.
    """
    return _holder(part, kind, registry.resolve(part, kind).Config)


@cache
def _holder(part: Part, kind: str, config: type[BaseModel]) -> type[BaseModel]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a kind may be called like one of pydantic's own methods: validate
        fields: dict[str, Any] = {kind: (config, ...)}
        return create_model(f"{part}_{kind}", __base__=Model, **fields)


def part_of(validator: Any) -> Part | None:
    """The part of a route that a validator of a core schema parses, where it is one of those below."""
    owner = getattr(validator, "__self__", None)
    return owner.part if isinstance(owner, _StageOf) else None


class _StageOf:
    def __init__(self, part: Part) -> None:
        self.part = part

    def _parse(self, value: Any, info: ValidationInfo) -> Stage:
        if isinstance(value, Stage):
            return value
        if not isinstance(value, dict) or len(value) != 1:
            given = f"the keys {', '.join(map(str, value))}" if isinstance(value, dict) and value else described(value)
            raise PydanticCustomError(
                "stage",
                "{part} holds exactly one key, the kind, with its options below it; found {given}. One of: {kinds}",
                {
                    "part": "a step of transform" if self.part == "transform" else self.part,
                    "given": given,
                    "kinds": ", ".join(registry.kinds(self.part)),
                },
            )
        (kind,) = value
        if not registry.known(self.part, kind):
            raise PydanticCustomError(
                "unknown_kind",
                "{text}",
                {"text": unknown("kind", str(kind), registry.kinds(self.part)), "at_key": kind},
            )
        checked = holder(self.part, kind).model_validate(value, context=info.context)
        return Stage(self.part, kind, getattr(checked, kind))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self._parse,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda stage, info: holder(stage.part, stage.kind)(**{stage.kind: stage.config}).model_dump(
                    mode=info.mode, exclude_unset=True
                ),
                info_arg=True,
            ),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        fields = {
            kind: core_schema.typed_dict_field(
                dict(registry.resolve(self.part, kind).Config.__pydantic_core_schema__), required=False
            )
            for kind in registry.kinds(self.part)
        }
        offered = handler(core_schema.typed_dict_schema(fields, extra_behavior="forbid"))
        return {**offered, "minProperties": 1, "maxProperties": 1}


IncomingStage = Annotated[Stage, _StageOf("incoming")]
TransformStage = Annotated[Stage, _StageOf("transform")]
OutgoingStage = Annotated[Stage, _StageOf("outgoing")]
ListenStage = Annotated[Stage, _StageOf("listen")]
