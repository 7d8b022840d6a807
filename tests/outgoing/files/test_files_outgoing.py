"""A run's entities in a file that appears as a whole, once, whatever is killed."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from file_target_scene import Scene
from kills import kills_nothing_wrong
from pydantic import ValidationError

from airflow_integrations.engine.push.journal.journal import Journal
from airflow_integrations.engine.push.push import push
from airflow_integrations.errors import OutageError, RouteError
from airflow_integrations.files.reading import bodies
from airflow_integrations.files.store import FileStore
from airflow_integrations.files.writing import FileWriter
from airflow_integrations.formats.records_format import RecordsFormat

XML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<orders>\n<record><id>1</id><total>1.50</total></record>\n'
    "<record><id>2</id><total>2.50</total></record>\n<sum>4.00</sum>\n</orders>\n"
)
ORDERS = [{"id": number, "total": f"{number}.50"} for number in range(1, 6)]


def test_a_run_makes_one_file_that_holds_all(tmp_path: Path) -> None:
    scene = Scene(tmp_path, path=f"{tmp_path}/out/orders_{{{{ window.start | date }}}}.jsonl", done=".done")
    scene.outgoing["checksum"] = "sha256"
    scene.run("one", ORDERS)
    name = "orders_2026-03-01.jsonl"
    files = scene.files()
    assert list(files) == [name, f"{name}.done", f"{name}.sha256"]
    assert [json.loads(line) for line in files[name].splitlines()] == ORDERS
    assert files[f"{name}.sha256"].decode() == f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n"
    assert set(scene.statuses().values()) == {"delivered"}
    assert scene.hidden() == ["000001.closed.json"]


def test_what_was_delivered_makes_no_file(tmp_path: Path) -> None:
    scene = Scene(tmp_path, if_exists="number")
    scene.run("one", ORDERS)
    scene.run("two", [*ORDERS[:4], {"id": 5, "total": "7.00"}])
    scene.run("three", ORDERS[:4])
    assert list(scene.files()) == ["orders-2.jsonl", "orders.jsonl"]
    assert scene.files()["orders-2.jsonl"] == b'{"id":5,"total":"7.00"}\n'


def test_a_file_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.run("one", ORDERS[:2])
    before = scene.files()
    run = scene.begin("two", ORDERS[2:])
    with pytest.raises(OutageError, match="is there already, from another run"):
        scene.stage(push, run)
    assert scene.files() == before
    (scene.out / "orders.jsonl").unlink()
    scene.stage(push, run)
    assert scene.lines() == ORDERS[2:]


def test_it_may_be_replaced_but_not_by_its_own_run(tmp_path: Path) -> None:
    scene = Scene(tmp_path, if_exists="replace", most=2)
    scene.run("one", ORDERS[:1])
    scene.run("two", ORDERS[1:])
    assert list(scene.files()) == ["orders-2.jsonl", "orders.jsonl"]
    assert sorted(line["id"] for line in scene.lines()) == [2, 3, 4, 5]


def test_states_of_one_key_stand_in_files_one_behind_the_other(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.run("one", [ORDERS[0], ORDERS[1], {"id": 1, "total": "9.00"}])
    assert [json.loads(line) for line in scene.files()["orders.jsonl"].splitlines()] == ORDERS[:2]
    assert json.loads(scene.files()["orders-2.jsonl"]) == {"id": 1, "total": "9.00"}


@pytest.mark.parametrize(
    ("options", "content"),
    [
        ({"path": "a.csv"}, b"id,total\r\n1,1.50\r\n2,2.50\r\n"),
        (
            {"path": "a.csv", "csv": {"delimiter": ";", "columns": ["total", "id"], "quote": "all", "line_end": "lf"}},
            b'"total";"id"\n"1.50";"1"\n"2.50";"2"\n',
        ),
        ({"path": "a.csv", "csv": {"header": False, "encoding": "utf-8-sig"}}, b"\xef\xbb\xbf1,1.50\r\n2,2.50\r\n"),
        ({"path": "a.json"}, b'[\n{"id":1,"total":"1.50"},\n{"id":2,"total":"2.50"}\n]\n'),
        (
            {"path": "a.xml", "xml": {"root": "orders", "footer": {"sum": {"sum": "total"}}}},
            XML.encode(),
        ),
        ({"path": "a.txt", "format": "json_lines"}, b'{"id":1,"total":"1.50"}\n{"id":2,"total":"2.50"}\n'),
    ],
    ids=["csv", "dialect", "mark", "json", "xml", "lines"],
)
def test_formats(tmp_path: Path, options: dict[str, Any], content: bytes) -> None:
    scene = Scene(tmp_path, **{**options, "path": f"{tmp_path}/out/{options['path']}"})
    scene.run("one", ORDERS[:2])
    assert scene.files()[options["path"]] == content


def test_parquet_is_written(tmp_path: Path) -> None:
    import io
    from decimal import Decimal

    import pyarrow.parquet

    scene = Scene(tmp_path, path=f"{tmp_path}/out/a.parquet", parquet={"rows": 2})
    scene.run("one", [{"id": 2**63 - 1, "total": Decimal("0.10")}, {"id": 2, "total": 3}, {"id": 3, "total": "much"}])
    assert scene.statuses() == {str(2**63 - 1): "delivered", "2": "delivered", "3": "failed"}
    table = pyarrow.parquet.read_table(io.BytesIO(scene.files()["a.parquet"]))
    assert table.to_pylist() == [{"id": 2**63 - 1, "total": Decimal("0.10")}, {"id": 2, "total": Decimal("3.00")}]


def test_numbers_are_exact_and_a_packed_file_is_always_the_same(tmp_path: Path) -> None:
    scene = Scene(tmp_path, path=f"{tmp_path}/out/a.csv.gz")
    from decimal import Decimal

    scene.run("one", [{"id": 10**20, "price": Decimal("0.10"), "open": True, "none": None, "text": 'a"b,\n'}])
    content = scene.files()["a.csv.gz"]
    assert gzip.decompress(content) == (b'id,price,open,none,text\r\n100000000000000000000,0.10,true,,"a""b,\n"\r\n')
    assert content[4:8] == b"\0\0\0\0"


def test_zstandard_goes_out_and_comes_in(tmp_path: Path) -> None:
    written = []
    for name in ("a", "b"):
        scene = Scene(tmp_path / name, path=f"{tmp_path}/{name}/out/a.jsonl.zst")
        scene.run("one", ORDERS)
        written.append(scene.files()["a.jsonl.zst"])
    assert written[0] == written[1]
    assert written[0][:4] == b"\x28\xb5\x2f\xfd"
    store = FileStore(f"{tmp_path}/a/out/*.zst")
    (file,) = store.list()
    with store.open(file) as content:
        assert [each for body in bodies(content, file.path, RecordsFormat(), rejects=True) for each in body] == ORDERS


@pytest.mark.parametrize("per", ["run", "entity"])
@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_an_archive_holds_the_file_and_has_the_same_bytes_each_time(tmp_path: Path, ending: str, per: str) -> None:
    made = []
    for number in range(2):
        folder = tmp_path / str(number)
        name = "o_{{ key }}" if per == "entity" else "o_{{ sequence }}"
        scene = Scene(folder, path=f"{folder}/out/{name}.jsonl.{ending}", per=per)
        scene.now += number * 86400
        scene.run("one", ORDERS)
        made.append(scene.files())
    assert made[0] == made[1]
    assert len(made[0]) == (1 if per == "run" else 5)
    archive = f"o_1.jsonl.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(io.BytesIO(made[0][archive])) as zipped:
            found = {name: zipped.read(name) for name in zipped.namelist()}
    else:
        with tarfile.open(fileobj=io.BytesIO(made[0][archive])) as tarred:
            found = {member.name: tarred.extractfile(member).read() for member in tarred}  # type: ignore[union-attr]
    assert list(found) == ["o_1.jsonl"]
    lines = [json.loads(line) for line in found["o_1.jsonl"].splitlines()]
    assert lines == (ORDERS if per == "run" else ORDERS[:1])


def test_an_archive_is_read_again(tmp_path: Path) -> None:
    for ending in ("zip", "tar.gz"):
        folder = tmp_path / ending
        scene = Scene(folder, path=f"{folder}/out/ü.csv.{ending}")
        scene.run("one", ORDERS)
        store = FileStore(f"{folder}/out/*.csv.{ending}")
        (file,) = store.list()
        with store.open(file) as content:
            read = [each for body in bodies(content, file.path, RecordsFormat(), rejects=True) for each in body]
        assert [each["total"] for each in read] == [order["total"] for order in ORDERS]


def test_an_entity_that_cannot_be_written_fails_alone(tmp_path: Path) -> None:
    scene = Scene(tmp_path, path=f"{tmp_path}/out/a.csv", csv={"encoding": "cp1252"})
    odd = [{"id": 7, "total": {"amount": 1}}, {"id": 8, "total": "\u4e2d"}, {"id": 9, "price": "1"}]
    scene.run("one", [ORDERS[0], *odd, ORDERS[1]])
    assert scene.files()["a.csv"] == b"id,total\r\n1,1.50\r\n2,2.50\r\n"
    assert scene.statuses() == {"1": "delivered", "2": "delivered", "7": "failed", "8": "failed", "9": "failed"}


@pytest.mark.parametrize(("per", "step", "kills"), [("run", 3, 50), ("entity", 9, 20)])
def test_a_kill_anywhere_neither_loses_nor_doubles(tmp_path: Path, per: str, step: int, kills: int) -> None:
    scene = Path(__file__).with_name("kill_scene.py")
    assert kills_nothing_wrong(scene, tmp_path, per, step) >= kills


def test_an_outage_in_the_middle_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(tmp_path)
    run = scene.begin("one", ORDERS)

    def away(*_: Any, **__: Any) -> None:
        raise OutageError("away")

    for name in ("write", "rename"):
        with monkeypatch.context() as patched:
            patched.setattr(FileWriter, name, away)
            with pytest.raises(OutageError, match="away"):
                scene.stage(push, run)
        assert scene.files() == {}
    scene.stage(push, run)
    assert scene.lines() == ORDERS


def test_a_push_that_is_stopped_leaves_nothing_half(tmp_path: Path) -> None:
    import asyncio

    from airflow_integrations.staging.folder import Staging

    scene = Scene(tmp_path)
    run = scene.begin("one", ORDERS)
    stop = asyncio.Event()
    stop.set()

    async def stopped() -> None:
        async with scene.services() as services:
            await push(run, services, Staging(tmp_path / "staging", "orders", "one"), stop)

    with pytest.raises(OutageError, match="asked to stop"):
        asyncio.run(stopped())
    assert scene.files() == {}
    assert Journal.read(Staging(tmp_path / "staging", "orders", "one"), 5).unanswered_batches == []
    scene.stage(push, run)
    assert scene.lines() == ORDERS


def test_old_receipts_are_removed(tmp_path: Path) -> None:
    scene = Scene(tmp_path, if_exists="number")
    scene.run("one", ORDERS[:1])
    folder = scene.out / ".integrations" / "orders"
    for path in folder.iterdir():
        os.utime(path, (scene.now - 31 * 86400, scene.now - 31 * 86400))
    scene.run("two", ORDERS[1:])
    assert scene.hidden() == ["000001.closed.json"]


@pytest.mark.parametrize(
    ("options", "more", "message"),
    [
        ({"path": "out/orders.csv"}, {}, "write it from the root"),
        ({"path": "/{{ window.start | date }}/orders.csv"}, {}, "begins with a fixed folder"),
        ({"path": "/out/orders"}, {}, "says nothing of the format"),
        ({"path": "sftp://me:secret@host/out/orders.csv"}, {}, "into a Connection"),
        ({"path": "/out/{{ order.id }}.csv"}, {}, "order"),
        ({"csv": {"columns": ["a", "a"]}}, {}, "twice"),
        ({"done": "done"}, {}, "pattern"),
        ({}, {"missing": "emit", "incoming": {"http": {"connection": "x", "path": "/"}}}, "cannot delete"),
    ],
    ids=str,
)
def test_mistakes_are_told(tmp_path: Path, options: dict[str, Any], more: dict[str, Any], message: str) -> None:
    from airflow_integrations.route.check import check

    scene = Scene(tmp_path, **options)
    scene.more = {"trigger": {"webhook": {"path": "x", "verify": "none"}}, **more}
    with pytest.raises((ValidationError, RouteError), match=message):
        check(scene.route)


def test_a_connection_of_files(tmp_path: Path) -> None:
    folder = SimpleNamespace(
        name="share", kind="fs", host="", port=None, login=None, password=None, extra={"path": str(tmp_path)}
    )
    scene = Scene(tmp_path, {"share": folder}, connection="share", path="out/orders.jsonl")
    scene.run("one", ORDERS)
    assert scene.lines() == ORDERS


def test_a_rehearsal_writes_nothing(tmp_path: Path) -> None:
    import asyncio

    from airflow_integrations.outgoing import Outbound
    from airflow_integrations.simulate.replay import Recording, ReplayServices

    scene = Scene(tmp_path)
    recording = Recording()

    async def play() -> None:
        async with ReplayServices(recording) as services:
            route = scene.route
            target = route.outgoing.component()(route.outgoing.config, route)
            await target.open(scene.make_run("one", []), services)
            (told,) = await target.send([Outbound("1", b'{"id":1}')])
            assert told.status == "delivered"
            await target.close()

    asyncio.run(play())
    (heard,) = recording.heard["files"]
    assert (heard.method, heard.path, heard.body) == ("WRITE", f"{tmp_path}/out/orders.jsonl", b'{"id":1}')
    assert not scene.out.exists()


def test_a_footer_counts_and_sums_and_fixed_width_is_written(tmp_path: Path) -> None:
    footer = ["END", {"count": "records"}, {"sum": "total"}]
    scene = Scene(tmp_path, path=f"{tmp_path}/out/a.csv", csv={"footer": footer})
    scene.run("one", [*ORDERS[:2], {"id": 9, "total": "much"}])
    assert scene.files()["a.csv"] == b"id,total\r\n1,1.50\r\n2,2.50\r\nEND,2,4.00\r\n"
    assert scene.statuses()["9"] == "failed"
    columns = [{"name": "id", "width": 3}, {"name": "total", "width": 6, "type": "decimal", "places": 2}]
    fixed = Scene(
        tmp_path / "b", path=f"{tmp_path}/b/out/a.txt", format="fixed_width", fixed_width={"columns": columns}
    )
    fixed.run("one", [*ORDERS[:2], {"id": 12345, "total": "1"}])
    assert fixed.files()["a.txt"] == b"1  000150\r\n2  000250\r\n"
    assert fixed.statuses() == {"1": "delivered", "2": "delivered", "12345": "failed"}
