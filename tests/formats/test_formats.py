from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_integrations.errors import AnswerError
from airflow_integrations.formats import ContentError
from airflow_integrations.formats import json as json_format
from airflow_integrations.formats.answer import AnswerFormat, decode_json, format_of
from airflow_integrations.formats.csv import CsvReader
from airflow_integrations.formats.json_lines import JsonLinesReader
from airflow_integrations.formats.options import CsvOptions, XmlOptions
from airflow_integrations.formats.xml import XmlReader
from airflow_integrations.formats.xml import read as read_xml
from airflow_integrations.http import Answer, Request


def read(reader, content, cuts=()):
    records, start = [], 0
    for cut in [*sorted(min(cut, len(content)) for cut in cuts), len(content)]:
        records += reader.feed(content[start:cut])
        start = cut
    return records + reader.finish()


cuts = st.lists(st.integers(0, 600), max_size=12)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts | st.decimals(-(10**9), 10**9, places=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(values)
def test_json_round_trips_with_exact_numbers(value):
    assert json_format.read(json_format.encode(value)) == value


@given(st.lists(values, max_size=12), cuts, st.sampled_from([b"\n", b"\r\n", b"\n\n"]), st.booleans())
def test_json_lines_lose_and_repeat_nothing(records, cuts, end, last_end):
    content = end.join(json_format.encode(record) for record in records) + (end if last_end else b"")
    assert read(JsonLinesReader(), content, cuts) == records


cells = st.text(st.sampled_from('ab",;\n\r\u2028é '), max_size=8).map(lambda text: text.replace("\r", "\r\n"))
rows = st.lists(st.tuples(cells, cells, cells), max_size=12)


@given(
    rows,
    cuts,
    st.sampled_from(",;\t"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
)
@example([("", "; ", ' "')], [], ";", "utf-8", "\n")  # blank and quote, inside of quotes
def test_csv_loses_and_repeats_nothing(rows, cuts, delimiter, encoding, end):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b", "c"])
    writer.writerows(rows)
    got = read(CsvReader(CsvOptions(delimiter=delimiter)), text.getvalue().encode(encoding), cuts)
    assert got == [dict(zip("abc", row, strict=True)) for row in rows]


@given(rows, cuts)
def test_csv_does_not_depend_on_how_it_is_cut(rows, cuts):
    """Quotes only where they are needed, or in the middle of a value, where they stand for themselves."""
    lines = "".join(f'{a.strip() or "x"}|,5" {i}\n'.replace('x"', "x") for i, (a, _, _) in enumerate(rows))
    content = ("a,b\n" + lines).encode()

    def outcome(cuts):
        try:
            return read(CsvReader(), content, cuts)
        except ContentError:
            return "error"

    assert outcome(cuts) == outcome(())


@given(st.lists(st.tuples(texts, texts), max_size=12), cuts)
def test_xml_loses_and_repeats_nothing(records, cuts):
    def attribute(text):
        return escape(text, {'"': "&quot;"})

    clean = [
        (a.replace("\ufffe", "").replace("\uffff", ""), b.replace("\ufffe", "").replace("\uffff", ""))
        for a, b in records
    ]
    content = (
        "<orders>"
        + "".join(f'<order id="{attribute(a)}"><name>{escape(b)}</name></order>' for a, b in clean)
        + "</orders>"
    )
    expected = [{"@id": a, "name": b or None} for a, b in clean]
    assert read(XmlReader(XmlOptions(record="order", container="orders")), content.encode(), cuts) == expected


def test_xml_to_values():
    content = b"""
      <?xml version="1.0"?><!-- hello --><o:orders xmlns:o="urn:o" total="2">
        <o:order o:id="1"><line sku="a">x</line><line/><note>  keep me </note></o:order>
        <o:order><line><![CDATA[<b>]]></line>text <i>mixed</i> tail</o:order>
      </o:orders>"""
    first = {"@id": "1", "line": [{"@sku": "a", "#text": "x"}, None], "note": "  keep me "}
    second = {"line": "<b>", "i": "mixed", "#text": "text  tail"}
    assert read_xml(content) == {"orders": {"@total": "2", "order": [first, second]}}
    assert read_xml(content, XmlOptions(record="order", list=("line", "i"))) == [
        first,
        {"line": ["<b>"], "i": ["mixed"], "#text": "text  tail"},
    ]
    assert read_xml(b"<a><b><b>1</b></b></a>", XmlOptions(record="b")) == [{"b": "1"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"<a>", "not XML, or it ends in the middle"),
        (b"<a></b>", "not XML"),
        (b"<a>\xff</a>", "not XML"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "entities"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "entities"),
        (b"<a>&x;</a>", "not XML"),
        (b"<a>" * 101 + b"</a>" * 101, "nested more than 100 deep"),
        (b"<a>" * 100_000, "deep"),
    ],
)
def test_hostile_xml(content, message):
    with pytest.raises(ContentError, match=message):
        read_xml(content)


def test_billions_of_laughs():
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    content = f'<!DOCTYPE a [<!ENTITY l0 "lol">{entities}]><a b="&l9;">&l9;</a>'
    with pytest.raises(ContentError):
        read_xml(content.encode())


def test_records_are_forgotten_once_they_are_read():
    reader = XmlReader(XmlOptions(record="r"))
    reader.feed(b"<a>")
    for number in range(2000):
        assert reader.feed(f"<r>{number}</r>".encode()) == [str(number)]
    reader.feed(b"</a>")
    assert len(reader._parser.close()) <= 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><title>Log in</title>", "XML"),
        (b'{"a": NaN}', r"not JSON: invalid character.*NaN"),
        (b'{"a": -Infinity}', "not JSON"),
        (b'{"a": "\xff\xfe"}', "invalid UTF-8"),
        (b'{"a": [1, 2', "ends in the middle, after 11 bytes"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"1e10000", "beyond"),
        (b"1e-999999999999999999999", "beyond"),
        (b"0." + b"3" * 5000, "4300 digits"),
        (b"9" * 5000, "4300 digits"),
        (b"[1,]", "trailing comma"),
        (b"{'a': 1}", "not JSON"),
        (b"<orders/>", "looks like XML"),
    ],
)
def test_json_that_is_none(content, message):
    with pytest.raises(ContentError, match=message):
        json_format.read(content)


