"""CSV as systems really write it: each dialect gives the same records, however it is cut; a bad row is bad alone."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.errors import AnswerError
from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.answer import AnswerFormat
from airflow_integrations.formats.csv import CsvReader
from airflow_integrations.formats.options import CsvOptions
from airflow_integrations.http import Answer, Request


def read(content: bytes, cuts: list[int] | None = None, *, rejects: bool = False, **options: Any) -> list[Any]:
    reader = CsvReader(CsvOptions(**options), rejects=rejects)
    records, start = [], 0
    for cut in [*sorted(min(cut, len(content)) for cut in cuts or []), len(content)]:
        records += reader.feed(content[start:cut])
        start = cut
    return records + reader.finish()


cuts = st.lists(st.integers(0, 400), max_size=12)
WANTED = [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b"id||name\n1||a\n2||b\n", {"delimiter": "||"}),
        (b'id;;name\n"1";;"a"\n2;;b\n', {"delimiter": ";;"}),
        (b"id,name\r1,a\r2,b\r", {}),
        (b"id,name\r1,a\r2,b", {}),
        (b"id,name\r\n1,a\r\n2,b\r\n\x1a", {}),
        (b'"id",name\r\n1,a\r\n2,b', {}),
        (b"\n\nid,name\n\n1,a\n,\n2,b\n , \n", {}),
        (b"# made by us\n#\nid,name\n1,a\n#2,x\n2,b\n", {"comment": "#"}),
        (b'Report "June\n\nid,name\n1,a\n2,b\n', {"skip": 2}),
        (b"id,name\n1,a\n2,b\ntotal,2,\n\nend of file\n", {"skip_last": 2}),
        (b'id, name\n1, "a"\n2,  b\n', {"skip_blanks": True}),
        (b"1,a\n2,b\n", {"header": ["id", "name"]}),
        (b"\xef\xbb\xbfid,name\n1,a\n2,b\n", {}),
        ("\ufeffid,name\n1,a\n2,b\n".encode("utf-16-le"), {}),
        ("\ufeffid,name\n1,a\n2,b\n".encode("utf-32-be"), {}),
    ],
)
@given(cuts)
def test_dialects(content: bytes, options: Any, cuts: list[int]) -> None:
    assert read(content, cuts, **options) == WANTED


def test_values_that_are_never_quoted() -> None:
    assert read(b'id,name\n1,"a\n2,5" b"\n', quote=None) == [{"id": "1", "name": '"a'}, {"id": "2", "name": '5" b"'}]


def test_escapes() -> None:
    rows = rb"""id,name
