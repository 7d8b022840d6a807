"""A packed route is the same route wherever it is unpacked, whatever has become of its files."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from route_definitions import Write

from airflow_integrations.route.definition import Route
from airflow_integrations.route.files import packed
from airflow_integrations.route.files.named import named_files
from airflow_integrations.route.files.packed import pack, unpack
from airflow_integrations.route.hash import data_hash, route_hash
from airflow_integrations.route_files.load import read_route

PARAMS: dict[str, Any] = {"rate": Decimal("0.10"), "big": 10**40, "text": "0.10", "deep": [{"a": None, "b": True}]}


def test_a_route_with_files(root: Path, write: Write, good: str, tmp_path: Path) -> None:
    write(
        {
            "sales/orders.yaml": good.replace("lookups/", "../lookups/").replace("schemas/", "../schemas/"),
            "schemas/order.json": '{"properties": {"n": {"$ref": "parts/n.json"}}}',
            "schemas/parts/n.json": '{"$ref": "../m.json"}',
            "schemas/m.json": '{"type": "string"}',
        }
    )
    route = read_route(root, "orders").route
    content, hashes = pack(route, PARAMS), (route_hash(route), data_hash(route))
    files = [(file.text, file.path.read_bytes()) for file in named_files(route)]
    shutil.rmtree(root)
    again, params = unpack(content, tmp_path / "elsewhere")
    assert (route_hash(again), data_hash(again)) == hashes
    assert [(file.text, file.path.read_bytes()) for file in named_files(again)] == files
    assert all(file.path.is_relative_to(tmp_path / "elsewhere") for file in named_files(again))
    assert len(files) == 4
    assert (params, list(map(type, params.values()))) == (PARAMS, [Decimal, int, str, list])


def test_a_route_made_in_python(tmp_path: Path) -> None:
    """Its files are anywhere, its numbers may be binary floats."""
    for folder, text in (("a", "ES"), ("b", "FR")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "codes.json").write_text(f'{{"{text}": 1}}')
    looks = [
        {"lookup": {"name": name, "file": str(tmp_path / name / "codes.json"), "where": {"code": "entity.c"}}}
        for name in ("a", "b")
    ]
    route = Route.load(
        {
            "route": "orders",
            "entity": {"key": "entity.id"},
            "params": {"rate": 0.1},
            "incoming": {"http": {"connection": "shop", "path": "/"}},
            "transform": [*looks, {"map": {"x": {"const": 0.1}}}],
            "outgoing": {"none": {}},
        }
    )
    content, before = pack(route, route.params), data_hash(route)
    shutil.rmtree(tmp_path / "a")
    shutil.rmtree(tmp_path / "b")
    again, params = unpack(content, tmp_path / "elsewhere")
    assert data_hash(again) == before
    assert (params, type(params["rate"])) == ({"rate": 0.1}, float)
    assert [file.path.read_text() for file in named_files(again)] == ['{"ES": 1}', '{"FR": 1}']


def test_what_cannot_be_packed(root: Path, write: Write, good: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write({"orders.yaml": good})
    route = read_route(root, "orders").route
    with pytest.raises(TypeError, match="Path is not plain data"):
        pack(route, {"a": root})
    with pytest.raises(TypeError, match="a name is text"):
        pack(route, {"a": {1: 2}})
    monkeypatch.setattr(packed, "MAX_BYTES", 10)
    with pytest.raises(ValueError, match="larger than 0 MiB together"):
        pack(route, {})
    (root / "lookups" / "tax.csv").unlink()
    with pytest.raises(OSError, match=r"tax\.csv"):
        pack(route, {})


def test_what_cannot_be_unpacked(root: Path, write: Write, good: str, tmp_path: Path) -> None:
    write({"orders.yaml": good})
    content = pack(read_route(root, "orders").route, {})
    for damaged in (b"", content[:-3], content.replace(b"lookups/tax.csv", b"lookups/tax.txt", 1)):
        with pytest.raises(ValueError, match=r"damaged|is missing"):
            unpack(damaged, tmp_path / "elsewhere")
