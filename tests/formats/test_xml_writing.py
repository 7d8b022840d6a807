"""XML that is written: it reads back as it was, and is well-formed whatever the records hold."""

from __future__ import annotations

import io
import tracemalloc
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from pydantic import ValidationError

from airflow_integrations.errors import EntityError
from airflow_integrations.formats.options import XmlOptions
from airflow_integrations.formats.writing.xml import XmlWriter
from airflow_integrations.formats.writing.xml_options import XmlOutput
from airflow_integrations.formats.xml import read


def write(*records: Any, refused: list[EntityError] | None = None, **options: Any) -> bytes:
    out = io.BytesIO()
    writer = XmlWriter(out, XmlOutput.model_validate(options))
    for record in records:
        try:
            writer.add(SimpleNamespace(value=record, encoded=b""))
        except EntityError as error:
            if refused is None:
                raise
            refused.append(error)
    writer.finish()
    return out.getvalue()


def test_the_structure_is_that_of_the_record() -> None:
    order = {
        "@id": 10**20,
        "customer": {"@vip": True, "#text": "Å & Co"},
        "total": Decimal("1E+3"),
        "lines": [{"sku": "a", "price": Decimal("0.10")}, {"sku": "b", "price": None}],
        "note": "",
        "tags": [],
    }
    content = write(order, {"@id": 2}, root="orders", record="order", attributes={"version": "1.0"})
    assert content.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<orders version="1.0">\n'
        '<order id="100000000000000000000"><customer vip="true">Å &amp; Co</customer><total>1000</total>'
        "<lines><sku>a</sku><price>0.10</price></lines><lines><sku>b</sku><price/></lines><note/></order>\n"
        '<order id="2"/>\n</orders>\n'
    )


def test_namespaces_header_container_and_footer() -> None:
    content = write(
        {"inv:line": {"@xml:lang": "ca", "#text": "x"}, "price": "1.20", "gone": None},
        {"price": Decimal("2.30")},
        root="message",
        container="orders",
        record="inv:order",
        namespace="urn:m",
        namespaces={"inv": "urn:inv"},
        header={"sender": "ERP <1>"},
        footer={"count": {"count": "records"}, "total": {"sum": "price"}, "end": "ok"},
        nulls="nil",
    )
    root = etree.fromstring(content)
    assert [child.tag for child in root] == [
        "{urn:m}sender",
        "{urn:m}orders",
        *(f"{{urn:m}}{n}" for n in ("count", "total", "end")),
    ]
    assert [child.text for child in root][2:] == ["2", "3.50", "ok"]
    assert [record.tag for record in root[1]] == ["{urn:inv}order"] * 2
    options = XmlOptions(record="inv:order", namespaces={"inv": "urn:inv"})
    first = {"inv:line": {"@lang": "ca", "#text": "x"}, "price": "1.20", "gone": None}
    assert read(content, options) == [first, {"price": "2.30"}]
    assert b"gone" not in write({"gone": None, "@gone": None}, nulls="omit")


@pytest.mark.parametrize(
    ("record", "field", "reason"),
    [
        ({"a": "x\0y"}, "a", "character '\\\\x00'"),
        ({"a": {"@b": "\ud800"}}, "a.@b", "cannot hold"),
        ({"lines": [{"ok": 1}, {"a b": 1}]}, "lines\\[1\\].a b", "cannot be the name"),
        ({"": 1}, "", "cannot be the name"),
        ({"a><b": 1}, "a><b", "cannot be the name"),
        ({"@xmlns": "urn:evil"}, "@xmlns", "would declare a namespace"),
        ({"@xmlns:x": "urn:evil"}, "@xmlns:x", "would declare a namespace"),
        ({"x:a": 1}, "x:a", "does not name"),
        ({"x:y:a": 1}, "x:y:a", "cannot be the name"),
        ({"a": [[1]]}, "a\\[0\\]", "a list stands in a list"),
        ({"@a": {"b": 1}}, "@a", "an object, and text"),
        ({"#text": ["b"]}, "#text", "a list, and text"),
        ({"a" * 2000: 1}, "aaa", "cannot be the name"),
        ([1], None, "an object's fields"),
    ],
    ids=str,
)
def test_what_xml_cannot_hold_is_refused_alone(record: Any, field: str | None, reason: str) -> None:
    refused: list[EntityError] = []
    content = write({"a": 1}, record, {"a": 2}, refused=refused)
    assert read(content, XmlOptions(record="record")) == [{"a": "1"}, {"a": "2"}]
    (error,) = refused
    import re

    assert re.search(reason, error.reason)
    assert field is None or re.search(f"^{field}", error.field or "")
    assert len(str(error)) < 800


