"""Files as events: each once, in pieces that are always the same, and then kept, moved or deleted."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import os
import random
import string
import zipfile
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from listen_scene import bodies, event_bodies, ids, listening, records, until
from pydantic import ValidationError

from airflow_integrations.files.store import FileStore
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.listen.context import InboxSurroundings
from airflow_integrations.listen.file_pieces import pieces
from airflow_integrations.listen.files import FilesListener
from airflow_integrations.testing import Feed


async def nobody(messages: Any) -> None:
    raise NotImplementedError


def feed(path: Path | str, **config: Any) -> Feed:
    config = {"path": str(path), "every": "0.1s", "stable": "0s", **config}
    return Feed(kind="files", config=config, publish=nobody)


def scene(feed: Feed, ledger: Ledger, condition: Any, act: Any = None) -> None:
    async def play() -> None:
        async with listening(feed, ledger):
            if act is not None:
                await act()
            await until(condition)

    asyncio.run(play())


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.temporary() as ledger:
        yield ledger


def read(ledger: Ledger, count: int, *, files: int) -> bool:
    """Whether so many records are in the inbox, and the ends of so many files."""
    return len(records(ledger)) == count and event_bodies(ledger).count(b"[]") == files


CSV = "id,name\n1,a\n2,b\n"
ZIPPED = {"format": "csv", "zip_files": "*.csv"}


def zipped(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("a.csv", CSV.encode(), {}),
        ("a.CSV.gz", gzip.compress(CSV.encode(), mtime=0), {}),
        ("a.csv.zip", zipped({"one.csv": CSV}), {}),
        ("a.zip", zipped({"one.csv": CSV[:12], "read.me": "x", "two.csv": "id,name\n2,b"}), ZIPPED),
        ("a.dat", gzip.compress(CSV.encode(), mtime=0), {"format": "csv"}),
        ("a.jsonl", b'{"id": "1", "name": "a"}\n{"id": "2", "name": "b"}\n', {}),
        ("a.json", b'{"orders": [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]}', {"records": "body.orders"}),
        ("a.txt", b"id;name\n1;a\n2;b\n", {"format": "csv", "csv": {"delimiter": ";"}}),
        (
            "a.xml",
            b"<all><o><id>1</id><name>a</name></o><o><id>2</id><name>b</name></o></all>",
            {"xml": {"record": "o"}},
        ),
    ],
)
def test_every_format_is_read(tmp_path: Path, ledger: Ledger, name: str, content: bytes, options: Any) -> None:
    (tmp_path / name).write_bytes(content)
    scene(feed(tmp_path / "a.*", **options), ledger, lambda: len(records(ledger)) == 2)
    assert records(ledger) == [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]


def test_one_that_is_kept_is_read_once_also_after_a_restart(tmp_path: Path, ledger: Ledger) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    for _ in range(2):
        scene(feed(tmp_path / "*.csv"), ledger, lambda: read(ledger, 2, files=1))
    (tmp_path / "a.csv").write_text(CSV + "3,c\n")
    scene(feed(tmp_path / "*.csv"), ledger, lambda: read(ledger, 5, files=2))
    assert (tmp_path / "a.csv").exists()


def test_one_that_is_kept_is_not_opened_again(tmp_path: Path, ledger: Ledger) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    one = feed(tmp_path / "*.csv")
    scene(one, ledger, lambda: read(ledger, 2, files=1))

    async def heard() -> list[Any]:
        batches = one.make().batches(InboxSurroundings(one, ledger.inbox, "suite", {}))
        async with aclosing(batches):
            return list(await anext(batches))

    assert asyncio.run(heard()) == []


def test_one_that_grows_is_left_alone_until_it_is_stable(tmp_path: Path, ledger: Ledger) -> None:
    path = tmp_path / "a.csv"

    async def write() -> None:
        with path.open("w") as file:
            file.write("id\n")
            for number in range(20):
                file.write(f"{number}\n")
                file.flush()
                await asyncio.sleep(0.1)
                assert records(ledger) == []

    one = feed(path, stable="3s")
    scene(one, ledger, lambda: len(records(ledger)) == 20 and b"[]" in event_bodies(ledger), write)
    assert read(ledger, 20, files=1)


def test_then_delete(tmp_path: Path, ledger: Ledger) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    scene(feed(tmp_path / "*.csv", then="delete"), ledger, lambda: not (tmp_path / "a.csv").exists())
    assert len(records(ledger)) == 2


@pytest.mark.parametrize("folder", ["done", "absolute"])
def test_then_move_takes_another_name_where_one_is_taken(tmp_path: Path, ledger: Ledger, folder: str) -> None:
    (tmp_path / "in").mkdir()
    target = tmp_path / "in" / "done" if folder == "done" else tmp_path / "elsewhere" / "deep"
    one = feed(tmp_path / "in" / "*.csv", then={"move": "done" if folder == "done" else str(target)})
    for turn in (1, 2):
        (tmp_path / "in" / "a.csv").write_text(CSV + "x" * turn + ",y\n")
        scene(one, ledger, lambda: not (tmp_path / "in" / "a.csv").exists())
        assert len(list(target.iterdir())) == turn
    assert (target / "a.csv").exists()


def test_what_was_left_undone_after_the_last_piece_is_done_later(tmp_path: Path, ledger: Ledger) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    scene(feed(tmp_path / "*.csv"), ledger, lambda: len(records(ledger)) == 2)  # kept: as if it died before
    scene(feed(tmp_path / "*.csv", then="delete"), ledger, lambda: not (tmp_path / "a.csv").exists())
    assert len(records(ledger)) == 2


def test_one_with_a_mistake_stays_and_what_stands_before_it_is_taken(tmp_path: Path, ledger: Ledger) -> None:
    rows = "".join(f"{number},n\n" for number in range(5000))
    (tmp_path / "a.csv").write_text(f"id,name\n{rows}1,2,3\n9,z\n")
    (tmp_path / "b.csv").write_text(CSV)
    one = feed(tmp_path / "*.csv", then="delete")
    scene(one, ledger, lambda: not (tmp_path / "b.csv").exists())
    assert (tmp_path / "a.csv").exists()
    bad = [json.loads(body) for body in event_bodies(ledger) if body.startswith(b"{")]
    assert len(bad) == 1
    assert "line 5002: it has 3 values for 2 columns" in bad[0]["reason"]
    count = len(event_bodies(ledger))
    scene(one, ledger, lambda: True)  # a restart: not read again, and not deleted
    assert (tmp_path / "a.csv").exists()
    assert len(event_bodies(ledger)) == count


@pytest.mark.parametrize(
    ("name", "content", "kept"),
    [
        ("a.csv", b"id,name\n1,a\n3\n2,b\n\xe9,x\n", ["3\n", "\\xe9,x\n"]),
        ("a.jsonl", b'{"id": "1", "name": "a"}\n{"id": NaN}\n{"id": "2", "name": "b"}\n', ['{"id": NaN}']),
    ],
)
def test_a_record_that_cannot_be_read_is_of_no_use_alone(
    tmp_path: Path, ledger: Ledger, name: str, content: bytes, kept: list[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    scene(feed(tmp_path / "a.*", then="delete"), ledger, lambda: b"[]" in event_bodies(ledger))
    good = [json.loads(body) for body in event_bodies(ledger) if body.startswith(b"[{")]
    assert [record["id"] for records in good for record in records] == ["1", "2"]
    bad = [json.loads(body) for body in event_bodies(ledger) if body.startswith(b"{")]
    assert [event["record"]["body"] for event in bad] == kept
    assert all("line " in event["reason"] for event in bad)
    assert (tmp_path / name).exists(), "one with a mistake stays"


def test_a_file_in_which_nearly_nothing_can_be_read_is_given_up(tmp_path: Path, ledger: Ledger) -> None:
    (tmp_path / "a.csv").write_text("id\n" + "1,2\n" * 1100)
    scene(feed(tmp_path / "a.csv"), ledger, lambda: b"[]" in event_bodies(ledger))
    bad = [json.loads(body) for body in event_bodies(ledger) if body.startswith(b"{")]
    assert len(bad) == 1001
    assert bad[-1]["reason"].startswith("over 1,000 records cannot be read; the next one: line 1002: ")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.json", b"{", "ends in the middle"),
        ("a.json", b'"text"', "neither a list nor an object"),
        ("a.csv.gz", b"not gzip", "not the compressed one"),
        ("a.csv.gz", gzip.compress(CSV.encode() * 100, mtime=0)[:-20], "not the compressed one"),
        ("a.csv.xz", b"not xz", "not the compressed one"),
        ("a.csv.zip", b"not zip", "not the compressed one"),
        ("a.csv.zip", zipped({"a.csv": CSV, "b.csv": CSV}), "the zip file has 2 files: 'a.csv', 'b.csv'; say which"),
        ("a.csv", b'id\n"never closed', "quote"),
        ("a.csv", b"id\n\xff\xfe\n", "utf-8"),
        ("a.jsonl", b'{"id": "\\ud83d"}\n', "cannot be written as JSON"),
    ],
)
def test_content_of_no_use_is_told_once(tmp_path: Path, ledger: Ledger, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    scene(feed(tmp_path / "a.*"), ledger, lambda: bool(event_bodies(ledger)))
    (told,) = [json.loads(body) for body in event_bodies(ledger) if body != b"[]"]
    assert reason in told["reason"]


def test_one_that_cannot_be_read_holds_back_no_other(tmp_path: Path, ledger: Ledger) -> None:
    (tmp_path / "a.csv").symlink_to("/proc/self/mem")  # can be opened by anybody, and read by nobody
    (tmp_path / "b.csv").write_text(CSV)
    scene(feed(tmp_path / "*.csv"), ledger, lambda: len(records(ledger)) == 2)


def test_one_that_cannot_be_moved_holds_back_no_other(tmp_path: Path, ledger: Ledger) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text(CSV)
    (tmp_path / "file").write_text("no folder")
    one = feed(tmp_path / "in" / "*.csv", then={"move": str(tmp_path / "file")})

    async def another() -> None:
        await until(lambda: len(records(ledger)) == 2)
        (tmp_path / "in" / "b.csv").write_text(CSV)

    scene(one, ledger, lambda: len(records(ledger)) == 4, another)
    (tmp_path / "file").unlink()
    scene(one, ledger, lambda: not list((tmp_path / "in").iterdir()))
    assert len(records(ledger)) == 4


def test_one_that_was_replaced_meanwhile_is_neither_deleted_nor_moved(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(CSV)
    store = FileStore(str(path))
    (read,) = store.list()
    path.write_text(CSV + "3,c\n")
    store.delete(read)
    store.move(read, "done")
    assert path.read_text().endswith("3,c\n")
    (now,) = store.list()
    store.delete(now)
    store.delete(now)
    assert not path.exists()


def test_an_empty_file_is_done_with(tmp_path: Path, ledger: Ledger) -> None:
    for name in ("a.csv", "b.json", "c.jsonl"):
        (tmp_path / name).write_bytes(b"")
    scene(feed(tmp_path / "*", then="delete"), ledger, lambda: not list(tmp_path.iterdir()))
    assert records(ledger) == []


def test_the_oldest_comes_first(tmp_path: Path, ledger: Ledger) -> None:
    for age, name in enumerate(["c", "a", "b"]):
        path = tmp_path / f"{name}.jsonl"
        path.write_bytes(bodies([age])[0])
        os.utime(path, (1_000_000 + age, 1_000_000 + age))
    scene(feed(tmp_path / "*.jsonl"), ledger, lambda: len(ids(ledger)) == 3)
    assert ids(ledger) == [0, 1, 2]


def test_another_file_system_of_fsspec(ledger: Ledger) -> None:
    memory = fsspec.filesystem("memory")
    folder = "/listen-" + "".join(random.choices(string.ascii_letters, k=8))
    memory.pipe(f"{folder}/a.csv", CSV.encode())
    one = feed(f"memory:/{folder}/*.csv", then={"move": "done"})
    scene(one, ledger, lambda: memory.exists(f"{folder}/done/a.csv"))
    assert len(records(ledger)) == 2
    assert not memory.exists(f"{folder}/a.csv")


def test_a_file_of_any_size_is_read_in_bounded_pieces(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        for number in range(30_000):
            file.write(b'{"id": %d, "filler": "%s"}\n' % (number, b"x" * 1000))
    store = FileStore(str(path))
    (file_found,) = store.list()
    config = FilesListener.Config.model_validate({"path": str(path)})
    found = [(message.id, message.records) for message in pieces(store, file_found, config, {})]
    assert max(len(records or b"") for _, records in found) < 1_100_000
    assert [record["id"] for _, some in found for record in json.loads(some or b"[]")] == list(range(30_000))
    again = [(message.id, message.records) for message in pieces(store, file_found, config, {})]
    assert again == found


@given(st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=2000), max_size=3), max_size=50))
def test_pieces_hold_every_record_once_and_in_order(documents: list[dict[str, Any]]) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/property/a.jsonl", b"".join(json.dumps(document).encode() + b"\n" for document in documents))
    store = FileStore("memory://property/a.jsonl")
    (found,) = store.list()
    config = FilesListener.Config.model_validate({"path": "x"})
    got = list(pieces(store, found, config, {}))
    assert [record for message in got for record in json.loads(message.records or b"[]")] == documents
    assert [message.id for message in got] == [
        *(f"{found.mark}#{at}" for at in range(len(got) - 1)),
        f"{found.mark}#end",
    ]


def test_a_folder_among_those_that_are_looked_into_is_a_mistake() -> None:
    with pytest.raises(ValidationError, match="lies among"):
        feed("/in/**/*.csv", then={"move": "done"}).load()
