"""Records to XML, an element each."""

from __future__ import annotations

import codecs
from decimal import Decimal
from typing import IO, Any

from airflow_integrations.errors import EntityError
from airflow_integrations.formats.json import encode
from airflow_integrations.formats.text import unwritable_in_xml
from airflow_integrations.formats.writing import Record
from airflow_integrations.formats.writing.cells import encoded_text, object_of
from airflow_integrations.formats.writing.totals import Totals
from airflow_integrations.formats.writing.xml_names import (
    XmlNameError,
    attribute_text,
    check_name,
    element_text,
)
from airflow_integrations.formats.writing.xml_options import XmlOutput, declared_encoding

__all__ = ["XmlWriter"]

MAX_DEPTH = 98
"""Elements in a record that stand in one another: readers, ours too, take a hundred, with the root and a container."""
PLAIN_DIGITS = 1000
"""XML Schema's decimal has no exponent: it is written without one, up to this many places."""
_KNOWN = 10_000
"""Names that are remembered as checked. A hostile source may make up a new one for each entity."""


class XmlWriter:
    """See :class:`XmlOutput`. Well-formed whatever the records hold: one that XML cannot hold is refused alone."""

    def __init__(self, out: IO[bytes], options: XmlOutput) -> None:
        self._out, self._options = out, options
        self._totals = Totals(cell.sum for cell in options.footer.values())
        self._prefixes = options.prefixes
        self._known: set[str] = set()
        name = codecs.lookup(options.encoding).name
        self._ascii_names = None if name.startswith("utf") else name
        self._encode = codecs.getincrementalencoder(name)("xmlcharrefreplace").encode
        head = f'<?xml version="1.0" encoding="{declared_encoding(name)}"?>\n'
        self._out.write(self._encode(head + (self._beginning() if options.record is not None else "")))

    def add(self, record: Record) -> None:
        value = object_of(record.value, "a record of XML")
        text = self._document(value) if self._options.record is None else self._record(self._options.record, value)
        totals = self._totals.of(value)
        self._out.write(self._encode(text))
        self._totals.add(totals)

    def finish(self) -> None:
        options = self._options
        if options.record is None:
            self._out.write(
                self._encode("\n" if self._totals.records else f"<{options.root}{self._attributes()}/>\n", True)
            )
            return
        text = "" if options.container is None else f"\n</{options.container}>"
        for name, cell in options.footer.items():
            text += f"\n<{name}>{element_text(_text_of(self._totals.value(cell, 0)))}</{name}>"
        self._out.write(self._encode(f"{text}\n</{options.root}>\n", True))

    def _record(self, name: str, value: dict[str, Any]) -> str:
        return "".join(["\n", *self._element(name, value, [])])

    def _document(self, value: dict[str, Any]) -> str:
        """The root that the one record is."""
        if self._totals.records:
            raise EntityError("the document is one record (xml.record: null), and it has one already")
        for name in self._options.attributes:
            if f"@{name}" in value:
                raise EntityError("the root has this attribute already, by xml.attributes", field=f"@{name}")
        begin, *others = self._element(self._options.root, value, [])
        return "".join([begin, self._attributes(), *others])

    def _attributes(self) -> str:
        """Those of the root, with its namespaces."""
        options = self._options
        attributes = {"xmlns": options.namespace} if options.namespace is not None else {}
        attributes |= {f"xmlns:{prefix}": uri for prefix, uri in options.declared.items()} | options.attributes
        return "".join(f' {name}="{attribute_text(text)}"' for name, text in attributes.items())

    def _beginning(self) -> str:
        options = self._options
        text = f"<{options.root}{self._attributes()}>"
        text += "".join(f"\n<{name}>{element_text(text)}</{name}>" for name, text in options.header.items())
        return text + (f"\n<{options.container}>" if options.container is not None else "")

    def _element(self, name: str, value: Any, path: list[str]) -> list[str]:
        """The pieces of its text; ``path`` is where it stands in the record. Raises EntityError."""
        if value is None:
            return self._null(name)
        if not isinstance(value, dict):
            text = element_text(self._text(value, path))
            return [f"<{name}>{text}</{name}>" if text else f"<{name}/>"]
        if len(path) >= MAX_DEPTH:
            raise EntityError(f"the record is nested over {MAX_DEPTH} deep", field=_shown(path))
        begin, inner = [f"<{name}"], []
        for key, each in value.items():
            place = [*path, key]
            if key == "#text":
                if each is not None:
                    inner.append(element_text(self._text(each, place)))
            elif key[:1] == "@":
                self._check(key[1:], place)
                if each is not None:
                    begin.append(f' {key[1:]}="{attribute_text(self._text(each, place))}"')
            else:
                self._check(key, place)
                inner += self._elements(key, each, place)
        if not any(inner):
            return [*begin, "/>"]
        return [*begin, ">", *inner, f"</{name}>"]

    def _elements(self, name: str, value: Any, path: list[str]) -> list[str]:
        """One, or one for each value of a list."""
        if not isinstance(value, list):
            return self._element(name, value, path)
        pieces: list[str] = []
        for at, each in enumerate(value):
            place = [*path[:-1], f"{path[-1]}[{at}]"]
            if isinstance(each, list):
                raise EntityError("a list stands in a list, and XML has no name for the inner one", field=_shown(place))
            pieces += self._element(name, each, place)
        return pieces

    def _null(self, name: str) -> list[str]:
        rule = self._options.nulls
        if rule == "omit":
            return []
        return [f'<{name} xsi:nil="true"/>' if rule == "nil" else f"<{name}/>"]

    def _text(self, value: Any, path: list[str]) -> str:
        if isinstance(value, (dict, list)):
            what = "an object" if isinstance(value, dict) else "a list"
            raise EntityError(f"it is {what}, and text is wanted", field=_shown(path))
        text = _text_of(value)
        if (character := unwritable_in_xml(text)) is not None:
            raise EntityError(f"it has the character {character!r}, which XML cannot hold", field=_shown(path))
        return text

    def _check(self, name: str, path: list[str]) -> None:
        if name in self._known:
            return
        try:
            check_name(name, self._prefixes)
            self._in_encoding(name)
        except XmlNameError as error:
            raise EntityError(str(error), field=_shown(path)) from None
        if len(self._known) < _KNOWN:
            self._known.add(name)

    def _in_encoding(self, name: str) -> None:
        if self._ascii_names is not None:  # a name cannot have a character by its number
            encoded_text(name, self._ascii_names)


def _text_of(value: Any) -> str:
    """Text as it is, numbers with all their digits."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= PLAIN_DIGITS:
        return format(value, "f")
    return encode(value).decode()


def _shown(path: list[str]) -> str:
    """``lines[2].@sku``, cut where a hostile name is long."""
    return ".".join(path)[:300]
