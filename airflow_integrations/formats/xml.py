"""XML to plain values. No entities, no network, no huge trees.

An element becomes an object: attributes as ``@name``, text as ``#text``, children by their names without namespace.
Children of one name become a list where there are several; names in ``list`` are lists always.
An element with text alone is that text; an empty one is null, and so is one with xsi:nil="true".
"""

from __future__ import annotations

import contextlib
import re
from codecs import BOM_UTF8
from typing import Any

from lxml import etree

from airflow_integrations.formats import ContentError, bad_record
from airflow_integrations.formats.options import XmlOptions, XmlRead
from airflow_integrations.formats.text import Transcoding, is_marked, is_utf_8

__all__ = ["MAX_ATTRIBUTES", "MAX_DEPTH", "MAX_ELEMENTS", "XmlReader", "read"]

MAX_DEPTH = 100
MAX_ATTRIBUTES = 500
"""Of one element."""
MAX_ELEMENTS = 1_000_000
"""Of one record, or of a document that is read as a whole: they are counted before the tree is complete."""
MAX_PROLOG = 16 * 1024
"""Bytes before the root element: work on what is declared there is quadratic in libxml2."""
PIECE = 16 * 1024
"""Bytes that the parser is given at once."""
_BEHIND = (
    ". Nothing behind such a place is read: where the next record begins, nobody can tell for sure. Have the source "
    "correct it"
)
_BEFORE = re.compile(rb"(?:[ \t\r\n]|\xef\xbb\xbf)*")
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?\sencoding\s*=""")

_NIL = frozenset(
    f"{{http://www.w3.org/{draft}/XMLSchema-instance}}{name}"
    for draft, name in (("2001", "nil"), ("2000/10", "nil"), ("1999", "nil"), ("1999", "null"))
)
"""Of XML Schema and of its drafts, which old SOAP services still write; that of 1999 called it ``null``."""


def read(
    content: bytes, options: XmlOptions | None = None, *, encoding: str | None = None, charset: str | None = None
) -> Any:
    """A whole document: the list of its records, or ``{root: …}`` where ``record`` is not set. Raises ContentError."""
    reader = XmlReader(options, encoding=encoding, charset=charset)
    records = reader.feed(content)
    records += reader.finish()
    return records if options and options.record else (records[0] if records else None)


class XmlReader:
    """Reads elements as they are completed. A record inside a record belongs to the outer one.

    Without ``record`` there is one record, the whole document.
    """

    def __init__(
        self,
        options: XmlOptions | None = None,
        *,
        encoding: str | None = None,
        charset: str | None = None,
        rejects: bool = False,
    ) -> None:
        """``encoding`` counts more than what the document declares, ``charset`` less; a byte order mark counts most.
        ``rejects``: a record that is well-formed and cannot become a value becomes a BadRecord."""
        self._encoding = encoding
        self._charset = charset
        self._rejects = rejects
        self._text: Transcoding | None = None
        self._start = b""
        self._marked = False
        """Whether the content began with the mark of UTF-8."""
        self._has_type = False
        """Whether it has a DTD: libxml2 then takes undeclared entities for declared ones, and leaves them out."""
        self._prolog = 0
        """Bytes before the root element."""
        self._options = options or XmlOptions()
        self._schema = _schema_of(self._options)
        self._lists = frozenset(self._options.list)
        self._parser: Any = None
        self._depth = 0
        self._inside: int | None = None
        """The depth of the record that is open."""
        self._found = False
        """Whether a record or the container has been there."""
        self._root = ""
        self._tag = ""
        """Of the first record, with its namespace."""
        self._elements = 0
        """In the record that is open."""
        self._count = 0
        """Records that were there."""
        self._fault: ContentError | None = None
        """Why nothing more can be read, behind records that were handed out."""
        self._prefixes = {uri: prefix for prefix, uri in self._options.namespaces.items()}

    def feed(self, chunk: bytes) -> list[Any]:
        if self._parser is None:
            self._hold(chunk)
            if not _is_begun(self._start):
                return []
            chunk = self._begin()
        return self._read(chunk)

    def finish(self) -> list[Any]:
        records: list[Any] = []
        if self._parser is None:
            if not self._start:
                raise ContentError("the content is not XML: it is empty")
            records += self._read(self._begin())
        if self._fault is not None:
            raise self._fault
        if self._text is not None:
            records += self._parsed(self._text.feed(b"", last=True))
        try:
            self._parser.close()
            records += self._records()
        except etree.XMLSyntaxError as error:
            raise ContentError(f"the content is not XML, or it ends in the middle: {self._explain(error)}") from None
        if not self._found:
            raise ContentError(self._nothing_expected())
        return records

    def beginning(self, start: bytes) -> Any:
        """What the beginning of a document has before its first record, as a document without ``record`` is read.

        None where that cannot be told. For a reader that is then used for nothing else.
        """
        self._hold(start)
        chunk = self._begin()
        root = None
        with contextlib.suppress(etree.XMLSyntaxError):  # up to there it can be read
            self._parser.feed(chunk if self._text is None else self._text.feed(chunk))
        with contextlib.suppress(etree.XMLSyntaxError):
            for _, element in self._parser.read_events():
                is_record = self._called(element.tag) == self._options.record
                if root is None:
                    root = None if is_record else element
                    if is_record:
                        break
                elif is_record:
                    _cut_off(element)
                    break
        return None if root is None else {self._called(root.tag): self._value(root)}

    def _hold(self, chunk: bytes) -> None:
        """Some servers put line breaks before the declaration, or a mark, or two."""
        start = self._start + chunk
        found = _BEFORE.match(start)
        assert found is not None
        self._marked = self._marked or BOM_UTF8 in found[0]
        self._start = start[found.end() :]

    def _begin(self) -> bytes:
        """The parser, once it is known which encoding the content is in; gives what came until then."""
        start, self._start = self._start, b""
        marked = self._marked or is_marked(start)
        if marked and not self._marked:
            self._text = Transcoding()
        named = None if marked else self._encoding or (None if _DECLARED.match(start) else self._charset)
        if not is_utf_8(named):
            self._text = Transcoding(named)
        self._parser = etree.XMLPullParser(
            events=("start", "end"),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            dtd_validation=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
            encoding="utf-8" if marked or named is not None else None,
        )
        return start

    def _read(self, chunk: bytes) -> list[Any]:
        return self._parsed(chunk if self._text is None else self._text.feed(chunk))

    def _parsed(self, chunk: bytes) -> list[Any]:
        records: list[Any] = []
        if self._fault is not None:
            raise self._fault
        try:
            for at in range(0, len(chunk), PIECE):
                self._parser.feed(chunk[at : at + PIECE])
                records += self._records()
                if self._has_type and (why := self._undeclared()) is not None:
                    raise ContentError(why)
                if not self._root:
                    self._prolog += min(PIECE, len(chunk) - at)
                    if self._prolog >= MAX_PROLOG:
                        raise ContentError(f"the XML has over {MAX_PROLOG:,} bytes before its root element")
        except etree.XMLSyntaxError as error:
            if "xcessive depth" in str(error):  # libxml2's own bound, which it checks before we see an element
                raise ContentError(f"the XML is nested more than {MAX_DEPTH} deep") from None
            self._fault = ContentError(f"the content is not XML: {self._explain(error)}{_BEHIND}")
            with contextlib.suppress(etree.XMLSyntaxError):
                records += self._records()  # those before it are whole
            if not records:
                raise self._fault from None
        return records

    def _explain(self, error: etree.XMLSyntaxError) -> str:
        return self._undeclared() or str(error)  # what close raises names the consequence alone

    def _undeclared(self) -> str | None:
        """What is wrong where the document refers to an entity that it does not declare."""
        entities = [entry.message for entry in self._parser.feed_error_log if entry.message.startswith("Entity '")]
        if not entities:
            return None
        return (
            f"{entities[0]}. XML knows &amp; &lt; &gt; &quot; and &apos; alone: the source has to write others, "
            "such as &nbsp;, as numbers (&#160;) or as the character itself"
        )

    def _nothing_expected(self) -> str:
        """An error message or a SOAP fault has no record either: it must not read as *nothing new*."""
        options = self._options
        if options.container is not None:
            wanted = f"neither {options.record!r} nor the container {options.container!r}"
            return f"the XML has {wanted}: {self._root!r} came"
        return (
            f"the XML has no {options.record!r}: {self._root!r} came. Is it an error message? Where it is the source's "
            f"way to say that there are none, name the element that holds them: xml: {{container: {self._root}}}"
        )

    def _records(self) -> list[Any]:
        records: list[Any] = []
        wanted = self._options.record
        for event, element in self._parser.read_events():
            if event == "start":
                self._open(element, wanted)
                continue
            if self._inside == self._depth:
                self._inside = None
                self._elements = 0
                self._count += 1
                records.append(self._record(element) if wanted else self._document(element))
            if self._inside is None:
                _forget(element)
            self._depth -= 1
        return records

    def _record(self, element: Any) -> Any:
        if not self._rejects:
            return self._record_value(element)
        try:
            return self._record_value(element)
        except ContentError as error:
            text = etree.tostring(element, encoding="unicode", with_tail=False)
            return bad_record(f"record {self._count}: {error}", text)

    def _document(self, element: Any) -> Any:
        self._require_valid(element)
        return {self._called(element.tag): self._value(element)}

    def _require_valid(self, element: Any) -> None:
        if self._schema is not None and (why := self._schema.fault(element)) is not None:
            raise ContentError(why)

    def _record_value(self, element: Any) -> Any:
        """Raises ContentError for what has the name of the records and is of another namespace than the first one."""
        tag: str = element.tag
        self._tag = self._tag or tag
        if tag != self._tag:
            uri = _uri(tag) or _uri(self._tag)
            raise ContentError(
                f"there are two kinds of {self._called(tag)!r}, of different namespaces: {self._tag!r} and {tag!r}; "
                f"give one of them a prefix: xml: {{namespaces: {{x: {uri}}}}}"
            )
        self._require_valid(element)
        return self._value(element)

    def _open(self, element: Any, wanted: str | None) -> None:
        if self._depth == 0:
            document_type = element.getroottree().docinfo.internalDTD
            self._has_type = document_type is not None
            if document_type is not None and any(True for _ in document_type.iterentities()):
                raise ContentError("the XML declares entities; they are not accepted")
            self._root = self._called(element.tag)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ContentError(f"the XML is nested more than {MAX_DEPTH} deep")
        if self._inside is not None:
            self._elements += 1
            if self._elements > MAX_ELEMENTS:
                raise ContentError(f"the XML has over {MAX_ELEMENTS:,} elements in one record; name xml.record")
            return
        name = self._called(element.tag)
        if wanted is None or name == wanted:
            self._inside = self._depth
            self._found = True
        elif name == self._options.container:
            self._found = True

    def _called(self, name: str) -> str:
        """A name as records have it: the local one, behind the prefix that the route gives to its namespace."""
        uri, brace, local = name.rpartition("}")
        prefix = self._prefixes.get(uri[1:]) if brace and self._prefixes else None
        return f"{prefix}:{local}" if prefix else local

    def _child_name(self, child: Any, tags: dict[str, str]) -> str:
        """Raises ContentError where a sibling of another namespace has the same name: they would become one list."""
        tag: str = child.tag
        name = self._called(tag)
        if tags.setdefault(name, tag) != tag:
            uri = _uri(tag) or _uri(tags[name])
            raise ContentError(
                f"{self._called(child.getparent().tag)!r} has two kinds of {name!r}, of different namespaces: "
                f"{tags[name]!r} and {tag!r}; give one of them a prefix: xml: {{namespaces: {{x: {uri}}}}}"
            )
        return name

    def _value(self, element: Any) -> Any:
        if len(element.attrib) > MAX_ATTRIBUTES:
            raise ContentError(f"element {self._called(element.tag)!r} has over {MAX_ATTRIBUTES} attributes")
        value: dict[str, Any] = {}
        for name, text in element.attrib.items():
            if name in _NIL:
                if text.strip() in ("true", "1"):
                    return None
                continue
            if (short := f"@{self._called(name)}") in value:
                raise ContentError(
                    f"element {self._called(element.tag)!r} has two attributes {short[1:]!r} of different namespaces; "
                    "give prefixes to their namespaces in xml.namespaces to tell them apart"
                )
            value[short] = text
        texts = [element.text or ""]
        tags: dict[str, str] = {}
        for child in element:
            if not isinstance(child.tag, str):
                raise ContentError(self._undeclared() or "the XML refers to an entity that it does not declare")
            name = self._child_name(child, tags)
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


def _schema_of(options: XmlOptions) -> Any:
    """The Xsd of elements; None without one. Raises ContentError where it cannot be read any more."""
    if not isinstance(options, XmlRead) or options.schema_ is None:
        return None
    from airflow_integrations.formats.xsd import load

    try:
        return load(options.schema_.path, options.schema_.root)
    except (ValueError, OSError) as error:
        raise ContentError(f"xml.schema: {error}") from None


def _is_begun(start: bytes) -> bool:
    """Whether the declaration, if there is one, has come as a whole."""
    if BOM_UTF8.startswith(start):
        return False
    if is_marked(start):
        return len(start) >= 4  # UTF-32 has a mark of four bytes
    if start.startswith(b"<?xml"):
        return b"?>" in start[:1024] or len(start) > 1024
    return bool(start) and not b"<?xml".startswith(start)


def _uri(tag: str) -> str:
    return tag[1:].rpartition("}")[0]


def _cut_off(element: Any) -> None:
    """Take the element and all that stands behind it out of its document."""
    at, parent = element, element.getparent()
    while parent is not None:
        for sibling in list(at.itersiblings()):
            parent.remove(sibling)
        at, parent = parent, parent.getparent()
    element.getparent().remove(element)


def _forget(element: Any) -> None:
    """Give back the memory of what was read: the element's content and its siblings before it."""
    element.clear()
    parent = element.getparent()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]
