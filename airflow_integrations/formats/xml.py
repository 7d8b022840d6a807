"""XML to plain values. No entities, no network, no huge trees.

An element becomes an object: attributes as ``@name``, text as ``#text``, children by their names without namespace.
Children of one name become a list where there are several; names in ``list`` are lists always.
An element with text alone is that text; an empty one is null.
"""

from __future__ import annotations

from typing import Any

from lxml import etree

from airflow_integrations.formats import ContentError
from airflow_integrations.formats.options import XmlOptions

__all__ = ["MAX_DEPTH", "XmlReader", "read"]

MAX_DEPTH = 100


def read(content: bytes, options: XmlOptions | None = None) -> Any:
    """A whole document: the list of its records, or ``{root: …}`` where ``record`` is not set. Raises ContentError."""
    reader = XmlReader(options)
    records = reader.feed(content)
    records += reader.finish()
    return records if options and options.record else (records[0] if records else None)


class XmlReader:
    """Reads elements as they are completed. A record inside a record belongs to the outer one.

    Without ``record`` there is one record, the whole document.
    """

    def __init__(self, options: XmlOptions | None = None) -> None:
        self._options = options or XmlOptions()
        self._lists = frozenset(self._options.list)
        self._parser = etree.XMLPullParser(
            events=("start", "end"),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            dtd_validation=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        self._depth = 0
        self._inside: int | None = None
        """The depth of the record that is open."""
        self._begun = False

    def feed(self, chunk: bytes) -> list[Any]:
        if not chunk:
            return []
        if not self._begun:
            chunk = chunk.lstrip()  # some servers put a line break before the declaration
            if not chunk:
                return []
            self._begun = True
        try:
            self._parser.feed(chunk)
            return self._records()
        except etree.XMLSyntaxError as error:
            if "xcessive depth" in str(error):  # libxml2's own bound, which it checks before we see an element
                raise ContentError(f"the XML is nested more than {MAX_DEPTH} deep") from None
            raise ContentError(f"the content is not XML: {error}") from None

    def finish(self) -> list[Any]:
        if not self._begun:
            raise ContentError("the content is not XML: it is empty")
        try:
            self._parser.close()
            return self._records()
        except etree.XMLSyntaxError as error:
            raise ContentError(f"the content is not XML, or it ends in the middle: {error}") from None

    def _records(self) -> list[Any]:
        records: list[Any] = []
        wanted = self._options.record
        for event, element in self._parser.read_events():
            if event == "start":
                self._open(element, wanted)
                continue
            if self._inside == self._depth:
                self._inside = None
                value = self._value(element)
                records.append(value if wanted else {_name(element): value})
            if self._inside is None:
                _forget(element)
            self._depth -= 1
        return records

    def _open(self, element: Any, wanted: str | None) -> None:
        if self._depth == 0:
            document_type = element.getroottree().docinfo.internalDTD
            if document_type is not None and any(True for _ in document_type.iterentities()):
                raise ContentError("the XML declares entities; they are not accepted")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ContentError(f"the XML is nested more than {MAX_DEPTH} deep")
        if self._inside is None and (wanted is None or _name(element) == wanted):
            self._inside = self._depth

    def _value(self, element: Any) -> Any:
        value: dict[str, Any] = {f"@{_local(name)}": text for name, text in element.attrib.items()}
        texts = [element.text or ""]
        for child in element:
            if not isinstance(child.tag, str):
                raise ContentError("the XML refers to an entity that it does not declare")
            name = _name(child)
            inner = self._value(child)
            if name not in value:
                value[name] = [inner] if name in self._lists else inner
            elif isinstance(value[name], list):
                value[name].append(inner)
            else:
                value[name] = [value[name], inner]
            texts.append(child.tail or "")
        text = "".join(texts)
        if not value:
            return text or None
        if text.strip():
            value["#text"] = text
        return value


def _name(element: Any) -> str:
    return _local(element.tag)


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _forget(element: Any) -> None:
    """Give back the memory of what was read: the element's content and its siblings before it."""
    element.clear()
    parent = element.getparent()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]
