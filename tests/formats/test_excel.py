"""Excel workbooks: those of another library read, ours read by it, and what is hostile."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from datetime import date, datetime, time
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest

from airflow_integrations.errors import EntityError
from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.excel.options import ExcelOutput
from airflow_integrations.formats.excel.writer import ExcelWriter
from airflow_integrations.formats.records_format import RecordsFormat


def read(content: bytes, required: tuple[str, ...] = (), **excel: Any) -> list[Any]:
    options = RecordsFormat.model_validate({"format": "excel", "excel": excel})
    found: list[Any] = options.read(content, None, rejects=True, required=required)
    return found


def book(*rows: list[Any], title: str = "Prices", change: Any = None) -> bytes:
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    if change is not None:
        change(made, sheet)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def write(*records: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    writer = ExcelWriter(out, ExcelOutput.model_validate(options))
    for record in records:
        writer.add(SimpleNamespace(value=record, encoded=b""))
    writer.finish()
    return out.getvalue()


def changed(content: bytes, part: str, *pairs: tuple[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            text = old.read(name)
            for before, after in pairs if name == part else ():
                assert before.encode() in text
                text = text.replace(before.encode(), after.encode())
            new.writestr(name, text)
    return out.getvalue()


AT = "2026-03-01T10:30:00"
HEAD = ["sku", "price", "on", "at", "open", "time"]


def test_cells_as_they_are_typed() -> None:
    found = read(
        book(
            HEAD,
            ["007", 19.99, date(2026, 3, 1), datetime(2026, 3, 1, 10, 30), True, time(8, 5)],
            [None] * 6,
            [" é€\n", -5, date(1900, 1, 1), None, False, None],
        )
    )
    assert found == [
        {
            "sku": "007",
            "price": Decimal("19.99"),
            "on": "2026-03-01",
            "at": "2026-03-01T10:30:00",
            "open": True,
            "time": "08:05:00",
        },
        {"sku": " é€\n", "price": -5, "on": "1900-01-01", "at": None, "open": False, "time": None},
    ]


def test_numbers_are_what_is_written_in_the_cell() -> None:
    content = changed(book(["n"], [1]), "xl/worksheets/sheet1.xml", ("<v>1</v>", "<v>19.989999999999998720</v>"))
    assert str(read(content)[0]["n"]) == "19.989999999999998720"
    content = changed(book(["n"], [1]), "xl/worksheets/sheet1.xml", ("<v>1</v>", "<v>12345678901234567890</v>"))
    assert read(content) == [{"n": 12345678901234567890}]


def test_sheets_header_and_skip() -> None:
    def more(made: Any, sheet: Any) -> None:
        made.create_sheet("Other").append(["x"])
        made["Other"].append(["1"])

    content = book(["a title"], [], ["sku", "price"], ["A", 1], change=more)
    assert read(content, skip=2) == [{"sku": "A", "price": 1}]
    assert read(content, sheet="Prices", skip=3, header=["s", "p"]) == [{"s": "A", "p": 1}]
    assert read(content, sheet=2) == read(content, sheet="Other") == [{"x": "1"}]
    for wrong in ({"sheet": 3}, {"sheet": "prices"}):
        with pytest.raises(ContentError, match="it has 'Prices', 'Other'"):
            read(content, **wrong)
    with pytest.raises(ContentError, match=r"no column 'id', which entity.key reads; it has 'sku', 'price'"):
        read(content, skip=2, required=("id",))
    with pytest.raises(ContentError, match="two columns are called 'a'"):
        read(book(["a", "a"], [1, 2]))
    with pytest.raises(ContentError, match="the sheet is empty"):
        read(book())
    assert read(book(), empty="ok") == []


def test_a_bad_cell_rejects_its_row_alone() -> None:
    def formulas(made: Any, sheet: Any) -> None:
        sheet["B3"] = "=1+1"
        sheet["D4"] = "no header"

    content = book(["a", "b"], ["x", 1], ["y", None], ["z", 2], ["w", 3], change=formulas)
    content = (
        changed(content, "xl/worksheets/sheet1.xml", ('r="B5"><v>3', 'r="B5" t="e"><v>#REF!')) if False else content
    )
    found = read(content)
    assert [type(each) for each in found] == [dict, BadRecord, BadRecord, dict]
    assert found[1].reason == "row 3: cell B3 has a formula and no value; open the file in Excel and save it"
    assert found[1].content == '{"A":"y","B":"1+1"}'
    assert found[2].reason == "row 4: cell D4 is in a column without a name"
    error = changed(book(["a"], [7]), "xl/worksheets/sheet1.xml", ('t="n"><v>7', 't="e"><v>#REF!'))
    assert read(error)[0].reason == "row 2: cell A2 has the error #REF!"


def test_what_is_written_is_read_by_another_library_and_by_us() -> None:
    records = [
        {"sku": "=1+1", "price": Decimal("0.10"), "on": "2026-03-01", "at": "2026-03-01T10:30:15Z", "open": True},
        {"sku": ' <&>" _x0041_\n', "price": -(10**14), "on": None, "at": None, "open": False},
        {"sku": "long", "price": Decimal("1234567890.123456789"), "on": None, "at": None, "open": None},
    ]
    content = write(*records, sheet="A & B", dates=["on", "at"])
    assert content == write(*records, sheet="A & B", dates=["on", "at"])
    sheet = openpyxl.load_workbook(io.BytesIO(content))["A & B"]
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == ("sku", "price", "on", "at", "open")
    assert rows[1] == ("=1+1", 0.1, datetime(2026, 3, 1), datetime(2026, 3, 1, 10, 30, 15), True)
    assert sheet["A2"].data_type == "s"
    assert rows[3][1] == "1234567890.123456789"
    found = read(content)
    assert found[0] == {**records[0], "at": "2026-03-01T10:30:15"}
    assert found[1] == records[1]
    assert found[2]["price"] == "1234567890.123456789"


@pytest.mark.parametrize("value", [{"a": 1}, "x" * 32_768, "\x01", "\ud800"])
def test_what_a_cell_cannot_hold_fails_alone(value: Any) -> None:
    out = io.BytesIO()
    writer = ExcelWriter(out, ExcelOutput())
    with pytest.raises(EntityError):
        writer.add(SimpleNamespace(value={"a": value}, encoded=b""))
    writer.add(SimpleNamespace(value={"a": 1}, encoded=b""))
    with pytest.raises(EntityError, match="the file has columns a"):
        writer.add(SimpleNamespace(value={"b": 1}, encoded=b""))
    writer.finish()
    assert read(out.getvalue()) == [{"a": 1}]


SHEET = "xl/worksheets/sheet1.xml"


def test_two_cells_far_apart_are_two_cells() -> None:
    def far(made: Any, sheet: Any) -> None:
        sheet["XFD1048576"] = "end"

    tracemalloc.start()
    found = read(book(["a"], ["x"], change=far))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found[0] == {"a": "x"}
    assert found[1].reason == "row 1048576: cell XFD1048576 is in a column without a name"
    assert peak < 5_000_000


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("<sheetData>", "<!-- -->" * 3_000_000 + "<sheetData>", "packed bytes, and over"),
        ('<row r="2"', '<row r="1"', "comes behind row 1"),
        ('<row r="2"', '<row r="1048577"', "Excel has rows 1 to"),
        ('r="A2"', 'r="ZZZ2"', "has a cell 'ZZZ2', which cannot be"),
        ("<worksheet", '<!DOCTYPE a [<!ENTITY b "c">]><worksheet', "declares a document type"),
        ("</sheetData>", "", "is not XML"),
    ],
)
def test_a_hostile_sheet_is_refused(before: str, after: str, told: str) -> None:
    with pytest.raises(ContentError, match=told):
        read(changed(book(["a"], ["x"]), SHEET, (before, after)))


def test_what_is_no_workbook_is_told() -> None:
    content = book(["a"], ["x"])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as other:
        other.writestr("a.csv", "a,b")
    for wrong in (b"", b"a,b\n1,2\n", content[: len(content) // 2], out.getvalue(), b"\xd0\xcf\x11\xe0" + b"\0" * 600):
        with pytest.raises(ContentError):
            read(wrong)
    odd = (
        changed(content, SHEET, ("<v>0</v></c></row></sheetData>", "<v>7</v></c></row></sheetData>"))
        if False
        else content
    )
    assert read(odd) == [{"a": "x"}]


def test_a_zip_file_with_workbooks_in_it() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("a.xlsx", "b.xlsx"):
            archive.writestr(name, book(["a"], [name]))
    options = RecordsFormat.model_validate({"format": "excel", "zip_files": "*.xlsx"})
    assert options.read(out.getvalue(), None) == [{"a": "a.xlsx"}, {"a": "b.xlsx"}]
