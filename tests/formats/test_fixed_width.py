"""Fixed width, read and written: banks' files, numbers with every kind of sign, lines that are bad alone."""

from __future__ import annotations

import io
import tracemalloc
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from airflow_integrations.errors import EntityError
from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.fixed_width.options import FixedWidthOptions
from airflow_integrations.formats.fixed_width.output import FixedWidthOutput
from airflow_integrations.formats.fixed_width.reader import FixedWidthReader
from airflow_integrations.formats.fixed_width.writer import FixedWidthWriter
from airflow_integrations.formats.records_format import RecordsFormat


def read(options: dict[str, Any], content: bytes, size: int = 7, rejects: bool = True, **more: Any) -> list[Any]:
    reader = FixedWidthReader(FixedWidthOptions.model_validate(options), rejects=rejects, **more)
    found = [record for at in range(0, len(content), size) for record in reader.feed(content[at : at + size])]
    return found + reader.finish()


def write(options: dict[str, Any], *records: Any) -> bytes:
    out = io.BytesIO()
    writer = FixedWidthWriter(out, FixedWidthOutput.model_validate(options))
    for record in records:
        writer.add(SimpleNamespace(value=record, encoded=b""))
    writer.finish()
    return out.getvalue()


NORMA_43 = {
    "tag": {"width": 2},
    "kinds": [
        {"tag": "11", "ignore": True},
        {
            "tag": "22",
            "columns": [
                {"name": "booked", "start": 11, "width": 6, "type": "date", "date": "%y%m%d"},
                {"name": "side", "start": 28, "width": 1},
                {"name": "amount", "width": 14, "type": "decimal", "places": 2},
                {"name": "document", "width": 10},
                {"name": "reference", "start": 65, "width": 16},
            ],
        },
        {
            "tag": "23",
            "into": "notes",
            "columns": [{"name": "code", "start": 3, "width": 2}, {"name": "text", "width": 76}],
        },
        {"tag": "33", "ignore": True},
        {
            "tag": "88",
            "ignore": True,
            "count": "lines",
            "count_of": "lines_before",
            "columns": [{"name": "lines", "start": 21, "width": 6, "type": "integer"}, {"name": "rest", "width": 54}],
        },
    ],
}
"""A statement of account as Spanish banks send it (Cuaderno 43 of the AEB)."""


STATEMENT = """\
112100041802000513322603012603022000000001234569783EMPRESA SA
22    0418260301260301030071000000000123450000000042000000000000FACTURA 17
2301RECIBO DE LUZ, ESPAÑA
22    0418260302260302040072000000000000050000000043000000000000
3321000418020005133200001000000000123450000100000000000005200000000111116978
88999999999999999999%06d
"""


def statement(count: int = 5) -> list[str]:
    return [line.ljust(80) for line in (STATEMENT % count).splitlines()]


def test_a_statement_of_account() -> None:
    lines = statement()
    assert {len(line) for line in lines} == {80}
    first, second = read(NORMA_43, ("\r\n".join(lines) + "\r\n\x1a").encode("cp1252"), encoding="cp1252")
    assert first == {
        "booked": "2026-03-01",
        "side": "1",
        "amount": Decimal("123.45"),
        "document": "0000000042",
        "reference": "FACTURA 17",
        "notes": [{"code": "01", "text": "RECIBO DE LUZ, ESPAÑA"}],
    }
    assert str(second["amount"]) == "0.05"
    assert second["notes"] == []
    no_ends = {**NORMA_43, "length": 80}
    assert read(no_ends, "".join(lines).encode("cp037"), size=33, encoding="cp037") == [first, second]


def test_a_statement_that_is_cut_off_or_counts_wrong_is_told() -> None:
    lines = statement()
    *_, told = read(NORMA_43, "\n".join(lines[:-1]).encode(), encoding="utf-8")
    assert "ends without the line that counts" in told.reason
    *_, told = read(NORMA_43, "\n".join(statement(8)).encode())
    assert told.reason == "line 6: lines says 8, and the file has 5 lines before"
    *_, told = read({**NORMA_43, "length": 80}, "".join(lines).encode("cp1252")[:-10], encoding="cp1252")
    assert isinstance(told, BadRecord)


def test_one_bad_line_rejects_its_record_alone() -> None:
    lines = statement()
    lines[2] = lines[2].replace("23", "24", 1)
    lines[3] = lines[3].replace("0000000005", "000000x005")
    got = read(NORMA_43, "\n".join(lines).encode())
    assert [type(each) for each in got] == [BadRecord, BadRecord]
    assert got[0].reason.startswith("line 3: its tag is '24', and the route knows '11', '22', '23', '33', '88'")
    assert got[0].content == "\n".join(lines[1:3])
    assert got[1].reason.startswith("line 4: column 'amount' is '000000000x0005'"[:30])


