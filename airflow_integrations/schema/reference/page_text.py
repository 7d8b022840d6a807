"""The text of one page of the reference."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from airflow_integrations.config.option_doc import OptionDoc
from airflow_integrations.schema.reference.blocks import Block, inner_blocks
from airflow_integrations.schema.reference.example import example_text
from airflow_integrations.schema.reference.options import Option, block_doc, options, root_hint
from airflow_integrations.schema.reference.type_words import default_words, type_words

__all__ = ["anchor", "page_text", "plain"]

Address = Callable[[Block], str]
"""Where a block's options are listed: ``#options-of-retry``, ``formats.md#options-of-csv``."""


def page_text(root: str, blocks: Sequence[Block], chosen: Callable[[Block, Option], bool], address: Address) -> str:
    """The sections of a page. ``root`` is the place of the block that the page is about: names begin behind it."""
    told: dict[tuple[type, str], str] = {}
    return "\n".join(line for block in blocks for line in _section(root, block, chosen, address, told))


def _section(
    root: str,
    block: Block,
    chosen: Callable[[Block, Option], bool],
    address: Address,
    told: dict[tuple[type, str], str],
) -> Iterator[str]:
    if heading := section_title(root, block):
        yield from (f"## {heading}", "")
    for doc in _block_docs(block) if all(chosen(block, option) for option in options(block.model)) else ():
        yield from (plain(doc.text), "")
        if doc.example is not None:
            yield from ("```yaml", example_text(block, doc.example), "```", "")
    if not options(block.model) and "root" in block.model.model_fields:
        yield from (f"*{_sentence(type_words(root_hint(block.model)))}*", "")
    as_before = []
    for option in options(block.model):
        if not chosen(block, option) or block.variant == (option.name, block.variant and block.variant[1]):
            continue
        if before := told.get((option.owner, option.name)):
            as_before.append(f"[`{option.name}`](#{anchor(before)})")
            continue
        title = told[option.owner, option.name] = _option_title(root, block, option)
        yield from _entry(title, block, option, address)
    if as_before:
        yield from (f"As above: {', '.join(as_before)}.", "")


def section_title(root: str, block: Block) -> str:
    """The heading of a block's section; nothing for the block that the page is about."""
    name = _below(root, block.place)
    if not name:
        return ""
    if block.kind is not None:
        return f"`{name}`"
    variant = f" with `{block.variant[0]}: {block.variant[1]}`" if block.variant else ""
    return f"Options of `{name}`{variant}"


def _below(root: str, place: str) -> str:
    return place.removeprefix(root).removeprefix(".")


def _block_docs(block: Block) -> Iterator[OptionDoc]:
    """What its class says; of a step of transform also what the step itself says."""
    if block.kind is not None and block.kind[0] == "transform":
        from airflow_integrations.route.registry import resolve

        yield block_doc(resolve(*block.kind))
    yield block_doc(block.model)


def _option_title(root: str, block: Block, option: Option) -> str:
    name = _below(root, f"{block.place}.{option.name}" if block.place else option.name)
    return f"`{name}`" + (f" with `{block.variant[0]}: {block.variant[1]}`" if block.variant else "")


def _entry(title: str, block: Block, option: Option, address: Address) -> Iterator[str]:
    yield from (f"### {title}", "", f"*{_sentence(type_words(option.hint))[:-1]}; {default_words(option)}.*", "")
    yield from (plain(option.doc.text), "")
    links = [(inner, address(inner)) for inner in inner_blocks(block) if inner.option == option]
    if listed := [f"[{_link_text(inner)}]({where})" for inner, where in links if where]:
        yield from (f"Options: {', '.join(dict.fromkeys(listed))}.", "")
    if option.doc.example is not None:
        if "\n" in option.doc.example:
            yield from ("```yaml", option.doc.example, "```", "")
        else:
            yield from (f"Example: `{option.doc.example}`", "")
    if option.doc.since is not None:
        yield from (f"Since version {option.doc.since}.", "")


def _link_text(block: Block) -> str:
    if block.variant:
        return f"`{block.variant[0]}: {block.variant[1]}`"
    return f"`{block.kind[1] if block.kind else block.place.rpartition('.')[2]}`"


def plain(text: str) -> str:
    """A docstring as Markdown."""
    return text.replace("``", "`")


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def anchor(heading: str) -> str:
    """What a site's generator and a forge make of a heading to link to it."""
    return re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")
