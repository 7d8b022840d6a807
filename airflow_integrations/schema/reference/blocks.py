"""The blocks of a route file: every model with the place where a route writes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel

from airflow_integrations.route import registry
from airflow_integrations.route.definition import Route
from airflow_integrations.route.registry import Part
from airflow_integrations.schema.reference.options import Option, options

__all__ = ["Block", "all_blocks", "inner_blocks"]

_OWN = "airflow_integrations."


@dataclass(frozen=True, slots=True)
class Block:
    """``steps`` leads from the top of the file to it: names, ``[]`` for an element of a list and ``{}`` for an
    entry of a mapping with names of the author's choice.

    ``outer`` is the block around it and ``option`` the option of that block under which it stands; ``kind`` is set for
    the options of a kind.
    """

    model: type[BaseModel]
    steps: tuple[str, ...] = ()
    outer: Block | None = None
    option: Option | None = None
    kind: tuple[Part, str] | None = None

    @property
    def place(self) -> str:
        """``outgoing.http.upsert``."""
        return ".".join(step for step in self.steps if step not in ("[]", "{}"))

    @property
    def variant(self) -> tuple[str, Any] | None:
        """The option with one possible value that tells the block from others at its place: ``style``, ``cursor``."""
        for option in options(self.model):
            if option.name == "style" and len(values := get_args(option.hint)) == 1:
                return option.name, values[0]
        return None


def all_blocks() -> Iterator[Block]:
    """The route and everything in it, in the order of the models. A block in itself is told once."""
    yield from _with_inner(Block(Route))


def _with_inner(block: Block) -> Iterator[Block]:
    yield block
    for inner in inner_blocks(block):
        if inner.model is not block.model:
            yield from _with_inner(inner)


def inner_blocks(block: Block) -> Iterator[Block]:
    """The blocks right below this one."""
    for option in options(block.model):
        steps = (*block.steps, option.name)
        for model, within in _models(option.hint):
            if isinstance(model, type):
                yield Block(model, (*steps, *within), block, option)
            else:
                for kind in _kinds(model):
                    config = registry.resolve(model, kind).Config
                    yield Block(config, (*steps, *within, kind), block, option, (model, kind))


def _kinds(part: Part) -> list[str]:
    """The kinds that this package has, whatever else is installed."""
    return [kind for kind, place in registry.kinds(part).items() if place.startswith(_OWN)]


def _models(hint: Any) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Every model or part (its name) that an annotation mentions, with the steps that lead to it."""
    origin = get_origin(hint)
    if origin is Annotated:
        if part := next((found.part for found in get_args(hint)[1:] if hasattr(found, "part")), None):
            yield part, ()
        else:
            yield from _models(get_args(hint)[0])
    elif isinstance(hint, type) and issubclass(hint, BaseModel):
        yield hint, ()
    elif origin is not None:
        for inner in get_args(hint):
            for model, within in _models(inner):
                step = "[]" if origin in (tuple, list) else "{}" if origin is dict else None
                yield model, ((step, *within) if step else within)