COLUMNS = {"columns": [{"name": "id", "width": 4}, {"name": "name", "width": 6}]}


@pytest.mark.parametrize(
    ("options", "content", "reason"),
    [
        ({}, b"1   ab\n", "line 1: it has 6 places, and its columns need 10"),
        ({}, b"1   abcdefg\n", "line 1: it has 11 places, and its columns end at 10"),
        ({}, b"1   \xffbcdef\n", "line 1: some of its bytes are not text in utf-8"),
        ({"unit": "bytes"}, b"1   \xffbcdef\n", "bytes of"),
        ({"length": 10}, b"1   abcdef2   ab", "line 2: the content ends in the middle of it"),
    ],
)
def test_lines_that_are_refused(options: dict[str, Any], content: bytes, reason: str) -> None:
    bad = read({**COLUMNS, **options}, content)[-1]
    assert isinstance(bad, BadRecord)
    assert reason in bad.reason
    with pytest.raises(ContentError):
        read({**COLUMNS, **options}, content, rejects=False)


def test_lines_that_are_taken() -> None:
    assert read({**COLUMNS, "short": "fill"}, b"1\n2   ab\n") == [{"id": "1", "name": ""}, {"id": "2", "name": "ab"}]
    assert read({**COLUMNS, "longer": "ignore"}, b"1   abcdefgh") == [{"id": "1", "name": "abcdef"}]
    assert read({**COLUMNS, "skip": 1, "skip_last": 1}, b"x\n1   abcdef\ny\n") == [{"id": "1", "name": "abcdef"}]
    assert read({**COLUMNS, "unit": "bytes"}, b"\xef\xbb\xbf" + "é1 ééé\n".encode()) == [{"id": "é1", "name": "ééé"}]
    assert read(COLUMNS, "é1  ééé   \n".encode()) == [{"id": "é1", "name": "ééé"}]


SIGNS = st.sampled_from(["leading", "trailing", "overpunch"])


@given(st.integers(-(10**9), 10**9), st.integers(0, 6), SIGNS, st.sampled_from(["0", " ", "*"]))
def test_numbers_come_back_exactly(digits: int, places: int, sign: str, fill: str) -> None:
    value = Decimal(digits).scaleb(-places)
    column = {"name": "n", "width": 14, "type": "decimal", "places": places, "sign": sign, "fill": fill}
    line = write({"columns": [column]}, {"n": value})
    assert len(line) == 16
    assert read({"columns": [column]}, line) == [{"n": value}]
    plain = {"name": "n", "width": 20, "type": "decimal", "point": ","}
    assert read({"columns": [plain]}, write({"columns": [plain]}, {"n": value})) == [{"n": value}]
    whole = {"name": "n", "width": 14, "type": "integer", "sign": sign, "fill": fill}
    assert read({"columns": [whole]}, write({"columns": [whole]}, {"n": digits})) == [{"n": digits}]


def test_what_cobol_and_sap_write() -> None:
    cobol = {"columns": [{"name": "n", "width": 4, "type": "decimal", "places": 2, "sign": "overpunch"}]}
    assert read(cobol, b"012L\n012C\n0123\n012}\n") == [{"n": Decimal(n)} for n in ("-1.23", "1.23", "1.23", "-1.20")]
    sap = {"columns": [{"name": "n", "width": 6, "type": "integer", "sign": "trailing"}]}
    assert write(sap, {"n": -12}, {"n": 12}, {"n": None}) == b"00012-\r\n00012 \r\n      \r\n"


def test_kinds_may_have_columns_in_common() -> None:
    options = {
        "tag": {"width": 1},
        "columns": [{"name": "id", "start": 2, "width": 2}],
        "kinds": [
            {"tag": "H", "columns": [{"name": "on", "width": 3}]},
            {"tag": "L", "into": "lines", "columns": [{"name": "sku", "width": 2}]},
        ],
    }
    record = {"id": "A1", "on": "sun", "lines": [{"id": "B1", "sku": "S1"}]}
    assert write({**options, "line_end": "lf"}, record) == b"HA1sun\nLB1S1\n"
    assert read(options, b"HA1sun\nLB1S1\n") == [record]


