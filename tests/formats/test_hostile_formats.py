"""Error documents and bad records: what every reader refuses."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pytest

from airflow_integrations.errors import AnswerError
from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.answer import AnswerFormat
from airflow_integrations.formats.csv import MAX_COLUMNS, CsvReader
from airflow_integrations.formats.json_lines import JsonLinesReader
from airflow_integrations.formats.options import XmlOptions
from airflow_integrations.formats.partial import Cutter
from airflow_integrations.formats.xml import MAX_ATTRIBUTES
from airflow_integrations.formats.xml import read as read_xml
from airflow_integrations.http import Answer, Request
from airflow_integrations.http.content.content_encoding import MAX_MEMBERS, CodingError, Decoding, is_coding
from airflow_integrations.outgoing.http.answers.response_scope import is_page
from airflow_integrations.route.webhooks.trigger import WebhookOptions
from airflow_integrations.webhooks.body import MAX_FIELDS, read_content

WEBHOOK = WebhookOptions.model_validate({"path": "orders", "verify": "none"})


def answer(content: bytes, content_type: str) -> Answer:
    return Answer(200, {"Content-Type": content_type}, content, "http://x/", Request("GET", "/"))


@pytest.mark.parametrize(
    ("options", "content", "content_type", "message"),
    [
        ({"format": "xml", "xml": {"record": "order"}}, b"<error>no</error>", "text/xml", "has no 'order': 'error'"),
        (
            {"format": "xml", "xml": {"record": "order", "container": "orders"}},
            b'<e:Envelope xmlns:e="urn:e"><e:Fault/></e:Envelope>',
            "text/xml",
            "neither 'order' nor the container 'orders'",
        ),
        ({"format": "csv"}, b"error: session expired", "text/plain", "no column 'id', which entity.key reads"),
        ({"format": "csv"}, b"id;name\n1;a\n", "text/csv", r"separated by \";\": write csv: {delimiter: \";\"}"),
        ({"format": "csv"}, b"name\t id\n1\ta\n", "text/csv", r'write csv: {delimiter: "\\t"}'),
        ({"format": "csv", "csv": {"delimiter": ";"}}, b"id,b\n1,2\n", "text/csv", 'write csv: {delimiter: ","}'),
        ({"format": "csv"}, b'{"error": "no"}', "application/json", "JSON came"),
        ({"format": "csv"}, b'{"id": 1}', "text/csv", "JSON came"),
        ({"format": "csv"}, b"<error/>", "text/csv", "XML came"),
        ({"format": "json"}, b"<br />\n<b>Warning</b>: x {}", "application/json", "printed a PHP warning"),
    ],
)
def test_an_error_document_is_not_nothing_new(options, content, content_type, message):
    with pytest.raises(AnswerError, match=message):
        AnswerFormat(**options).decode(answer(content, content_type), place="shop", required={"id"})


def test_an_empty_document_of_its_kind_is_nothing_new():
    xml = AnswerFormat(format="xml", xml={"record": "order", "container": "orders"})
    assert xml.decode(answer(b"<orders/>", "text/xml"), place="shop") == []
    assert AnswerFormat(format="csv").decode(answer(b"id,b\n", "text/csv"), place="shop", required={"id"}) == []


def test_one_bad_row_or_line_is_bad_alone():
    rows = CsvReader(rejects=True)
    got = rows.feed(b'a,b\n1,2\n3\n"x"y,1\n4,5\n') + rows.finish()
    assert [type(row) for row in got] == [dict, BadRecord, BadRecord, dict]
    assert got[1].reason.startswith("line 3: it has 1 values")
    assert got[1].content == "3\n"
    assert got[2].reason.startswith("line 4: ")
    lines = JsonLinesReader(rejects=True)
    got = lines.feed(b'{"a": 1}\n{"a": NaN}\n{"a": 2}\n') + lines.finish()
    assert got[0] == {"a": 1}
    assert got[1].reason.startswith("line 2: ")
    assert got[2] == {"a": 2}


def test_xml_nil_namespaces_and_entities():
    nil = b'<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><b xsi:nil="true"/></a>'
    assert read_xml(nil) == {"a": {"b": None}}
    assert read_xml(nil.replace(b"2001", b"1999")) == {"a": {"b": None}}
    assert read_xml(nil.replace(b"2001", b"1999").replace(b"xsi:nil", b"xsi:null")) == {"a": {"b": None}}
    assert read_xml(nil.replace(b"2001", b"2000/10")) == {"a": {"b": None}}
    two = b'<a xmlns:x="urn:x"><b>1</b><x:b>2</x:b></a>'
    with pytest.raises(ContentError, match="of different namespaces"):
        read_xml(two)
    with pytest.raises(ContentError, match="the source has to write others"):
        read_xml(b"<a>&nbsp;</a>")
    for value in (b'<b c="x&eacute;y"/>', b"<b>&eacute;</b>"):  # a DTD that is not loaded might declare it
        with pytest.raises(ContentError, match=r"Entity 'eacute' not defined.*the source has to write others"):
            read_xml(b'<!DOCTYPE a SYSTEM "a.dtd"><a>' + value + b"</a>")
    assert read_xml(b'<!DOCTYPE a SYSTEM "a.dtd"><a b="&amp;&#233;"/>') == {"a": {"@b": "&é"}}
    assert read_xml(two, XmlOptions(namespaces={"x": "urn:x"})) == {"a": {"b": "1", "x:b": "2"}}


def test_content_is_judged_by_what_it_is():
    assert not is_page(answer(b'{"id": 1}', "text/html"))
    assert is_page(answer(b"<html></html>", "text/html"))
    assert is_page(answer(b"Welcome", "text/html"))
    assert [is_coding(name) for name in ("utf-8", "none", "gzip", "br", "UTF-8, gzip")] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_what_is_held_at_once_is_bounded(monkeypatch):
    """The bounds are lowered: the real ones take seconds and much memory."""
    monkeypatch.setattr("airflow_integrations.formats.json.MAX_VALUES", 1000)
    monkeypatch.setattr("airflow_integrations.formats.answer.MAX_RECORDS", 1000)
    monkeypatch.setattr("airflow_integrations.formats.xml.MAX_ELEMENTS", 1000)
    many = b"[" + b"{}," * 2000 + b"{}]"
    with pytest.raises(ContentError, match="values; ask for less at once"):
        AnswerFormat().read(many, "application/json")
    cutter = Cutter.make((), [])
    assert cutter is not None
    assert cutter.cut(many) is None
    assert cutter.cut(b"[" + b"{}," * 500 + b"{}]") is not None
    told: list[tuple[dict[str, Any], bytes]] = [
        ({"format": "json_lines"}, b"1\n" * 2000),
        ({"format": "csv"}, b"a\n" + b"1\n" * 2000),
        ({"format": "xml", "xml": {"record": "b"}}, b"<a>" + b"<b/>" * 2000 + b"</a>"),
    ]
    for options, content in told:
        with pytest.raises(ContentError, match="over 1,000 records in one answer"):
            AnswerFormat(**options).read(content, None)
    for options in ({"format": "xml"}, {"format": "xml", "xml": {"record": "a"}}):
        with pytest.raises(ContentError, match="over 1,000 elements in one record"):
            AnswerFormat(**options).read(b"<a>" + b"<b/>" * 2000 + b"</a>", None)


def test_what_stands_before_the_root_of_xml_is_bounded():
    declared = b"<!DOCTYPE a [" + b"<!ATTLIST a b CDATA #IMPLIED>" * 2000 + b"]><a/>"
    with pytest.raises(ContentError, match="over 16,384 bytes before its root element"):
        read_xml(declared)
    assert read_xml(b"<!DOCTYPE a [<!ELEMENT a ANY>]>" + b"<!-- x -->" * 1000 + b"<a>1</a>") == {"a": "1"}
    assert read_xml(b" " * 100_000 + b"<a>1</a>") == {"a": "1"}


def in_members(content: bytes) -> None:
    for _ in Decoding("gzip").feed(content):
        pass


@pytest.mark.parametrize(
    ("read", "make", "most", "message"),
    [
        (in_members, lambda n: gzip.compress(b"x") * n, MAX_MEMBERS, "over 100,000 members"),
        (
            lambda content: CsvReader().feed(content),
            lambda n: ",".join(map(str, range(n))).encode() + b"\n",
            MAX_COLUMNS,
            "over 10,000 columns",
        ),
        (
            lambda content: read_xml(content, XmlOptions()),
            lambda n: b"<a" + b"".join(b' b%d="1"' % at for at in range(n)) + b"/>",
            MAX_ATTRIBUTES,
            "'a' has over 500 attributes",
        ),
        (
            lambda content: read_content(content, "application/x-www-form-urlencoded", WEBHOOK),
            lambda n: b"&".join([b"a=1"] * n),
            MAX_FIELDS,
            "over 1000 fields",
        ),
    ],
    ids=["members", "columns", "attributes", "fields"],
)
def test_parts_of_a_document_are_bounded(
    read: Callable[[bytes], Any], make: Callable[[int], bytes], most: int, message: str
) -> None:
    read(make(most))
    with pytest.raises((ContentError, CodingError), match=message):
        read(make(most + 1))
