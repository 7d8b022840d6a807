"""One odd record, between others: it is a BadRecord, or read as it is, and costs none of its neighbours."""

from __future__ import annotations

import io
import zipfile
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_integrations.files.reading import bodies
from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.excel.options import ExcelOutput
from airflow_integrations.formats.excel.writer import ExcelWriter
from airflow_integrations.formats.json_lines import JsonLinesReader
from airflow_integrations.formats.records_format import RecordsFormat


def read(content: bytes, **options: Any) -> list[Any]:
    form = RecordsFormat.model_validate(options)
    return [record for body in bodies(io.BytesIO(content), "a", form, rejects=True) for record in body]


def test_a_line_that_is_too_long_costs_no_other() -> None:
    long = b'{"a":"' + b"x" * 20_000_000 + b'"}'
    first, odd, bad, last = read(b'{"id":1}\n' + long + b'\n{\n{"id":4}\n', format="json_lines")
    assert (first, last) == ({"id": 1}, {"id": 4})
    assert isinstance(odd, BadRecord)
    assert odd.reason.startswith("line 2 has over 16,777,216 bytes")
    assert len(odd.content) <= 256 * 1024
    assert isinstance(bad, BadRecord)
    assert bad.reason.startswith("line 3")
    for whole in (long, b'{"id":1}\n' + long):  # nobody knows what it holds, or where it ends
        with pytest.raises(ContentError, match="is this really"):
            read(whole, format="json_lines")
    strict = JsonLinesReader()
    strict.feed(b'{"id":1}\n')
    with pytest.raises(ContentError, match="line 2 has over"):
        strict.feed(long)


@pytest.mark.parametrize("written", ["202602 3", "2026121 ", "2026 1 1"])
def test_a_date_of_which_digits_are_missing_is_not_guessed(written: str) -> None:
    columns = {"columns": [{"name": "id", "width": 2}, {"name": "on", "width": 8, "type": "date", "date": "%Y%m%d"}]}
    content = f"1 20260203\n2 {written}\n3 00440203\n".encode()
    first, odd, last = read(content, format="fixed_width", fixed_width=columns)
    assert (first["on"], last["on"]) == ("2026-02-03", "0044-02-03")
    assert isinstance(odd, BadRecord)


@pytest.mark.parametrize("written", ["NaN", "INF", "-Infinity", "sNaN", "1e99999", "abc"])
def test_a_cell_whose_number_is_none_is_its_rows_matter(written: str) -> None:
    out = io.BytesIO()
    writer = ExcelWriter(out, ExcelOutput())
    for number in (1, 4711, 3):
        writer.add(SimpleNamespace(value={"v": number}, encoded=b""))
    writer.finish()
    with zipfile.ZipFile(out) as book, zipfile.ZipFile(changed := io.BytesIO(), "w") as copy:
        for name in book.namelist():
            copy.writestr(name, book.read(name).replace(b"4711", written.encode()))
    first, odd, last = read(changed.getvalue(), format="excel")
    assert (first, last) == ({"v": 1}, {"v": 3})
    assert isinstance(odd, BadRecord)
