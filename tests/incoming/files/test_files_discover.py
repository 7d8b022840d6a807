"""What there is at a place of files."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path
from typing import Any

import pytest
from files_scene import Places

from airflow_integrations.discovery import Bounds, Collection, Discovery
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.incoming.files.discover import grouped
from airflow_integrations.incoming.files.options import FilesIncomingConfig
from airflow_integrations.incoming.files.source import FilesIncoming
from airflow_integrations.queues.broker import Broker
from airflow_integrations.run import Services


def look(folder: Path, place: str | None = None, **bounds: Any) -> Discovery:
    async def asked() -> Discovery:
        broker = Broker("inbox", "fs", extra={"path": str(folder)})
        async with Services(Places({"inbox": broker})) as services:
            return await FilesIncoming.discover("inbox", place, services, Bounds(**bounds))

    return asyncio.run(asked())


def only(folder: Path, name: str, content: bytes) -> Collection:
    (folder / name).write_bytes(content)
    (found,) = look(folder).collections
    return found


def test_files_whose_names_differ_by_numbers_are_one():
    names = ["orders_2026-11-01.csv", "orders_2026-11-02.csv", "orders_2026-10.csv", "a[1].txt", "b*.txt"]
    uuids = ["x-0a1b2c3d-0000-4000-8000-00000000000a.json", "x-ffffffff-0000-4000-8000-00000000000b.json"]
    assert grouped([*names, *uuids]) == {
        "orders_2026-11-*.csv": ["orders_2026-11-01.csv", "orders_2026-11-02.csv"],
        "orders_2026-10.csv": ["orders_2026-10.csv"],
        "a[[]1].txt": ["a[1].txt"],
        "b[*].txt": ["b*.txt"],
        "x-*.json": uuids,
    }


@pytest.mark.parametrize(
    ("content", "options", "fields"),
    [
        (b"sku;price\nA1;9.95\nB2;1.00\n", {"format": "csv", "csv": {"delimiter": ";"}}, "sku price"),
        (b"\xef\xbb\xbfid\tname\n1\ta\n", {"format": "csv", "csv": {"delimiter": "\t"}}, "id name"),
        (b"id,name\n1,M\xfcller\n", {"format": "csv", "csv": {"encoding": "cp1252"}}, "id name"),
        (b"1,2.5\n2,3.5\n", {"format": "csv", "csv": {"header": ["column_1", "column_2"]}}, "column_1 column_2"),
        (b'{"id": 1}\n{"id": 2}\n', {"format": "json_lines"}, "id"),
        (b'[{"id": 1, "b": null}]', {"format": "json"}, "id b"),
        (b'{"orders": [{"id": 1}]}', {"format": "json", "records": "body.orders"}, "id"),
        (b"<a><b><id>1</id></b><b><id>2</id></b></a>", {"format": "xml", "records": "body.a.b"}, "id"),
    ],
    ids=["semicolon", "tab", "cp1252", "no header", "lines", "json", "inside", "xml"],
)
def test_format_and_fields_are_guessed_by_content(tmp_path, content, options, fields):
    found = only(tmp_path, "data.bin", content)
    assert found.incoming == {"path": "/data.bin", **options}
    assert [field.name for field in found.fields] == fields.split()
    assert "format" in found.guessed
    FilesIncomingConfig.model_validate({"connection": "inbox", **found.incoming})


def test_what_texts_look_like_is_told_and_leading_zeros_stay_text(tmp_path):
    found = only(tmp_path, "a.csv", b"id,zip,day,at,total\n1,00123,2026-01-31,2026-01-31T10:00:00Z,1.50\n2,1,,,2\n")
    assert {field.name: (field.meaning, field.looks_like, field.nullable) for field in found.fields} == {
        "id": ("string", "integer", False),
        "zip": ("string", "any", False),
        "day": ("string", "date", False),
        "at": ("string", "datetime", False),
        "total": ("string", "number", False),
    }


@pytest.mark.parametrize(
    ("content", "name"),
    [(b"", "empty"), (b"%PDF-1.7", "pdf"), (b"<html><p>log in", "html page"), (b"\x00\x01\x02" * 99, "binary")],
)
def test_what_no_route_reads_is_named(tmp_path, content, name):
    found = only(tmp_path, "x", content)
    assert (found.about["format"], found.incoming) == (name, None)


def test_compressed_files_are_looked_into_and_broken_ones_are_a_problem(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"id": 1}\n{"id": 2}\n'))
    (tmp_path / "b.csv.gz").write_bytes(b"this is no gzip")
    good, broken = look(tmp_path).collections
    assert [field.name for field in good.fields] == ["id"]
    assert "Not a gzipped file" in (broken.problem or "")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"id,name\n1,a\n" * 999)[:12] + b"\xff" * 40)
    assert "unpacked" in (look(tmp_path).collections[1].problem or "")


def test_a_bomb_is_read_no_further_than_the_bound(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"id,name\n" + b"1,a\n" * 5_000_000))
    (found,) = look(tmp_path).collections
    assert [field.name for field in found.fields] == ["id", "name"]


def test_folders_groups_sizes_and_pages(tmp_path):
    (tmp_path / "archive").mkdir()
    for number in range(3):
        (tmp_path / f"o_{number}.csv").write_text("id,b\n1,2\n")
    (tmp_path / "z.csv").write_text("id,b\n1,2\n")
    folder, orders, other = look(tmp_path).collections
    assert (folder.name, folder.what) == ("/archive/", "folder")
    assert (orders.name, orders.bytes, orders.about["files"]) == ("/o_*.csv", 27, "3")
    assert (look(tmp_path, most=2).left_out, look(tmp_path, after=orders.name).collections) == (1, (other,))
    assert look(tmp_path, "archive").collections == ()
    assert [each.name for each in look(tmp_path, "/o_*.csv").collections] == ["/o_*.csv"]


def test_a_place_that_is_not_there_or_elsewhere(tmp_path):
    with pytest.raises(OutageError, match="nothere"):
        look(tmp_path, "nothere")
    with pytest.raises(SetupError, match="write PLACE without sftp://"):
        look(tmp_path, "sftp://evil.example/in")
