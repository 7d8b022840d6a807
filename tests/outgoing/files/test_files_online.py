"""``validate --online`` looks whether files can be written and read where a route says so."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from airflow_integrations.errors import OutageError
from airflow_integrations.files.store import FileStore
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Services


class Nobody:
    def endpoint(self, connection: str) -> Any:
        raise AssertionError("no HTTP here")

    def variable(self, name: str) -> str | None:
        return None


def told(path: str) -> list[Any]:
    route = Route.load(
        {
            "route": "out",
            "entity": {"name": "order", "key": "order.id"},
            "incoming": {"none": {}},
            "outgoing": {"files": {"path": path}},
        }
    )

    async def asked() -> list[Any]:
        async with Services(Nobody()) as services:
            found: list[Any] = await route.outgoing.component().check_online(route.outgoing.config, route, services)
        return found

    return asyncio.run(asked())


def test_a_small_file_is_written_and_removed(tmp_path: Path) -> None:
    assert told(f"{tmp_path}/out.csv") == []
    assert told(f"{tmp_path}/later/out.csv") == []  # a run makes the folder
    assert not list(tmp_path.iterdir())


def test_a_folder_that_takes_no_files_is_told() -> None:
    if not Path("/proc/self").is_dir():
        pytest.skip("no /proc here, in which nobody makes files")
    with pytest.raises(OutageError, match="/proc"):
        told("/proc/out.csv")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\n")
    store = FileStore(f"{tmp_path}/*.csv")
    (file,) = store.list()
    store.require_readable(file)
    (tmp_path / "a.csv").unlink()
    with pytest.raises(OutageError, match=r"a\.csv"):
        store.require_readable(file)
