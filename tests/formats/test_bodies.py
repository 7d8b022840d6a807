"""What bodies are packed in, which encoding they are written in, and what their heads say."""

from __future__ import annotations

import codecs
import gzip
import io
import zipfile
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_integrations.errors import AnswerError
from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.answer import AnswerFormat
from airflow_integrations.formats.options import XmlOptions
from airflow_integrations.formats.packing.unpacking import ALWAYS, Unpacking
from airflow_integrations.formats.xml import XmlReader
from airflow_integrations.http import Answer, Request


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, file in files:
            archive.writestr(name, file)
    return content.getvalue()


def decode(content: bytes, content_type: str = "", *, limit: int = 1_000_000, **options: Any) -> Any:
    answer = Answer(200, {"Content-Type": content_type}, content, "http://x/", Request("GET", "/"), limit=limit)
    return AnswerFormat(**options).decode(answer, place="shop", rejects=True)


def streamed(content: bytes, cuts: list[int], **options: Any) -> list[Any]:
    documents = AnswerFormat(**options).documents("", rejects=True)
    assert documents is not None
    records: list[Any] = []
    start = 0
    for cut in [*sorted(min(cut, len(content)) for cut in cuts), len(content)]:
        for some in documents.feed(content[start:cut]):
            records += some
        start = cut
    for some in documents.finish():
        records += some
    return records


CSV = b"id,name\n1,a\n2,b\n"
WANTED = [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]
cuts = st.lists(st.integers(0, 400), max_size=12)


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (CSV, {}),
        (gzip.compress(CSV), {}),
        (gzip.compress(CSV[:9]) + gzip.compress(CSV[9:]) + bytes(20), {}),
        (zipped(("a.csv", CSV)), {}),
        (zipped(("a.csv", CSV), method=zipfile.ZIP_STORED), {}),
        (zipped(("__MACOSX/._a.csv", b"x"), ("in/", b""), ("in/a.csv", CSV), (".DS_Store", b"x")), {}),
        (zipped(("b.csv", CSV[:12]), ("a.csv", b"id,name\n2,b"), ("read.me", b"x")), {"zip_files": "*.csv"}),
    ],
    ids=range(7),
)
@given(cuts)
def test_packed_content_is_what_is_in_it(content: bytes, options: Any, cuts: list[int]) -> None:
    assert streamed(content, cuts, format="csv", **options) == WANTED
    assert decode(content, "text/csv", **options) == WANTED
    assert decode(content, "application/octet-stream", format="csv", **options) == WANTED


def test_documents_that_are_read_as_a_whole_may_be_packed() -> None:
    assert decode(gzip.compress(b'{"a": 1}')) == {"a": 1}
    assert decode(zipped(("a.xml", b"<a>1</a>")), format="xml") == {"a": "1"}
    for content in (gzip.compress(CSV), zipped(("a.csv", CSV))):
        with pytest.raises(AnswerError, match="It came as a packed file; name its format, such as format: csv"):
            decode(content, "application/zip")


HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\3"


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        (gzip.compress(CSV)[:-9], {}, "the gzip file ends in the middle"),
        (HEADER + b"nonsense", {}, "the gzip file is damaged: "),
        (gzip.compress(bytes(2_000_000)), {}, "over 1,000,000 bytes once it is unpacked; .* raise max_answer_bytes"),
        (zipped(("a", bytes(2_000_000))), {}, "over 1,000,000 bytes once it is unpacked"),
        (zipped(("a.csv", CSV))[:-30], {}, "the zip file cannot be read"),
        (zipped(("a", CSV), method=zipfile.ZIP_STORED).replace(b"1,a", b"1,b"), {}, "cannot be read: Bad CRC-32"),
        (zipped(("a.csv", CSV), ("b.csv", CSV)), {}, r"2 files: 'a.csv', 'b.csv'; say .* zip_files: '\*.csv'"),
        (zipped(("a.csv", CSV)), {"zip_files": "*.xml"}, r"no file that zip_files: '\*.xml' names; it has 'a.csv'"),
        (zipped(), {}, "the zip file has no file; it has none at all"),
        (zipped(("a.csv", CSV), method=zipfile.ZIP_LZMA), {}, "packed in an uncommon way"),
        (zipped(("a.csv", b"id\n1,2\n")), {"bad_records": "fail"}, "shop: a.csv: line 2: it has 2 values"),
        (b"PK\x03\x04" + bytes(1_000_000), {}, "the zip file has over 1,000,000 bytes, and is held as a whole"),
        (zipped(("a", b"1"), ("b", b"2")), {"format": "json", "zip_files": "*"}, "one document is read from one file"),
    ],
    ids=range(13),
)
def test_packed_content_that_cannot_be_read(content: bytes, options: Any, says: str) -> None:
    with pytest.raises(AnswerError, match=says):
        decode(content, **{"format": "csv", "csv": {"header": ["id"]}, **options})