def test_one_that_is_nested_too_deep_is_refused_and_a_deep_one_is_read() -> None:
    def nested(depth: int) -> Any:
        record: Any = "x"
        for _ in range(depth):
            record = {"a": record}
        return record

    with pytest.raises(EntityError, match="nested over 98 deep"):
        write(nested(100))
    assert read(write(nested(97), container="c"), XmlOptions(record="record")) == [nested(97)]


def test_encodings_are_declared_and_other_characters_become_numbers() -> None:
    for encoding, declared in (("cp1252", "windows-1252"), ("iso-8859-1", "ISO-8859-1"), ("utf-16", "UTF-16")):
        content = write({"a": "é中", "@b": "中"}, {"a": "é"}, encoding=encoding)
        assert f'encoding="{declared}"' in content.decode(encoding)
        assert [element.findtext("a") for element in etree.fromstring(content)] == ["é中", "é"]
    assert write({"a": "x"}, encoding="utf-8-sig").startswith(b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8"')
    with pytest.raises(EntityError, match="not a character of iso8859-1"):
        write({"中": 1}, encoding="iso-8859-1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"root": "a b"}, "root: 'a b' cannot be the name"),
        ({"record": "x:order"}, "prefix that xml.namespaces does not name"),
        ({"attributes": {"xmlns": "u"}}, "would declare"),
        ({"footer": {"n": {"count": "lines"}}}, "count: records"),
        ({"encoding": "utf-7"}, "XML is not written in utf-7"),
        ({"encoding": "cp037"}, "XML is not written in cp037"),
        ({"root": "中", "encoding": "ascii"}, "cannot be written in ascii"),
        ({"namespaces": {"a": "u", "b": "u"}}, "same namespace"),
        ({"namespaces": {"xmlx": "u"}}, "belongs to XML itself"),
        ({"namespace": "http://www.w3.org/XML/1998/namespace"}, "declared already"),
        ({"nulls": "nil", "namespaces": {"xsi": "u"}}, "needs the prefix xsi"),
        ({"header": {"a": "\x01"}}, "cannot hold"),
    ],
    ids=str,
)
def test_mistakes_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        XmlOutput.model_validate(options)


NAMES = st.one_of(st.sampled_from(["a", "b", "@a", "@b", "#text", "é"]), st.text(max_size=3))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.decimals(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=40)
@given(st.lists(st.one_of(st.dictionaries(NAMES, VALUES, max_size=4), VALUES), max_size=4))
def test_it_is_well_formed_whatever_comes(records: list[Any]) -> None:
    refused: list[EntityError] = []
    content = write(*records, refused=refused)
    root = etree.fromstring(content)
    assert len(root) == len(records) - len(refused)


@settings(max_examples=40)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1))
def test_texts_read_back_as_they_were(text: str) -> None:
    text = f"{text}]]>\r\n\t&#13;"
    content = write({"a": text, "@b": text})
    assert read(content, XmlOptions(record="record")) == [{"a": text, "@b": text}]


def test_memory_is_flat() -> None:
    class Nowhere:
        def write(self, content: bytes) -> int:
            return len(content)

    writer = XmlWriter(Nowhere(), XmlOutput())  # type: ignore[arg-type]
    record = SimpleNamespace(value={"id": 1, "lines": [{"sku": "a"}] * 5}, encoded=b"")
    writer.add(record)
    tracemalloc.start()
    for number in range(4000):
        writer.add(SimpleNamespace(value={f"a{number}": 1}, encoded=b"") if number < 2000 else record)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 800_000


def test_one_record_may_be_the_whole_document() -> None:
    options: dict[str, Any] = {
        "root": "o:order",
        "record": None,
        "namespaces": {"o": "urn:o"},
        "attributes": {"v": "1"},
        "nulls": "nil",
    }
    refused: list[EntityError] = []
    records = [{"@v": "2"}, {"@n": 1, "a": None, "l": [1, 2]}, {"n": 2}]
    document = etree.fromstring(write(*records, refused=refused, **options))
    assert (document.tag, dict(document.attrib)) == ("{urn:o}order", {"v": "1", "n": "1"})
    assert [child.tag for child in document] == ["a", "l", "l"]
    assert [error.field for error in refused] == ["@v", None]
    assert etree.fromstring(write(**options)).tag == "{urn:o}order"
    assert etree.fromstring(write({}, **options)).tag == "{urn:o}order"