1,"5\" disk, \\N"
\N,a\,b
2,x\
y
"""
    assert read(rows, escape="\\") == [
        {"id": "1", "name": '5" disk, \\N'},
        {"id": None, "name": "a,b"},
        {"id": "2", "name": "x\ny"},
    ]
    assert read(rb"id||name" + b"\n" + rb"\N||a\||b", escape="\\", delimiter="||") == [{"id": None, "name": "a||b"}]


cells = st.text(st.sampled_from('a|";,\\#\n é'), max_size=6)
rows = st.lists(st.tuples(cells, cells), max_size=8)


@given(rows, cuts, st.sampled_from(["||", "|;|", ",,"]))
def test_a_delimiter_of_several_characters_loses_and_repeats_nothing(rows: Any, cuts: Any, delimiter: str) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    lines = [delimiter.join(map(quoted, row)) + "\n" for row in [("x", "y"), *rows]]
    assert read("".join(lines).encode(), cuts, delimiter=delimiter) == [{"x": x, "y": y} for x, y in rows]


@given(rows, cuts)
def test_escapes_lose_and_repeat_nothing(rows: Any, cuts: Any) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, doublequote=False, escapechar="\\", lineterminator="\n")
    writer.writerows([("x", "y"), *rows])
    assert read(text.getvalue().encode(), cuts, escape="\\") == [{"x": x, "y": y} for x, y in rows]


BAD = [
    (b"3\n", "line 3: it has 1 values for 2 columns", "3\n"),
    (b"3,c,d\n", "line 3: it has 3 values for 2 columns", "3,c,d\n"),
    (b'"3"x,c\n', "line 3: ", '"3"x,c\n'),
    (b"3\r,c\n", "line 3: a lone carriage return", "3\r,c\n"),
    (b"3,caf\xe9\n", "line 3: some of its bytes are not text", "3,caf\\xe9\n"),
    (b'3, "c"\n', r"line 3: a value begins with a blank and a quote; say csv: {skip_blanks: true}", '3, "c"\n'),
    (b'"3"x,"c\nd,e"\n', "lines 3 to 4: ", '"3"x,"c\nd,e"\n'),
    (b"3," + b"x" * 200_000 + b"\n", "line 3: a value has over 131,072 characters", None),
]


@pytest.mark.parametrize(("row", "reason", "kept"), BAD, ids=range(len(BAD)))
@given(cuts)
def test_a_bad_row_is_bad_alone(row: bytes, reason: str, kept: str | None, cuts: list[int]) -> None:
    before, bad, after = read(b"id,name\n1,a\n" + row + b"2,b\n" * 150, cuts, rejects=True)[:3]
    assert [before, after] == WANTED
    assert isinstance(bad, BadRecord)
    assert bad.reason.startswith(reason)
    assert bad.content == kept or kept is None


def test_what_stands_inside_of_a_broken_row_is_no_row() -> None:
    """The text behind the stray quote holds lines that look like rows."""
    content = b'id,name\n"1"x,"a\n8,8\n9,9\nz"\n2,b\n'
    bad, good = read(content, rejects=True)
    assert bad.content == '"1"x,"a\n8,8\n9,9\nz"\n'
    assert good == {"id": "2", "name": "b"}


def test_a_long_bad_row_is_kept_in_part_and_says_so() -> None:
    content = b"id,name\n" + b"x,,," * 100_000 + b"\n"
    (bad,) = read(content, rejects=True)
    assert bad.content.endswith("… (the first 262,144 of 400,001 characters)")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"quote": ""}, "write quote: null"),
        ({"quote": ","}, "stands in delimiter"),
        ({"escape": '"'}, "escape and quote are the same"),
        ({"delimiter": "a\n"}, "delimiter cannot hold a line end"),
        ({"delimiter": " ", "skip_blanks": True}, "skip_blanks needs a delimiter"),
    ],
)
def test_options_that_contradict(options: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        CsvOptions(**options)


@pytest.mark.parametrize("content", [b"", b"\n", b" \r\n \n", b"\xef\xbb\xbf", b"# nothing\n"])
def test_an_empty_csv_is_no_header(content: bytes) -> None:
    with pytest.raises(ContentError, match=r"the CSV is empty, without even a header; .* csv: {empty: ok}"):
        read(content, comment="#")
    assert read(content, comment="#", empty="ok") == []
    assert read(content, comment="#", header=["id"]) == []
    assert read(content + b"id\n", comment="#") == []


@pytest.mark.parametrize("content", [b"", b" \n"])
def test_an_empty_answer_in_csv_is_read_as_csv(content: bytes) -> None:
    answer = Answer(200, {"Content-Type": "text/csv"}, content, "http://x/", Request("GET", "/"))
    with pytest.raises(AnswerError, match="shop: the CSV is empty"):
        AnswerFormat().decode(answer, place="shop")
    assert AnswerFormat(csv={"empty": "ok"}).decode(answer, place="shop") == []
    lines = AnswerFormat(format="json_lines")
    assert lines.decode(answer, place="shop") == []


pieces_of_csv = st.lists(
    st.sampled_from(
        [b'"', b",", b"\n", b"\r\n", b"\r", b"a", b"1,2\n", b'"x"y,\n', b"\xe9", b" ", b"||", b"\\", b"N", b"#"]
    ),
    max_size=40,
).map(b"".join)


@given(
    pieces_of_csv,
    cuts,
    st.sampled_from(
        [
            {},
            {"header": ["a", "b"]},
            {"escape": "\\", "delimiter": "||"},
            {"quote": None, "comment": "#"},
            {"skip": 2, "skip_last": 1},
            {"skip_blanks": True, "empty": "ok"},
        ]
    ),
    st.booleans(),
)
def test_what_is_read_does_not_depend_on_how_it_is_cut(
    content: bytes, cuts: list[int], options: dict[str, Any], rejects: bool
) -> None:
    def outcome(cuts: list[int]) -> Any:
        try:
            return read(b"id,name\n" + content, cuts, rejects=rejects, **options)
        except ContentError as error:
            return str(error)

    if not rejects:  # bytes that are not text are an error as soon as they come, which tells what stands around them
        content = content.replace(b"\xe9", b"e")
    assert outcome(cuts) == outcome([])