def test_an_encrypted_zip_file_says_so() -> None:
    content = bytearray(zipped(("a.csv", CSV)))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(AnswerError, match=r"'a\.csv' in the zip file is encrypted"):
        decode(bytes(content), format="csv")


def test_what_repeats_itself_too_often_is_not_unpacked() -> None:
    unpacking = Unpacking(None, most=None, held=0)
    with pytest.raises(ContentError, match="more than 300 times as many are not unpacked"):
        sum(len(piece or b"") for piece in unpacking.feed(gzip.compress(bytes(3 * ALWAYS), 9)))


def test_many_files_in_a_zip_file_are_too_many() -> None:
    with pytest.raises(AnswerError, match="over 10,000 files"):
        decode(b"PK\x03\x04" + b"PK\x01\x02" * 10_001, format="csv")


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "utf-8-sig", "utf-32", "iso-8859-1"])
@given(cuts)
def test_every_format_in_every_encoding(encoding: str, cuts: list[int]) -> None:
    def written(text: str) -> bytes:
        return text.encode(encoding)

    assert decode(written('{"a": "é"}'), encoding=encoding) == {"a": "é"}
    assert decode(written("<a>é</a>"), format="xml", encoding=encoding) == {"a": "é"}
    lines = written('{"a": "é"}\n{"a": "ü"}\n')
    assert streamed(lines, cuts, format="json_lines", encoding=encoding) == [{"a": "é"}, {"a": "ü"}]
    assert streamed(written("a\né\nü\n"), cuts, format="csv", encoding=encoding) == [{"a": "é"}, {"a": "ü"}]
    records = {"format": "xml", "encoding": encoding, "xml": {"record": "r"}}
    assert streamed(written("<?xml version='1.0'?>\n<a><r>é</r><r>ü</r></a>"), cuts, **records) == ["é", "ü"]


@pytest.mark.parametrize(
    ("content", "content_type", "encoding"),
    [
        ('<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>'.encode("latin-1"), "text/xml; charset=utf-8", None),
        ('<?xml version="1.0"?><a>é</a>'.encode("cp1252"), "text/xml; charset=windows-1252", None),
        ('<?xml version="1.0" encoding="utf-8"?><a>é</a>'.encode("cp1252"), "text/xml", "cp1252"),
        (codecs.BOM_UTF8 + '<?xml version="1.0" encoding="latin-1"?><a>é</a>'.encode(), "text/xml", "latin-1"),
        (codecs.BOM_UTF8 * 2 + b"\n" + '<?xml version="1.0"?><a>é</a>'.encode(), "text/xml", None),
        ('<?xml version="1.0" encoding="utf-16"?><a>é</a>'.encode("utf-16"), "text/xml; charset=utf-8", None),
        ('<?xml version="1.0" encoding="utf-8"?><a>é</a>'.encode("utf-16"), "text/xml", None),
    ],
    ids=range(7),
)
def test_marks_options_declarations_and_charsets(content: bytes, content_type: str, encoding: str | None) -> None:
    assert decode(content, content_type, encoding=encoding) == {"a": "é"}


def test_an_encoding_that_is_none() -> None:
    with pytest.raises(ValueError, match="unknown encoding 'latin-99'; write it like"):
        AnswerFormat(encoding="latin-99")
    with pytest.raises(AnswerError, match="the text is not cp1252"):
        decode(b'{"a": "\x81"}', encoding="cp1252")


def test_a_record_of_xml_that_is_no_value_is_bad_alone() -> None:
    content = b'<o xmlns:x="urn:x"><r><a>1</a></r><r><a>2</a><x:a>3</x:a></r><r><a>4</a></r></o>'
    options = {"format": "xml", "xml": {"record": "r"}}
    good, bad, last = streamed(content, [], **options)
    assert [good, last] == [{"a": "1"}, {"a": "4"}]
    assert isinstance(bad, BadRecord)
    assert bad.reason.startswith("record 2: 'r' has two kinds of 'a'")
    assert bad.content == '<r xmlns:x="urn:x"><a>2</a><x:a>3</x:a></r>'
    with pytest.raises(ContentError, match="two kinds of 'a'"):
        streamed(content, [], bad_records="fail", **options)