def test_several_kinds_with_header_and_footer() -> None:
    options = {
        "tag": {"width": 1},
        "kinds": [
            {
                "tag": "H",
                "columns": [{"name": "id", "start": 2, "width": 5}, {"name": "on", "width": 8, "type": "date"}],
            },
            {
                "tag": "L",
                "into": "lines",
                "columns": [
                    {"name": "sku", "start": 2, "width": 6},
                    {"name": "price", "width": 7, "type": "decimal", "places": 2},
                ],
            },
        ],
        "length": 20,
        "line_end": "lf",
        "header": [{"width": 1, "text": "0"}, {"width": 6, "text": "ORDERS"}],
        "footer": [
            {"width": 1, "text": "9"},
            {"width": 4, "type": "integer", "count": "records"},
            {"width": 4, "type": "integer", "count": "all_lines"},
            {"width": 9, "type": "decimal", "places": 2, "sum": "lines.price"},
        ],
    }
    orders = [
        {
            "id": "A1",
            "on": "2026-03-01T10:00:00Z",
            "lines": [{"sku": "S1", "price": Decimal("1.1")}, {"sku": "S2", "price": -2}],
        },
        {"id": "A2", "on": None, "lines": []},
    ]
    written = write(options, *orders).decode().splitlines()
    assert {len(line) for line in written} == {20}
    assert [line.rstrip() for line in written] == [
        "0ORDERS",
        "HA1   20260301",
        "LS1    0000110",
        "LS2    -000200",
        "HA2",
        "900020006-00000090",
    ]


@pytest.mark.parametrize(
    ("record", "field", "why"),
    [
        ({"id": "12345", "name": "a"}, "id", "its 5 places do not fit into 4"),
        ({"id": "1", "name": "a\nb"}, "name", "line end"),
        ({"id": {"a": 1}}, "id", "an object"),
        ("text", None, "an object's fields"),
    ],
)
def test_what_cannot_be_written_fails_alone(record: Any, field: str | None, why: str) -> None:
    out = io.BytesIO()
    writer = FixedWidthWriter(out, FixedWidthOutput.model_validate(COLUMNS))
    writer.add(SimpleNamespace(value={"id": "1"}, encoded=b""))
    with pytest.raises(EntityError, match=why) as told:
        writer.add(SimpleNamespace(value=record, encoded=b""))
    assert told.value.field == field
    assert out.getvalue() == b"1         \r\n"


def test_no_digit_is_lost_and_no_text_cut_unless_the_route_says_so() -> None:
    cents = {"columns": [{"name": "n", "width": 5, "type": "decimal", "places": 2}]}
    for value in (Decimal("1.005"), Decimal(1000), "abc", True, Decimal("NaN"), "1e400"):
        with pytest.raises(EntityError):
            write(cents, {"n": value})
    assert write(cents, {"n": "1.50"}, {"n": Decimal("1E+2")}) == b"00150\r\n10000\r\n"
    cut = {"columns": [{"name": "n", "width": 5, "cut": True}], "unit": "bytes"}
    assert write(cut, {"n": "ééé"}) == "éé ".encode() + b"\r\n"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"columns": [{"name": "a", "width": 1}, {"name": "a", "width": 1}]},
        {"tag": {"width": 1}, "kinds": [{"tag": "10", "columns": [{"name": "a", "width": 1}]}]},
        {"columns": [{"name": "a", "width": 9, "type": "date", "date": "%H"}]},
        {"columns": [{"name": "a", "width": 9, "type": "integer", "fill": "0", "align": "left"}]},
        {"columns": [{"name": "a", "width": 9}], "length": 8},
    ],
)
def test_mistakes_in_a_route(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FixedWidthOptions.model_validate(options)


def test_an_error_message_is_not_read_and_a_route_must_name_columns() -> None:
    options = RecordsFormat.model_validate({"format": "fixed_width", "fixed_width": COLUMNS})
    for content in (b'{"error": "no such file"}', b"<html><body>login</body></html>", b"<error/>"):
        with pytest.raises(ContentError):
            options.read(content, None)
    with pytest.raises(ValidationError, match="names the columns"):
        RecordsFormat.model_validate({"format": "fixed_width"})


def test_memory_is_flat_and_a_line_without_an_end_is_bounded() -> None:
    reader = FixedWidthReader(FixedWidthOptions.model_validate(COLUMNS), rejects=True)
    chunk = b"1   abcdef\n" * 2000
    tracemalloc.start()
    count = sum(len(reader.feed(chunk)) for _ in range(10))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count + len(reader.finish()) == 20_000
    assert peak < 4_000_000
    with pytest.raises(ContentError, match="a line has over"):
        reader.feed(b"x" * 5_000_000)