def test_json_numbers():
    assert json_format.read(b"1e400") == Decimal("1e400")
    assert json_format.read(b"9" * 40) == int("9" * 40)
    assert str(json_format.read(b"12.50")) == "12.50"
    assert json_format.read(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
    assert json_format.read(b'{"a": 1, "a": 2}') == {"a": 2}
    assert decode_json('"é"'.encode("latin-1"), "application/json; charset=ISO-8859-1") == "é"
    with pytest.raises(ContentError, match="charset"):
        decode_json(b"\x81", "application/json; charset=cp1252")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1}\n\n{"a": }\n', "line 3: .*not JSON"),
        (b'{"a": 1}\n{"a": "\xff"}', "line 2: .*UTF-8"),
        (b"1\n1e99999\n", "line 2: .*beyond"),
        (b"1\n" + b"[" * 100_000 + b"\n", "line 2: .*nested"),
    ],
)
def test_json_lines_that_are_none(content, message):
    with pytest.raises(ContentError, match=message):
        read(JsonLinesReader(), content)


def test_a_line_without_end():
    with pytest.raises(ContentError, match="line 1 has over"):
        read(JsonLinesReader(), b"x" * 20_000_000, range(0, 20_000_000, 1_000_000))


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"a,b\n1\n", {}, "line 2: it has 1 values for 2 columns"),
        (b"a,b\n1,2,3\n", {}, "line 2: it has 3 values"),
        (b"a,a\n", {}, "two columns are called 'a'"),
        (b"a,\n", {}, "no name"),
        (b'a\n"x', {}, "line 2: the content ends inside a quoted value"),
        (b'a\n"x"y\n', {}, "line 2: .*check delimiter"),
        (b"a\n\xe9\n", {}, "not utf-8.*byte 2"),
        (b"a\nx\ry\n", {}, "carriage return"),
        (b"a\n" + b"x" * 200_000 + b"\n", {}, "a value has over"),
    ],
)
def test_csv_that_is_none(content, options, message):
    with pytest.raises(ContentError, match=message):
        read(CsvReader(CsvOptions(**options)), content)


