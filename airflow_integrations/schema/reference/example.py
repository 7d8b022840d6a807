"""Examples of options as whole route files, so that the loader can say whether they are true."""

from __future__ import annotations

from typing import Any, Literal

from airflow_integrations.config.option_doc import OptionDoc
from airflow_integrations.route_files.parser import parse
from airflow_integrations.schema.reference.blocks import Block
from airflow_integrations.schema.reference.options import Option, block_doc, options

__all__ = ["example_route", "example_text", "value_of"]

Json = dict[str, Any]
Beside = Literal["needed", "whole", "own"]


def value_of(doc: OptionDoc) -> Any:
    """The example as data. Raises ValueError where it cannot be read as YAML, or where there is none."""
    if doc.example is None:
        raise ValueError("there is no example")
    node, mistakes = parse(doc.example.encode(), "example.yaml")
    if mistakes or node is None:
        raise ValueError(f"{doc.example!r} cannot be read as YAML: {'; '.join(map(str, mistakes))}")
    return node.plain()


def example_route(block: Block, written: Any, *, beside: Beside = "needed") -> Json:
    """A whole route with ``written`` in this block: the example of an option, or the block where it is one value.

    Beside it stands what the block needs, or the block's own example (``whole``). The same holds for the blocks around
    it, with the examples of the options that lead there; with ``own`` there stands of a kind only what it needs.
    Raises ValueError as :func:`value_of` does.
    """
    if isinstance(written, dict) and options(block.model):
        written = (_needed(block) if beside == "needed" else _whole(block)) | written
    while block.outer is not None and block.option is not None:
        for step in reversed(block.steps[len(block.outer.steps) + 1 :]):
            written = [written] if step == "[]" else {"name" if step == "{}" else step: written}
        needed = beside == "needed" or (beside == "own" and block.outer.kind is not None)
        around = _needed(block.outer) if needed else _whole(block.outer)
        written = around | _example(block.option) | {block.option.name: written}
        block = block.outer
    route = _needed(block) | dict(written)
    if "incoming" in route or "trigger" in route:
        return route
    return route | _example(next(option for option in options(block.model) if option.name == "incoming"))


def _whole(block: Block) -> Json:
    """The example of the whole block: its own, or that of the option which it stands under."""
    doc = block_doc(block.model)
    if doc.example is not None:
        return dict(value_of(doc))
    if block.variant is not None:
        return _needed(block)
    value: Any = _example(block.option)[block.option.name] if block.option is not None else {}
    for step in block.steps[len(block.outer.steps) + 1 :] if block.outer is not None else ():
        value = value[0] if step == "[]" else next(iter(value.values())) if step == "{}" else value.get(step, {})
    return dict(value) if isinstance(value, dict) else _needed(block)


def _example(option: Option) -> Json:
    value: Any = value_of(option.doc)
    if not isinstance(value, dict) or option.name not in value:
        raise ValueError(f"the example of {option.name} does not begin with {option.name}:")
    return dict(value)


def _needed(block: Block) -> Json:
    """The options without which the block is none, from their own examples."""
    found: Json = {}
    for option in options(block.model):
        if option.required and not (block.variant and option.name == block.variant[0]):
            found[option.name] = _example(option)[option.name]
    return {**found, **dict([block.variant] if block.variant else [])}


def example_text(block: Block, example: str) -> str:
    """The example of a whole block, as YAML from the top of the file on."""
    lines = example.splitlines()
    for written in reversed(block.steps):
        step = "name" if written == "{}" else written
        if step == "[]":
            lines = [f"- {lines[0]}", *(f"  {line}" for line in lines[1:])]
        elif len(lines) == 1 and not _opens(lines[0]):
            lines = [f"{step}: {lines[0]}"]
        else:
            lines = [f"{step}:", *(f"  {line}" for line in lines)]
    return "\n".join(lines)


def _opens(line: str) -> bool:
    """Whether a line is an entry of a mapping or of a list."""
    node, _ = parse(line.encode(), "example.yaml")
    return line.startswith("- ") or (node is not None and isinstance(node.plain(), dict) and not line.startswith("{"))
