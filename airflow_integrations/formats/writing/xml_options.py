"""How XML is written."""

from __future__ import annotations

import codecs
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from airflow_integrations.config.model import Model, ShortForm
from airflow_integrations.formats.text import checked_encoding, unwritable_in_xml
from airflow_integrations.formats.writing.totals import FooterCell
from airflow_integrations.formats.writing.xml_names import NIL, PLAIN, XmlNameError, check_name

__all__ = ["XmlCell", "XmlOutput", "declared_encoding", "xml_encoding"]

_ASCII = "".join(map(chr, range(32, 127)))
_OWN = frozenset({"http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2000/xmlns/"})
_Prefix = Annotated[str, Field(pattern=PLAIN, max_length=100)]
_Uri = Annotated[str, Field(min_length=1, max_length=1000)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]


def xml_encoding(name: str) -> str:
    """An encoding that a declaration of XML can name. Raises ValueError for others."""
    name = checked_encoding(name)
    found = codecs.lookup(name).name
    if found not in ("utf-16", "utf-8-sig") and (
        _ASCII.encode(found) != _ASCII.encode() or found.startswith(("punycode", "idna"))
    ):
        raise ValueError(f"XML is not written in {name}; take utf-8, utf-16, or an encoding that has ASCII in it")
    return name


def declared_encoding(encoding: str) -> str:
    """The name that other programs know an encoding of Python by (IANA's character sets)."""
    if encoding.startswith("cp125"):
        return f"windows-{encoding[2:]}"
    if encoding.startswith("iso8859-"):
        return f"ISO-8859-{encoding[8:]}"
    return {"ascii": "US-ASCII", "utf-8-sig": "UTF-8"}.get(encoding, encoding.replace("_", "-").upper())


class XmlCell(ShortForm, FooterCell):
    """An element behind the records: a text, a count or a sum.

    Example: ``{sum: total}``
    """

    short_form: ClassVar[str] = "text"

    @model_validator(mode="after")
    def _counts_records(self) -> Self:
        if self.count not in (None, "records"):
            raise ValueError("XML has no lines to count; write count: records")
        return self


class XmlOutput(Model):
    """How XML is written. A record is an object: ``@name`` is an attribute, ``#text`` the text, a list is an element
    for each of its values, and elements stand in the order of the object's fields.

    Example:
        root: orders
        record: order
        namespace: "urn:example:orders"
        footer: {count: {count: records}}
    """

    root: _Name = "records"
    """The name of the outermost element.

    Example: ``root: orders``
    Since: 0.2
    """
    record: _Name | None = "record"
    """The name of the element that each entity becomes. ``null``: the entity is the root itself, and the document has
    no other.

    Example: ``record: order``
    Since: 0.2
    """
    container: _Name | None = None
    """An element in the root that holds the records. Left out: the root does.

    Example:
        root: message
        container: orders
        record: order
    Since: 0.2
    """
    namespace: _Uri | None = None
    """The namespace of all elements without a prefix.

    Example: ``namespace: "urn:example:orders"``
    Since: 0.2
    """
    namespaces: Annotated[dict[_Prefix, _Uri], Field(max_length=100)] = Field(default_factory=dict)
    """Prefixes and the namespaces that they stand for. Names such as ``inv:line`` are in these.

    Example: ``namespaces: {inv: "urn:example:invoice"}``
    Since: 0.2
    """
    attributes: Annotated[dict[_Name, str], Field(max_length=100)] = Field(default_factory=dict)
    """Attributes of the root.

    Example: ``attributes: {version: "1.0"}``
    Since: 0.2
    """
    header: Annotated[dict[_Name, str], Field(max_length=1000)] = Field(default_factory=dict)
    """Elements in the root before the records, each a text.

    Example: ``header: {sender: ERP}``
    Since: 0.2
    """
    footer: Annotated[dict[_Name, XmlCell], Field(max_length=1000)] = Field(default_factory=dict)
    """Elements in the root behind the records, each a text, ``{count: records}`` or ``{sum: total}``.

    Example: ``footer: {count: {count: records}, total: {sum: total}}``
    Since: 0.2
    """
    nulls: Literal["empty", "omit", "nil"] = "empty"
    """What becomes of a field that is null: an ``empty`` element, none (``omit``), or an empty one with
    ``xsi:nil="true"`` (``nil``). An attribute that is null is not written.

    Example: ``nulls: omit``
    Since: 0.2
    """
    encoding: Annotated[str, AfterValidator(xml_encoding)] = "utf-8"
    """How text is written, which the document declares. A character that the encoding does not have is written as
    its number.

    Example: ``encoding: iso-8859-1``
    Since: 0.2
    """

    @model_validator(mode="after")
    def _names(self) -> Self:
        elements = {"root": [self.root], "record": [self.record or "a"], "container": [self.container or "a"]}
        elements |= {"attributes": list(self.attributes), "header": list(self.header), "footer": list(self.footer)}
        for option, names in elements.items():
            for name in names:
                try:
                    check_name(name, self.prefixes)
                    name.encode(self.encoding)
                except XmlNameError as error:
                    raise ValueError(f"{option}: {error}") from None
                except UnicodeEncodeError:
                    raise ValueError(f"{option}: the name {name!r} cannot be written in {self.encoding}") from None
        return self

    @model_validator(mode="after")
    def _one_root(self) -> Self:
        beside = [name for name in ("container", "header", "footer") if getattr(self, name)]
        if self.record is None and beside:
            raise ValueError(f"with record: null the entity is the whole document; take {beside[0]} out")
        return self

    @model_validator(mode="after")
    def _declared(self) -> Self:
        if len(set(self.declared.values())) < len(self.declared):
            raise ValueError("two prefixes in namespaces stand for the same namespace; keep one of them")
        if {self.namespace, *self.namespaces.values()} & _OWN:
            raise ValueError("the namespaces of XML itself are declared already; leave them out")
        if odd := [prefix for prefix in self.namespaces if prefix.lower().startswith("xml")]:
            raise ValueError(f"namespaces: the prefix {odd[0]!r} belongs to XML itself; take another one")
        if self.nulls == "nil" and self.namespaces.get("xsi", NIL) != NIL:
            raise ValueError("nulls: nil needs the prefix xsi for itself; take another one in namespaces")
        texts = [*self.namespaces.values(), *self.attributes.values(), *self.header.values(), self.namespace or ""]
        texts += [cell.text or "" for cell in self.footer.values()]
        for text in texts:
            if (character := unwritable_in_xml(text)) is not None:
                raise ValueError(f"{text[:40]!r} has the character {character!r}, which XML cannot hold")
        return self

    @property
    def declared(self) -> dict[str, str]:
        """The namespaces that the root declares, by prefix."""
        return {**self.namespaces, **({"xsi": NIL} if self.nulls == "nil" else {})}

    @property
    def prefixes(self) -> frozenset[str]:
        """Prefixes that names may have."""
        return frozenset({"xml", *self.declared})