def test_csv_options():
    content = "Export of today\nid;name\n1;é\n\n2;0012.50\n".encode("cp1252")
    assert read(CsvReader(CsvOptions(delimiter=";", encoding="cp1252", skip=1)), content) == [
        {"id": "1", "name": "é"},
        {"id": "2", "name": "0012.50"},
    ]
    assert read(CsvReader(charset="cp1252"), "a\né".encode("cp1252")) == [{"a": "é"}]
    assert read(CsvReader(CsvOptions(header=("x", "y"))), b"1,2") == [{"x": "1", "y": "2"}]
    assert read(CsvReader(CsvOptions(header=("x", "y"))), b"") == []


def test_a_quote_that_is_never_closed_costs_linear_work():
    content = b'a\n"' + b"x\n" * 200_000
    with pytest.raises(ContentError, match="is a quote not closed"):
        read(CsvReader(), content, range(4, len(content), 2))


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (None, "json"),
        ("application/json; charset=utf-8", "json"),
        ("application/vnd.api+json", "json"),
        ("text/plain", "json"),
        ("Application/X-NDJSON", "json_lines"),
        ("text/csv; header=present", "csv"),
        ("application/atom+xml", "xml"),
        ("text/xml", "xml"),
    ],
)
def test_formats_by_content_type(content_type, expected):
    assert format_of(content_type) == expected


def answer(content, content_type="application/json"):
    return Answer(200, {"Content-Type": content_type}, content, "http://x/", Request("GET", "/"))


def test_answers_are_decoded_as_they_say_or_as_the_route_says():
    auto = AnswerFormat()
    assert auto.decode(answer(b"[1]"), place="shop") == [1]
    assert auto.decode(answer(b"1\n2\n", "application/x-ndjson"), place="shop") == [1, 2]
    assert auto.decode(answer(b"a\n1\n", "text/csv"), place="shop") == [{"a": "1"}]
    assert auto.decode(answer(b"<a>1</a>", "text/xml"), place="shop") == {"a": "1"}
    assert auto.decode(answer(b" \r\n"), place="shop") is None
    assert AnswerFormat(format="csv").decode(answer(b"a\n1\n"), place="shop") == [{"a": "1"}]
    assert AnswerFormat(format="xml", xml={"record": "b"}).decode(answer(b"<a><b>1</b></a>"), place="shop") == ["1"]


@pytest.mark.parametrize("name", ["json", "json_lines", "csv", "xml", "auto"])
def test_a_login_page_is_no_record(name):
    page = answer(b"\n<!DOCTYPE html><html><body>Please log in</body></html>", "text/html")
    with pytest.raises(AnswerError, match=r"shop: an HTML page came instead of data: .*Please log in"):
        AnswerFormat(format=name).decode(page, place="shop")


def test_encodings_are_checked_when_the_route_is_read():
    with pytest.raises(ValueError, match="unknown encoding 'latin-99'"):
        AnswerFormat(csv={"encoding": "latin-99"})
    with pytest.raises(ValueError, match="unknown encoding 'zip'"):
        AnswerFormat(csv={"encoding": "zip"})


@given(st.binary(max_size=300), st.sampled_from(["json", "json_lines", "csv", "xml"]), cuts)
def test_garbage_is_an_error_or_a_value(content, name, cuts):
    try:
        outcome = AnswerFormat(format=name).decode(answer(content), place="shop")
    except AnswerError as error:
        outcome = error
    said_where = isinstance(outcome, AnswerError) and str(outcome).startswith("shop: ")
    assert said_where or outcome is None or isinstance(outcome, (str, int, Decimal, list, dict))


def test_json_agrees_with_the_standard_library():
    text = '{"a": [1, 2.5, "x\\u00e9", null, true, {"b": {}}]}'
    assert json_format.read(text.encode()) == json.loads(text, parse_float=Decimal)
