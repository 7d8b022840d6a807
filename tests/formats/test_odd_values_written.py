"""One odd value of one record, between others: it is refused alone, or written so that it is read as it was."""

from __future__ import annotations

import io
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_integrations.errors import EntityError
from airflow_integrations.files.reading import bodies
from airflow_integrations.formats.json import encode
from airflow_integrations.formats.records_format import RecordsFormat
from airflow_integrations.formats.writing.control import Control
from airflow_integrations.outgoing.files.options import FilesOptions

BLANKS = {"columns": [{"name": "id", "width": 5}, {"name": "v", "width": 8}]}
X12 = {"sender": "A", "recipient": "B", "type": "850", "group": "PO"}
LONG = Decimal("1." + "0" * 40 + "1")


def written(records: list[Any], **options: Any) -> tuple[list[bool], bytes]:
    """For each record whether it was written, and the file."""
    out = io.BytesIO()
    writer = FilesOptions.model_validate({"path": "/out/a", **options}).writer(out, Control(1, 0.0))
    taken = []
    for value in records:
        try:
            writer.add(SimpleNamespace(value=value, encoded=encode(value)))
            taken.append(True)
        except EntityError:
            taken.append(False)
    writer.finish()
    return taken, out.getvalue()


def read(content: bytes, **options: Any) -> list[Any]:
    form = RecordsFormat(**options)
    return [record for body in bodies(io.BytesIO(content), "a", form, rejects=False) for record in body]


REFUSED: list[tuple[dict[str, Any], list[Any]]] = [
    ({"format": "csv", "csv": {"footer": ["", {"sum": "v"}]}}, ["0." + "1" * 2000, Decimal("0." + "1" * 1500), "NaN"]),
    ({"format": "xml", "xml": {"footer": {"s": {"sum": "v"}}}}, ["9" * 99 + "." + "9" * 950, Decimal("1E+400")]),
    ({"format": "excel"}, ["\U0001f600" * 20_000, "\0", "x" * 32_768]),
    ({"format": "parquet", "parquet": {"columns": {"id": "int64", "v": "double"}}}, [Decimal("1E-400"), 10**400]),
    ({"format": "parquet", "parquet": {"columns": {"id": "int64", "v": "float"}}}, [Decimal("1E-60")]),
]


@pytest.mark.parametrize(("options", "values"), REFUSED, ids=["csv", "xml", "excel", "double", "float"])
def test_what_cannot_be_written_is_refused_alone(options: dict[str, Any], values: list[Any]) -> None:
    good = [{"id": 1, "v": 1}]
    taken, content = written([*good, *({"id": 2, "v": value} for value in values), *good], **options)
    assert taken == [True, *[False] * len(values), True]
    assert content.count(b"9" * 40) == 0
    if options["format"] != "xml":
        assert [str(record["id"]) for record in read(content, format=options["format"])][:2] == ["1", "1"]


@pytest.mark.parametrize("form", ["csv", "excel"])
def test_a_first_record_without_fields_does_not_cost_the_others_their_header(form: str) -> None:
    taken, content = written([{}, {"id": "1"}, {"id": "2"}], format=form)
    assert taken == [False, True, True]
    assert read(content, format=form) == [{"id": "1"}, {"id": "2"}]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_one_byte_order_mark_is_enough(encoding: str) -> None:
    records = [{"id": str(number), "v": "\xe9"} for number in range(3)]
    _, content = written(records, format="csv", csv={"encoding": encoding, "footer": ["", {"count": "records"}]})
    assert content.decode(encoding) == "id,v\r\n0,\xe9\r\n1,\xe9\r\n2,\xe9\r\n,3\r\n"
    if encoding != "utf-8-sig":  # a blank of it is more than the one byte that columns need
        _, content = written(records, format="fixed_width", fixed_width={**BLANKS, "encoding": encoding})
        assert content.decode(encoding).splitlines() == [f"{number}    \xe9       " for number in range(3)]
    segments = [{"segments": [["BEG", str(number)]]} for number in range(2)]
    _, content = written(segments, format="x12", x12={**X12, "encoding": encoding})
    assert "\ufeff" not in content.decode(encoding)


KEPT: list[Any] = ["a\r\nb", "a\rb", "_x000D_", 10**40 + 1, LONG, Decimal("0.1"), 10**14, "=1+1", "\U0001f600" * 16_000]


def test_a_workbook_keeps_what_excel_would_change() -> None:
    taken, content = written([{"v": value} for value in KEPT], format="excel")
    assert taken == [True] * len(KEPT)
    kept = [str(value) if value in (10**40 + 1, LONG) else value for value in KEPT]  # too many digits: as text
    assert [record["v"] for record in read(content, format="excel")] == kept
    (refused,), _ = written([{f"f{number}": 1 for number in range(16_385)}], format="excel")
    assert not refused


def test_a_zero_with_an_exponent_is_a_whole_number_of_parquet() -> None:
    records = [{"v": 1}, {"v": Decimal("0E+400")}, {"v": 2}]
    taken, content = written(records, format="parquet")
    assert taken == [True] * 3
    assert [record["v"] for record in read(content, format="parquet")] == [1, 0, 2]
