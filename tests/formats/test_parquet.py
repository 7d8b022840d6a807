"""Parquet: files that pyarrow wrote read, ours read by it, exact both ways, and what is damaged or does not fit."""

from __future__ import annotations

import base64
import io
import tracemalloc
from datetime import UTC, date, datetime, time
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from airflow_integrations.errors import EntityError
from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.json import encode, encode_anyhow
from airflow_integrations.formats.parquet.options import ParquetOutput
from airflow_integrations.formats.parquet.writer import ParquetWriter
from airflow_integrations.formats.records_format import RecordsFormat
from airflow_integrations.formats.writing.written_format import WrittenFormat


def read(content: bytes, required: tuple[str, ...] = (), rejects: bool = True, **parquet: Any) -> list[Any]:
    options = RecordsFormat.model_validate({"format": "parquet", "parquet": parquet})
    found: list[Any] = options.read(content, None, rejects=rejects, required=required)
    return found


def made(table: pa.Table, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def write(*records: Any, refused: list[EntityError] | None = None, **options: Any) -> bytes:
    out = io.BytesIO()
    writer = ParquetWriter(out, ParquetOutput.model_validate(options))
    for record in records:
        try:
            writer.add(SimpleNamespace(value=record, encoded=encode_anyhow(record)))
        except EntityError as error:
            if refused is None:
                raise
            refused.append(error)
    writer.finish()
    return out.getvalue()


DEEP = Decimal("12345678901234567890123456789012345678.90")
LINES = pa.list_(pa.struct([("sku", pa.string()), ("tags", pa.list_(pa.int8()))]))
CASES: list[tuple[Any, Any, Any]] = [
    (pa.int64(), 2**63 - 1, 2**63 - 1),
    (pa.uint64(), 2**64 - 1, 2**64 - 1),
    (pa.decimal128(18, 2), Decimal("0.10"), Decimal("0.10")),
    (pa.decimal256(40, 2), DEEP, DEEP),
    (pa.float64(), 0.1, Decimal("0.1")),
    (pa.float32(), 0.1, Decimal("0.1")),
    (pa.bool_(), True, True),
    (pa.large_string(), "é", "é"),
    (pa.date32(), date(2026, 3, 1), "2026-03-01"),
    (pa.time64("us"), time(8, 5, 0, 120000), "08:05:00.12"),
    (pa.timestamp("us", tz="Europe/Madrid"), datetime(2026, 3, 1, 9, 30, tzinfo=UTC), "2026-03-01T09:30:00Z"),
    (pa.timestamp("ns"), pa.scalar(1_700_000_000_123_456_789, pa.timestamp("ns")), "2023-11-14T22:13:20.123456789"),
    (pa.timestamp("ms"), datetime(2026, 3, 1, 9, 30), "2026-03-01T09:30:00"),
    (pa.duration("ms"), pa.scalar(1500, pa.duration("ms")), Decimal("1.500")),
    (pa.binary(), b"\x00\xff", base64.b64encode(b"\x00\xff").decode()),
    (pa.binary(2), b"ab", base64.b64encode(b"ab").decode()),
    (pa.dictionary(pa.int32(), pa.string()), "red", "red"),
    (LINES, [{"sku": "a", "tags": [1, None]}, None], [{"sku": "a", "tags": [1, None]}, None]),
    (pa.map_(pa.string(), pa.decimal128(5, 1)), [("a", Decimal("1.5"))], {"a": Decimal("1.5")}),
    (pa.map_(pa.int64(), pa.string()), [(1, "x")], [{"key": 1, "value": "x"}]),
    (pa.struct([("a", pa.int64())]), {"a": None}, {"a": None}),
]  # fmt: skip


def test_values_of_every_type_are_exact() -> None:
    names = [f"c{at}" for at in range(len(CASES))]
    columns = [
        pa.array([None, value.value, None], pa.int64()).cast(kind)
        if isinstance(value, pa.Scalar)
        else pa.array([None, value, None], kind)
        for kind, value, _ in CASES
    ]
    content = made(pa.table(columns, names=names), row_group_size=2)
    nothing, found, last = read(content)
    assert nothing == last == dict.fromkeys(names)
    for name, (kind, _, wanted) in zip(names, CASES, strict=True):
        assert found[name] == wanted, kind
        assert type(found[name]) is type(wanted), kind
    assert encode(found["c2"]) == b"0.10"


def test_columns_are_chosen_and_missed() -> None:
    content = made(pa.table({"sku": ["a"], "price": [1]}))
    assert read(content, columns=["price"]) == [{"price": 1}]
    with pytest.raises(ContentError, match="no column 'ean'"):
        read(content, columns=["ean"])
    with pytest.raises(ContentError, match="no column 'id', which entity"):
        read(content, required=("id",))


def test_a_value_that_json_cannot_hold_rejects_its_row_alone() -> None:
    table = pa.table({"id": [1, 2, 3, 4], "x": [1.5, float("nan"), float("inf"), None]})
    one, two, three, four = read(made(table, row_group_size=3))
    assert (one, four) == ({"id": 1, "x": Decimal("1.5")}, {"id": 4, "x": None})
    assert isinstance(two, BadRecord)
    assert two.reason == "row 2 of row group 1, column x: NaN is not a number of JSON"
    assert isinstance(three, BadRecord)
    texts = pa.array([b"ok", b"\xff", b"fine"], pa.binary()).view(pa.string())
    good, bad, fine = read(made(pa.table({"t": texts})))
    assert (good, fine) == ({"t": "ok"}, {"t": "fine"})
    assert isinstance(bad, BadRecord)
    assert "column t: the text is not UTF-8" in bad.reason
    with pytest.raises(ContentError, match="row 2 of row group 1"):
        read(made(table), rejects=False)


def test_a_damaged_file_is_told_with_its_row_group() -> None:
    table = pa.table({"id": list(range(1000)), "text": [f"text {number}" for number in range(1000)]})
    content = made(table, row_group_size=300, write_page_checksum=True, compression="none", use_dictionary=False)
    at = content.index(b"text 650")
    damaged = content[:at] + b"TEXT" + content[at + 4 :]
    options = RecordsFormat.model_validate({"format": "parquet"})
    reader: Any = options.reader(None)
    reader.feed(damaged)
    pages = reader.remaining()
    assert sum(len(next(pages)) for _ in range(4)) == 600
    with pytest.raises(ContentError, match="damaged in row group 3 of 4, behind its row 0"):
        next(pages)
    for broken, why in (
        (content[:-100], "cannot be read"),
        (b"PAR1", "cannot be read"),
        (b"PARE" + b"\0" * 50, "is encrypted"),
        (b"id,text\n1,a\n", "not Parquet: it does not begin with PAR1"),
    ):
        with pytest.raises(ContentError, match=why):
            read(broken)


def test_hostile_files_end_in_an_error_of_ours() -> None:
    content = made(pa.table({"id": list(range(50)), "text": ["x" * 20] * 50}), row_group_size=20)
    for at in range(4, len(content), 7):
        for byte in (0, 255, content[at] ^ 0x10):
            try:
                read(content[:at] + bytes([byte]) + content[at + 1 :])
            except ContentError:
                continue


def test_the_schema_is_that_of_the_first_row_group() -> None:
    order = {"id": 2**53 + 1, "big": 2**64 - 1, "total": Decimal("19.90"), "open": True, "tags": ["a"], "none": None,
             "buyer": {"name": "Å", "limit": 5}}  # fmt: skip
    other: dict[str, Any] = {
        "id": 1,
        "big": 1,
        "total": 5,
        "open": None,
        "tags": [],
        "buyer": None,
        "late": Decimal("0.1234"),
    }
    content = write(order, other, {"id": None, "huge": 10**50})
    file = pq.ParquetFile(io.BytesIO(content))
    kinds = {field.name: str(field.type) for field in file.schema_arrow}
    assert kinds["id"] == "int64"
    assert kinds["big"] == "uint64"
    assert kinds["total"] == "decimal128(38, 2)"
    assert kinds["huge"] == "decimal256(76, 0)"
    assert kinds["none"] == "string"
    first, second, third = read(content)
    assert {name: first[name] for name in order} == order
    assert {name: second[name] for name in other} == other
    assert third["huge"] == 10**50


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("int8", 128, "outside int8"),
        ("int64", 2**63, "outside int64"),
        ("uint64", -1, "outside uint64"),
        ("int64", Decimal("1.5"), "not a whole number"),
        ("int64", Decimal("1e9999"), "not a whole number"),
        ("int64", "1", "a text, and the column has a number"),
        ("int64", True, "a boolean, and"),
        ("decimal(5, 2)", Decimal("1.005"), "more than 2 digits behind the point"),
        ("decimal(5, 2)", 1000, "more digits than"),
        ("decimal(76, 2)", Decimal("1e9999"), "more digits than"),
        ("float", Decimal("1e39"), "too large"),
        ("double", Decimal("1e400"), "too large"),
        ("boolean", 1, "a number, and the column has a boolean"),
        ("string", 1, "a number, and the column has a text"),
        ("string", "\ud800", "half of a surrogate pair"),
        ("binary", "no base64!", "not base64"),
        ("date", "2026-02-30", "not a date"),
        ("time", "25:00", "not a time of day"),
        ("timestamp", "2026-03-01T10:00:00", "no offset"),
        ("timestamp", "2026-03-01T10:00:00.1234567Z", "more than six digits"),
        ("timestamp", "0001-01-01T00:00:00+10:00", "outside the years"),
        ("local_timestamp", "2026-03-01T10:00:00Z", "has an offset"),
        (["int8"], [1, "x"], "x\\[1\\]: "),
        ({"a": "int8"}, {"b": 1}, "x.b: "),
        ([{"a": ["date"]}], [{"a": ["2026-03-01", "no"]}], "x\\[0\\].a\\[1\\]: "),
    ],
    ids=str,
)
def test_a_value_that_does_not_fit_is_refused_alone_with_its_column(kind: Any, value: Any, why: str) -> None:
    refused: list[EntityError] = []
    content = write({"id": 1}, {"id": 2, "x": value}, {"id": 3}, refused=refused, columns={"id": "int64", "x": kind})
    assert [record["id"] for record in read(content)] == [1, 3]
    import re

    (error,) = refused
    assert error.field is not None
    assert error.field.startswith("x")
    assert re.search(why, f"{error.field}: {error.reason}")


