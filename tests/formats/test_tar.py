"""tar archives, as tar itself and Python's tarfile write them, and as nobody should."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import tarfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_integrations.formats import ContentError
from airflow_integrations.formats.answer import AnswerFormat
from airflow_integrations.formats.packing.tar import MAX_FILES, TarReader, is_tar
from airflow_integrations.formats.packing.unpacking import Unpacking

CSV = b"id,name\n1,a\n2,b\n"
LONG = "folder/" * 30 + "ä" * 60 + ".csv"
BOMB = 40 * 1024 * 1024


def member(name: str, content: bytes = b"", **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.size = len(content)
    for option, value in more.items():
        setattr(made, option, value)
    return made, content


def tarred(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for made, content in members:
            archive.addfile(made, io.BytesIO(content))
    return out.getvalue()


def files_in(content: bytes, files: str | None = "*", *, piece: int = 100_000) -> list[tuple[str, bytes]]:
    """Name and content of what is handed out."""
    unpacking = Unpacking(files, most=None, held=1)
    found: list[tuple[str, bytes]] = []
    begun = True
    chunks = [content[at : at + piece] for at in range(0, len(content), piece)]
    for each in [*chunks, None]:
        for part in unpacking.finish() if each is None else unpacking.feed(each):
            if part is None:
                begun = True
            elif begun:
                found.append((unpacking.file or "", part))
                begun = False
            else:
                found[-1] = (found[-1][0], found[-1][1] + part)
    return found


def read(content: bytes, **options: Any) -> list[Any]:
    documents = AnswerFormat(format="csv", **options).documents("", rejects=True)
    assert documents is not None
    return [record for some in (*documents.feed(content), *documents.finish()) for record in some]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize("packed", [False, True])
def test_what_tarfile_writes(form: int, packed: bool) -> None:
    names = ["a.csv", "b/" * 60 + "c.csv"] + ([] if form == tarfile.USTAR_FORMAT else [LONG])
    content = tarred(*(member(name, CSV * (at * 100 + 1)) for at, name in enumerate(names)), form=form)
    found = files_in(gzip.compress(content) if packed else content)
    assert found == [(name, CSV * (at * 100 + 1)) for at, name in enumerate(names)]


@pytest.mark.skipif(shutil.which("tar") is None, reason="needs tar")
@pytest.mark.parametrize("form", ["gnu", "pax", "ustar", "v7"])
def test_what_tar_writes(tmp_path: Path, form: str) -> None:
    (tmp_path / "in").mkdir()
    for name, size in (("a.csv", 1), ("b.csv", 5000), ("c.txt", 3)):
        (tmp_path / "in" / name).write_bytes(CSV * size)
    (tmp_path / "in" / "link.csv").symlink_to("a.csv")
    (tmp_path / "in" / "same.csv").hardlink_to(tmp_path / "in" / "c.txt")
    packed = tmp_path / "x.tar.gz"
    subprocess.run(["tar", f"--format={form}", "--sort=name", "-czf", packed, "-C", tmp_path / "in", "."], check=True)
    content = packed.read_bytes()
    if form == "v7":  # older than the mark by which an archive is known
        assert not is_tar(gzip.decompress(content))
        return
    assert files_in(content, "*.csv") == [("a.csv", CSV), ("b.csv", CSV * 5000)]


@settings(max_examples=40)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=30))
def test_however_it_arrives(cuts: list[int]) -> None:
    content = tarred(member("a.csv", CSV), member("d/", type=tarfile.DIRTYPE), member(LONG, CSV * 40))
    reader, found, at = TarReader("*"), [], 0
    while at < len(content):
        cut = cuts[at % len(cuts)]
        found += list(reader.feed(content[at : at + cut]))
        at += cut
    reader.finish()
    split = found.index(None)
    assert [b"".join(filter(None, found[:split])), b"".join(filter(None, found[split:]))] == [CSV, CSV * 40]


def test_each_file_has_its_own_header_and_names_lead_nowhere() -> None:
    other = b"name,id\nz,9\n"
    content = tarred(
        member("../../etc/a.csv", CSV),
        member("/root/b.csv", other),
        member("dev.csv", type=tarfile.CHRTYPE),
        member("link.csv", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("hard.csv", type=tarfile.LNKTYPE, linkname="../../etc/a.csv"),
        member("pipe.csv", type=tarfile.FIFOTYPE),
        member("__MACOSX/x.csv", b"?"),
        member("._a.csv", b"?"),
        member("../../etc/a.csv", CSV),
    )
    records = read(content, zip_files="*.csv")
    assert [record["id"] for record in records] == ["1", "2", "9", "1", "2"]


def _header(**changes: bytes) -> bytes:
    """One file's header and content, with some fields of it changed and the checksum right."""
    places = {"name": (0, 100), "size": (124, 12), "type": (156, 1)}
    content = bytearray(tarred(member("a.csv", CSV), form=tarfile.GNU_FORMAT))
    for name, value in changes.items():
        at, length = places[name]
        content[at : at + length] = value.ljust(length, b"\0")
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\0 " % sum(content[:512])
    return bytes(content)


