"""The options of a model: names, types, defaults and documentation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import NoneType
from typing import Any, get_type_hints

from pydantic import BaseModel, RootModel

from airflow_integrations.config.field_docs import field_docs
from airflow_integrations.config.option_doc import OptionDoc, option_doc

__all__ = ["Option", "block_doc", "options", "root_hint"]


@dataclass(frozen=True, slots=True)
class Option:
    """``owner`` is the class that defines the option, ``hint`` its annotation with all that ``Annotated`` says."""

    name: str
    owner: type
    hint: Any
    required: bool
    default: Any
    doc: OptionDoc


@cache
def options(model: type[BaseModel]) -> tuple[Option, ...]:
    """The options of a model, its own before those it inherits; none of a model that is one value."""
    if issubclass(model, RootModel):
        return ()
    docs, hints, fields = field_docs(model), get_type_hints(model, include_extras=True), model.model_fields
    return tuple(
        Option(
            fields[name].alias or name,
            owner,
            hints[name],
            fields[name].is_required(),
            fields[name].get_default(call_default_factory=True, validated_data={}),
            option_doc(fields[name].description or docs.get(name, "")),
        )
        for name, owner in _owners(model)
        if fields[name].annotation is not NoneType  # inherited, and of no use here
    )


def _owners(model: type[BaseModel]) -> Iterator[tuple[str, type]]:
    seen: set[str] = set()
    for owner in model.__mro__:
        for name in vars(owner).get("__annotations__", {}):
            if name in model.model_fields and name not in seen:
                seen.add(name)
                yield name, owner


def block_doc(model: type) -> OptionDoc:
    """The documentation of a whole block: the docstring of its class."""
    return option_doc(vars(model).get("__doc__") or "")


def root_hint(model: type[BaseModel]) -> Any:
    """The annotation of the one value that the model is."""
    for owner in model.__mro__:
        given = vars(owner).get("__pydantic_generic_metadata__", {}).get("args")
        if given:
            return given[0]
    return model.model_fields["root"].annotation