def test_given_types_are_written_and_read_back() -> None:
    record = {"i": 5, "d": Decimal("1.50"), "f": Decimal("0.1"), "j": {"a": [1]}, "b": "AP8=", "day": "2026-03-01",
              "t": "10:30:00.5", "at": "2026-03-01T10:30:00+02:00", "local": "2026-03-01T10:30:00",
              "lines": [{"sku": "a", "n": 1}, {"sku": None, "n": None}]}  # fmt: skip
    columns = {"i": "uint8", "d": "decimal(40, 3)", "f": "double", "j": "json", "b": "binary", "day": "date",
               "t": "time",
               "at": "timestamp", "local": "local_timestamp", "lines": [{"sku": "string", "n": "int32"}]}  # fmt: skip
    content = write(record, {}, columns=columns, compression="snappy")
    first, second = read(content)
    assert first == {**record, "at": "2026-03-01T08:30:00Z", "j": '{"a":[1]}'}
    assert second == dict.fromkeys(columns)
    assert pq.read_schema(io.BytesIO(content)).field("at").type == pa.timestamp("us", tz="UTC")
    assert content == write(record, {}, columns=columns, compression="snappy")


def test_what_does_not_fit_the_first_entities_is_refused_alone() -> None:
    refused: list[EntityError] = []
    records = [
        {"id": 1, "t": "a"},
        {"id": "2", "t": "a"},
        {"id": 3, "t": {"x": 1}},
        {"id": 4, "t": "\ud800"},
        {},
        {"id": 5},
    ]
    later = [{"id": 6, "new": 1}, {"id": Decimal("1.5")}, {"id": 7}]
    content = write(*records, *later, refused=refused, rows=3)
    assert [record["id"] for record in read(content)] == [1, None, 5, 7]
    assert [error.field for error in refused] == ["id", "t", None, "new", "id"]
    assert "a text, and the column has a number in other entities" in refused[0].reason
    assert "name them all in parquet.columns" in refused[3].reason
    assert pq.ParquetFile(io.BytesIO(content)).metadata.num_row_groups == 2
    refused.clear()
    write({"a": 1}, {"": 1}, {"a": [[[None]]] * 2}, {"b": Decimal("1e80")}, {"b": {}}, refused=refused)
    assert [error.field for error in refused] == [None, "a", "b"]
    with pytest.raises(EntityError, match="no fields"):
        write({})


