"""The conformance suites, on the kinds for files: a folder, and a bucket of a real server."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest

from airflow_integrations.run import Services
from airflow_integrations.testing import IncomingSuite, OutgoingSuite, Source, Target

RECORDS = [{"id": str(number), "amount": f"{number}.25"} for number in range(1, 2301)]


class Nothing:
    def endpoint(self, connection: str) -> Any:
        raise AssertionError

    def variable(self, name: str) -> None:
        return None


def put(path: Path, text: str, place: int) -> None:
    path.write_text(text)
    os.utime(path, (1e9 + place, 1e9 + place))


class TestFilesIncoming(IncomingSuite):
    @pytest.fixture(params=["csv", "jsonl", "json"])
    def source(self, request: pytest.FixtureRequest, tmp_path: Path) -> Source:
        for place, first in enumerate(range(0, len(RECORDS), 1150)):
            some = RECORDS[first : first + 1150]
            text = {
                "csv": "id,amount\n" + "".join(f"{one['id']},{one['amount']}\n" for one in some),
                "jsonl": "".join(f"{json.dumps(one)}\n" for one in some),
                "json": json.dumps(some),
            }[request.param]
            put(tmp_path / f"{9 - place}.{request.param}", text, place)
        config = {"path": f"{tmp_path}/*.{request.param}"}
        return Source(kind="files", config=config, records=RECORDS, services=lambda: Services(Nothing()))


class TestFilesOutgoing(OutgoingSuite):
    @pytest.fixture(params=[(1, "jsonl"), (10, "json"), (2, "csv")], ids=["one", "ten", "two"])
    def target(self, request: pytest.FixtureRequest, tmp_path: Path) -> Target:
        batch, ending = request.param

        def received() -> list[Any]:
            found: list[Any] = []
            for path in tmp_path.glob(f"out/*.{ending}"):
                if ending == "csv":
                    found += csv.DictReader(path.read_text().splitlines())
                elif ending == "json":
                    found += json.loads(path.read_text())
                else:
                    found += map(json.loads, path.read_text().splitlines())
            return found

        return Target(
            kind="files",
            config={"path": f"{tmp_path}/out/got.{ending}"},
            entities=RECORDS[:5],
            refused={"id": "666", "amount": {"odd": 1}} if ending == "csv" else None,
            batch=batch,
            services=lambda: Services(Nothing()),
            received=received,
        )
