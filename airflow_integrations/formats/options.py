"""Options for the format of answers."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from airflow_integrations.config.file_reference import FileReference
from airflow_integrations.config.model import Model
from airflow_integrations.formats.delimiter import written_delimiter
from airflow_integrations.formats.text import checked_encoding

__all__ = ["CsvOptions", "Encoding", "XmlOptions", "XmlRead"]

Encoding = Annotated[str, AfterValidator(checked_encoding)]
_Character = Annotated[str, Field(min_length=1, max_length=1)]
_Names = tuple[Annotated[str, Field(min_length=1)], ...]
_Rows = Annotated[int, Field(strict=True, ge=0, le=1000)]


class CsvOptions(Model):
    """How a CSV answer is written."""

    delimiter: Annotated[str, BeforeValidator(written_delimiter), Field(min_length=1, max_length=8)] = ","
    """What stands between two values: ``","``, ``";"``, ``"\\t"``, or several characters such as ``"||"``.

    Example: ``delimiter: ";"``
    """
    quote: _Character | None = '"'
    """What surrounds a value that holds delimiters or line breaks; doubled, it stands for itself. ``null``: values are
    never quoted, and the character is like any other.

    Example: ``quote: "'"``
    """
    escape: _Character | None = None
    """A character that takes the meaning from the one behind it, such as ``"\\\\"`` for values like ``5\\" disk``. A
    value that is the escape and ``N`` is null, as databases export it.

    Example: ``escape: "\\\\"``
    """
    encoding: Encoding | None = None
    """Such as ``cp1252``. A byte order mark counts first, then this, then the Content-Type's charset, then UTF-8.

    Example: ``encoding: cp1252``
    """
    header: _Names | None = None
    """The columns' names where the file has none. Otherwise its first row names them.

    Example: ``header: [sku, quantity]``
    """
    skip: _Rows = 0
    """Lines before the header (or, with ``header``, before the first record) that are not read, empty ones included.

    Example: ``skip: 2``
    """
    skip_last: _Rows = 0
    """Rows at the end that are not read, such as a line of totals.

    Example: ``skip_last: 1``
    """
    comment: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """Rows that begin with this text are not read, such as ``"#"``.

    Example: ``comment: "#"``
    """
    skip_blanks: Annotated[bool, Field(strict=True)] = False
    """Whether blanks behind a delimiter are left out, as in ``1, "a, b"``.

    Example: ``skip_blanks: true``
    """
    empty: Literal["fail", "ok"] = "fail"
    """What content without any header means. ``fail``: an error, because a source that has nothing sends its header;
    ``ok``: there are no records.

    Example: ``empty: ok``
    """

    @field_validator("quote", mode="before")
    @classmethod
    def _no_empty_quote(cls, quote: object) -> object:
        if quote == "":
            raise ValueError("an empty text cannot quote; write quote: null where values are never quoted")
        return quote

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        special = {"quote": self.quote, "escape": self.escape}
        for name, character in special.items():
            if character is not None and (character in self.delimiter or character in "\r\n"):
                raise ValueError(f"{name} cannot be {character!r}: it stands in delimiter, or ends a line")
        if "\r" in self.delimiter or "\n" in self.delimiter:
            raise ValueError("delimiter cannot hold a line end; rows end there")
        if self.escape is not None and self.escape == self.quote:
            raise ValueError("escape and quote are the same; a doubled quote stands for itself without escape")
        if self.skip_blanks and self.delimiter[-1] == " ":
            raise ValueError("skip_blanks needs a delimiter that does not end with a blank")
        return self


class XmlOptions(Model):
    """How an XML answer becomes values."""

    record: str | None = None
    """The name of the elements that are the records, without namespace: ``body`` is then their list.

    Example: ``record: order``
    """
    container: str | None = None
    """The name of the element that holds the records, also where there are none. A document that has neither this nor
    a ``record`` is an error: it may be an error message.

    Example:
        container: orders
        record: order
    """
    namespaces: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_\-]*$")], str] = Field(default_factory=dict)
    """Prefixes and the namespaces that they stand for: names in these become ``prefix:name``. Others lose theirs.

    Example: ``namespaces: {inv: "urn:invoice"}``
    """
    list: _Names = ()
    """Names of elements that become a list even when there is one of them.

    Example: ``list: [line]``
    """


class XmlRead(XmlOptions):
    """How XML becomes values, where it may be held against a schema."""

    schema_: Annotated[FileReference | None, Field(alias="schema")] = None
    """An XML Schema (XSD) in the routes folder. Each ``record`` is checked by itself, for which the schema declares its
    element globally; one that breaks it is rejected alone. Without ``record`` the document is checked as a whole.

    Example: ``schema: schemas/orders.xsd``
    Since: 0.2
    """

    @model_validator(mode="after")
    def _fits_schema(self) -> Self:
        if self.schema_ is None:
            return self
        from airflow_integrations.formats.xsd import load

        names = load(self.schema_.path, self.schema_.root).names
        if self.record is not None and self.record.rpartition(":")[2] not in names:
            told = ", ".join(sorted(names)[:10]) or "none"
            raise ValueError(
                f"schema declares no global element {self.record!r}, so that no record can be checked by itself; "
                "declare it globally and refer to it (<xs:element ref=…>), or leave out record, so that the document "
                f"is checked as a whole. Global elements: {told}"
            )
        return self
