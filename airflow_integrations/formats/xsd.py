"""XML Schema (XSD) for elements that are read, each by itself.

A schema comes from whoever writes routes; what is held against it does not. No file is opened but the schema, and what
it names in the routes folder: libxml2 follows no ``xsi:schemaLocation`` of a document.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from lxml import etree

__all__ = ["Xsd", "files_of", "load"]

XS = "{http://www.w3.org/2001/XMLSchema}"
MAX_FILES = 200
"""Of one schema: UBL has about 50."""
MAX_BYTES = 16 * 1024 * 1024
"""Of all files of one schema."""
MAX_REASONS = 5
"""Reasons that are told of one element."""


class Xsd:
    """A compiled schema, with the local names of the elements that it declares globally."""

    def __init__(self, schema: Any, names: frozenset[str]) -> None:
        self._schema = schema
        self._one_by_one = Lock()  # lxml keeps what it found at the schema
        self.names = names

    def fault(self, element: Any) -> str | None:
        """What breaks the schema in an element and all that it holds; None where it is valid."""
        try:
            with self._one_by_one:
                self._schema.assertValid(element)
        except etree.DocumentInvalid as error:
            errors = list(error.error_log)
        else:
            return None
        told = [f"line {each.line}: {_printable(each.message)}" for each in errors[:MAX_REASONS]]
        return "; ".join(told + ["and more"] * (len(errors) > MAX_REASONS)) or "it breaks the schema"


def load(path: Path, root: Path) -> Xsd:
    """The schema in a file, with what it names. Raises ValueError that says what is wrong with it, and where."""
    files = files_of(path, root)
    return _compiled(files[0], tuple((each, each.stat().st_mtime_ns) for each in files))


@lru_cache(maxsize=64)
def _compiled(path: Path, files: tuple[tuple[Path, int], ...]) -> Xsd:
    found = [child.get("name") for each, _ in files for child in _parsed(each).iterchildren(f"{XS}element")]
    try:
        return Xsd(etree.XMLSchema(_parsed(path)), frozenset(name for name in found if name))
    except etree.XMLSchemaParseError as error:
        raise ValueError(f"{path.name} is not a schema: {_printable(str(error))}") from None


def files_of(path: Path, root: Path) -> list[Path]:
    """A schema's files: itself, and what it includes and imports from there. Raises ValueError where one of them leaves
    ``root``, is missing, or cannot be read."""
    found: dict[Path, None] = {}
    waiting, size, base = [path.resolve()], 0, root.resolve()
    while waiting:
        each = waiting.pop()
        if each in found:
            continue
        if not each.is_relative_to(base):
            raise ValueError(f"{each.name} lies outside of the routes folder; put it under {base.name}/")
        if not each.is_file():
            raise ValueError(f"the schema includes or imports {each.relative_to(base)}, and that file is missing")
        found[each] = None
        size += each.stat().st_size
        if len(found) > MAX_FILES or size > MAX_BYTES:
            raise ValueError(f"the schema has over {MAX_FILES} files or {MAX_BYTES:,} bytes")
        waiting += _named(each)
    return list(found)


def _named(path: Path) -> Iterator[Path]:
    for child in _parsed(path).iterchildren(f"{XS}include", f"{XS}import", f"{XS}redefine", f"{XS}override"):
        location = child.get("schemaLocation")
        if location is None:
            continue
        if ":" in location or location.startswith(("/", "\\")) or "%" in location:
            raise ValueError(
                f"{path.name}:{child.sourceline}: schemaLocation {_printable(location)!r} is not a file beside it; "
                "save that schema in the routes folder, and write its relative path"
            )
        yield (path.parent / location).resolve()


def _parsed(path: Path) -> Any:
    """The root element. Raises ValueError."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        tree = etree.parse(str(path), parser)
    except (etree.XMLSyntaxError, OSError) as error:
        raise ValueError(f"{path.name} is not XML: {_printable(str(error))}") from None
    if tree.docinfo.internalDTD is not None:
        raise ValueError(f"{path.name} has a DTD (<!DOCTYPE); take it out")
    if tree.getroot().tag != f"{XS}schema":
        raise ValueError(f"{path.name} is not an XML Schema: its root is {_printable(str(tree.getroot().tag))!r}")
    return tree.getroot()


def _printable(text: str) -> str:
    """Bounded, and without control characters: values in it come from payloads."""
    shown = text[:300] + ("…" if len(text) > 300 else "")
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in shown)