def test_mistakes_in_types_are_told() -> None:
    for columns, why in (
        ({"a": "varchar"}, "a: 'varchar' is not a type"),
        ({"a": "decimal(80, 2)"}, "is not a type"),
        ({"a": [{"b": ["int99"]}]}, "a\\[\\].b\\[\\]: 'int99'"),
        ({"a": ["string", "string"]}, "is not a type"),
        ({}, "at least 1"),
    ):
        with pytest.raises(ValidationError, match=why):
            ParquetOutput.model_validate({"columns": columns})


def test_without_pyarrow_validation_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for room in ("records_format", "writing.written_format"):
        monkeypatch.setattr(f"airflow_integrations.formats.{room}.is_installed", lambda: False)
    for model in (RecordsFormat, WrittenFormat):
        with pytest.raises(ValidationError, match=r"pip install 'airflow-integrations\[parquet\]'"):
            model.model_validate({"format": "parquet"})


def test_memory_is_flat_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"id": list(range(60_000)), "text": [f"text {number}" * 5 for number in range(60_000)]})
    content = made(table, row_group_size=60_000)
    reader: Any = RecordsFormat.model_validate({"format": "parquet"}).reader(None)
    reader.feed(content)
    pages = reader.remaining()
    next(pages)
    tracemalloc.start()
    before = pa.total_allocated_bytes()
    most = 0
    for at, page in enumerate(pages):
        most = max(most, pa.total_allocated_bytes() - before)
        if at == 40:
            break
        del page
    assert most < 20_000_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6_000_000
    from airflow_integrations.formats.parquet import writer

    monkeypatch.setattr(writer, "BYTES", 20_000)
    assert pq.ParquetFile(io.BytesIO(write(*[{"id": "x" * 1000}] * 100))).metadata.num_row_groups == 5