def _wrong(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


TWO = tarred(member("a.csv", CSV), member("b.csv", CSV))


@pytest.mark.parametrize(
    ("content", "files", "reason"),
    [
        (TWO, None, "several files: 'a.csv', 'b.csv', …; say which"),
        (TWO, "*.xml", "no file that zip_files: '\\*.xml' names; it has 'a.csv', 'b.csv'"),
        (tarred(member("d", type=tarfile.DIRTYPE)), None, "no file; it has none at all"),
        (TWO[:600], "*", "ends in the middle"),
        (TWO[:1024], "*", "ends in the middle"),
        (TWO[:1100], "*", "ends in the middle"),
        (_wrong(TWO, 1030), "*", "wrong checksum"),
        (_header(size=b"\xff" * 12), "*", "a size in it is not a number"),
        (_header(size=b"-1"), "*", "a size in it is not a number"),
        (_header(size=b"77777777777"), "*", "ends in the middle"),
        (_header(size=b"\x80" + b"\0" * 3 + b"\x0f" + b"\xff" * 7), "*", "ends in the middle"),
        (_header(type=b"S"), "*", "sparse"),
        (_header(type=b"L", size=b"4000000"), "*", "at most 65,536"),
        (_header(type=b"x"), "*", "an extended header in it cannot be read"),
        (tarred(member("n" * 5000, CSV), form=tarfile.GNU_FORMAT), "*", "5,000 characters"),
        (tarred(member("n" * 1_000_000, CSV), form=tarfile.GNU_FORMAT), "*", "at most 65,536"),
        (tarred(member("n" * 1_000_000, CSV)), "*", "at most 65,536"),
        (tarred(member("a", CSV, pax_headers={"size": "9" * 30})), "*", "a size in it is not a number"),
        (tarred(member("a", CSV, pax_headers={"GNU.sparse.major": "1"})), "*", "sparse"),
        (tarred(member("a", CSV)) + tarred(member("b", CSV)), "*", None),
    ],
)  # fmt: skip
def test_hostile_archives(content: bytes, files: str | None, reason: str | None) -> None:
    if reason is None:  # what stands behind the end is not read
        assert files_in(content, files) == [("a", CSV)]
        return
    with pytest.raises(ContentError, match=reason):
        files_in(content, files, piece=16 * 1024)


def test_a_bomb() -> None:
    content = gzip.compress(tarred(member("a", b"\0" * BOMB)))
    with pytest.raises(ContentError, match="more than 300 times"):
        files_in(content, "x", piece=16 * 1024)


def test_more_files_than_anybody_reads() -> None:
    content = tarred(*(member("a") for _ in range(2 * MAX_FILES + 1)))
    with pytest.raises(ContentError, match="over 10,000 files"):
        files_in(content, "x", piece=16 * 1024)


def test_memory_is_flat() -> None:
    content = tarred(member("other.bin", b"x" * 8_000_000), member("a.csv", b"y" * 8_000_000))
    unpacking, size, piece = Unpacking("*.csv", most=None, held=1), 0, 64 * 1024
    tracemalloc.start()
    for at in range(0, len(content), piece):
        for part in unpacking.feed(content[at : at + piece]):
            size += len(part or b"")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size == 8_000_000
    assert peak < 1_000_000


def test_one_document_and_what_is_not_named() -> None:
    content = tarred(member("a.json", b'[{"id": 1}]'))
    assert AnswerFormat(format="json").read(content, "", most=10_000, most_records=None) == [{"id": 1}]
    assert not is_tar(CSV * 100)
    assert files_in(CSV, None) == [("", CSV)]
