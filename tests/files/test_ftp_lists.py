"""What FTP servers say of files: facts, and lists of whatever form."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from files_scene import Scene
from ftp_server import FtpServer

from airflow_integrations.errors import OutageError
from airflow_integrations.files.ftp_lists import facts, list_lines

MARCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
UNIX = b"-rw-r--r--   1 ftp      ftp          1234 "


@pytest.mark.parametrize(
    ("line", "name", "info"),
    [
        (UNIX + b"Feb 28 10:15 a b.csv", b"a b.csv", {"type": "file", "size": 1234, "day": "2026-02-28"}),
        (UNIX + b"Apr 01 10:15 a.csv", b"a.csv", {"type": "file", "size": 1234, "day": "2025-04-01"}),
        (UNIX + b"Feb 28  2026 a.csv", b"a.csv", {"type": "file", "size": 1234, "day": "2026-02-28"}),
        (UNIX + b"Mar  2 00:10  a.csv", b" a.csv", {"type": "file", "size": 1234, "day": "2026-03-02"}),
        (UNIX + b"Feb 28 10:15 \xe9.csv", b"\xe9.csv", {"type": "file", "size": 1234, "day": "2026-02-28"}),
        (b"drwxr-xr-x 2 0 0 4096 Feb 28 10:15 in", b"in", {"type": "directory", "size": 4096, "day": "2026-02-28"}),
        (b"lrwxrwxrwx 1 0 0 9 Feb 28 10:15 l -> /etc", b"l", {"type": "link", "size": 9, "day": "2026-02-28"}),
        (b"02-28-26  10:15AM       1234 a b.csv", b"a b.csv", {"type": "file", "size": 1234, "day": "2026-02-28"}),
        (b"02-28-2026  10:15PM  <DIR>         in", b"in", {"type": "directory", "size": 0, "day": "2026-02-28"}),
    ],
)
def test_a_line_of_a_list(line: bytes, name: bytes, info: dict[str, object]) -> None:
    assert list_lines([b"total 5", line, b""], MARCH) == [(name, info)]


def test_the_day_of_a_file_stays_when_its_list_changes() -> None:
    """Lists show the time of a young file and the year of an old one: that does not make it another file."""
    young = list_lines([UNIX + b"Feb 28 10:15 a.csv"], MARCH)
    assert list_lines([UNIX + b"Feb 28  2026 a.csv"], MARCH.replace(year=2027)) == young


def test_a_list_of_an_unknown_form_is_not_an_empty_one() -> None:
    with pytest.raises(OutageError, match="has a form that is not understood"):
        list_lines([b"+i8388621.29609,m824255902,/,\tdev"], MARCH)
    assert len(list_lines([UNIX + b"Feb 28 10:15 a.csv", b"second line of a hostile name"], MARCH)) == 1
    assert list_lines([b"total 0"], MARCH) == []


def test_facts() -> None:
    told = b"type=file;size=5;modify=20260301120000.5;UNIX.mode=0644; a;b =c.csv"
    assert facts(told) == (b"a;b =c.csv", {"type": "file", "size": 5, "modify": "20260301120000.5"})
    assert facts(b"Type=cdir; .")[1]["type"] == facts(b"Type=pdir; ..")[1]["type"] == ""
    assert facts(b"Type=OS.unix=slink:/etc; l")[1]["type"] == "link"


@pytest.mark.parametrize("dos", [False, True], ids=["unix", "dos"])
@pytest.mark.parametrize("timed", [True, False], ids=["mdtm", "untimed"])
def test_a_server_that_only_lists(tmp_path: Path, dos: bool, timed: bool) -> None:
    server = FtpServer(tmp_path, lacks=("MLSD", "MLST", *(() if timed else ("MDTM",))), dos=dos)
    scene = Scene(tmp_path, {"partner": server.place()}, connection="partner", path="/in/*.csv")
    try:
        scene.put("a #1.csv", "1,10", "2,20")
        assert scene.run() == ["1", "2"]
        assert scene.slept == ([] if timed else [10.0])
        assert scene.run() == []
        scene.put("a #1.csv", "1,10", "2,200")
        assert scene.run() == ["1", "2"]
    finally:
        server.end()