XML = (
    b'<?xml version="1.0"?><s:E xmlns:s="urn:s">'
    b'<B status="error"><code>17</code><os n="2"><o>1</o><o>2</o></os><x/></B></s:E>'
)


@pytest.mark.parametrize(
    ("content", "options", "text", "records", "document"),
    [
        (CSV, {"format": "csv"}, "id,name\n1,a\n2,b\n", WANTED, None),
        (gzip.compress(CSV), {"format": "csv"}, "id,name\n1,a\n2,b\n", WANTED, None),
        (b"not yet", {"format": "csv", "csv": {"header": ["a", "b"]}}, "not yet", [], None),
        (b'{"a": 1}\nx', {"format": "json_lines"}, '{"a": 1}\nx', [{"a": 1}], None),
        (
            XML,
            {"format": "xml", "xml": {"record": "o"}},
            XML.decode(),
            ["1", "2"],
            {"E": {"B": {"@status": "error", "code": "17", "os": {"@n": "2"}}}},
        ),
        (b"<a><b>1<", {"format": "xml", "xml": {"record": "o"}}, "<a><b>1<", [], {"a": {"b": "1"}}),
        (b"", {"format": "xml", "xml": {"record": "o"}}, "", [], None),
        (b"\xff\xfe", {"format": "xml", "xml": {"record": "o"}}, "", [], None),
    ],
    ids=range(8),
)
def test_heads(content: bytes, options: Any, text: str, records: Any, document: Any) -> None:
    head = AnswerFormat(**options).head(content, None)
    assert head == {"text": text, "records": records, "document": document}


def test_heads_are_bounded() -> None:
    head = AnswerFormat(format="csv").head(b"id\n" + b"1\n" * 1_000_000, None)
    assert len(head["text"]) == 4096
    assert len(head["records"]) == 100
    wide = b"<a>" + b"<b>1</b>" * 100_000 + b"<r/></a>"
    document = AnswerFormat(format="xml", xml={"record": "r"}).head(wide, None)["document"]
    assert 1000 < len(document["a"]["b"]) < 10_000


@pytest.mark.parametrize(
    "content",
    [
        b"<br />\n<b>Warning</b>:  x in <b>/a.php</b> on line <b>3</b><br />\n",
        b"\nWarning: Undefined variable $x in /srv/a.php on line 3\n",
        b"PHP Notice:  x in /a.php on line 3\n",
        b"<br />\n<font size='1'><table class='xdebug-error' dir='ltr'><tr><th align='left'>( ! ) </span> Warning: x",
    ],
    ids=range(4),
)
@pytest.mark.parametrize("name", ["json", "json_lines", "csv", "xml"])
def test_a_warning_of_php_is_told_as_what_it_is(content: bytes, name: str) -> None:
    with pytest.raises(AnswerError, match=r"the server printed a PHP (warning|notice) before its answer"):
        decode(content + b'{"a": 1}', format=name)


befores = st.lists(st.sampled_from([codecs.BOM_UTF8, b" ", b"\n"]), max_size=4).map(b"".join)
declarations = st.sampled_from(
    [b"", b"<?xml version='1.0'?>", b"<?xml version='1.0' encoding='latin-1'?>", b"<!-- x -->", b"<!DOCTYPE a>", b"<?x"]
)
inside = st.lists(
    st.sampled_from([b"<r>1</r>", b"<r>\xc3\xa9</r>", b"<r/>", b"x", b"<", b"</r>", b"&amp;", b"<e/>"]), max_size=6
)


@given(befores, declarations, inside, st.lists(st.integers(0, 90), max_size=20), st.sampled_from([None, "cp1252"]))
@example(b" \xef\xbb\xbf", b"", [b"<r>\xc3\xa9</r>"], [1], None)
@example(b" \xef\xbb\xbf", b"", [b"<r>\xc3\xa9</r>"], [2], None)
def test_what_is_read_of_xml_does_not_depend_on_how_it_is_cut(
    before: bytes, declaration: bytes, inside: list[bytes], cuts: list[int], encoding: str | None
) -> None:
    content = before + declaration + b"<a>" + b"".join(inside) + b"</a>"

    def outcome(cuts: list[int]) -> Any:
        reader = XmlReader(XmlOptions(record="r", container="a"), encoding=encoding, charset="cp1252", rejects=True)
        records: list[Any] = []
        try:
            for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
                records += reader.feed(content[start:end])
            records += reader.finish()
        except ContentError:
            return "error"
        return records

    assert outcome(sorted(min(cut, len(content)) for cut in cuts)) == outcome([])
