"""Files in Azure's storage, against Azurite: ``TEST_AZURITE`` names its command, and adlfs has to be installed."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.files.place import storage_options
from airflow_integrations.files.store import FileStore
from airflow_integrations.files.writing import FileWriter

KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's own; it is in its documentation."""
ODD = ["a.csv", "b c.csv", "#1.csv", "%41.csv", "ü.csv", "q?x.csv", "[1].csv", "*.csv"]


def place(kind: str, **fields: Any) -> Any:
    usual: dict[str, Any] = {"name": "there", "host": "", "port": None, "login": None, "password": None, "extra": {}}
    return SimpleNamespace(**{**usual, "kind": kind, **fields})


@pytest.fixture
def text(tmp_path: Path) -> Iterator[str]:
    """A connection string for an account with the container ``box``."""
    if "TEST_AZURITE" not in os.environ or importlib.util.find_spec("adlfs") is None:
        pytest.skip("TEST_AZURITE does not name Azurite's azurite-blob, or adlfs is not installed")
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    command = [os.environ["TEST_AZURITE"], "--silent", "--location", str(tmp_path), "--blobPort", str(port)]
    process = subprocess.Popen([*command, "--blobHost", "127.0.0.1", "--skipApiVersionCheck"])
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        where = f"BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1"
        told = f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={KEY};{where};"
        client: Any = importlib.import_module("azure.storage.blob").BlobServiceClient
        client.from_connection_string(told).create_container("box")
        yield told
    finally:
        process.kill()
        process.wait()


def test_files_in_a_container(text: str) -> None:
    there = place("wasb", extra={"connection_string": text})
    writer = FileWriter("abfs://box/in/x.csv", there)
    for name in ODD:
        writer.write(f"box/in/{name}", b"sku\n1\n")
    store = FileStore("abfs://box/in/*.csv", there)
    found = store.list()
    assert sorted(file.path for file in found) == sorted(f"box/in/{name}" for name in ODD)
    for file in found:
        with store.open(file) as content:
            assert content.read() == b"sku\n1\n"
        store.move(file, "done")
    assert store.list() == []
    assert len(FileStore("abfs://box/in/done/*.csv", there).list()) == len(ODD)

    def breaks(file: Any) -> None:
        file.write(bytes(30 * 1024 * 1024))
        raise OSError("the connection was lost")

    with pytest.raises(OutageError, match="the connection was lost"):
        writer.write("box/in/broken.csv", breaks)
    assert writer.size("box/in/broken.csv") is None
    wrong = place("wasb", extra={"connection_string": text.replace(KEY, f"AAAA{KEY[4:]}")})
    with pytest.raises(SetupError, match="credentials or the certificate are refused"):
        FileStore("abfs://box/in/*", wrong).list()


@pytest.mark.parametrize(
    ("kind", "fields", "found"),
    [
        ("wasb", {"login": "acc", "password": "k"}, {"account_name": "acc", "account_key": "k"}),
        (
            "adls",
            {"host": "https://acc.dfs.core.windows.net", "login": "c", "password": "s", "extra": {"tenant_id": "t"}},
            {"account_name": "acc", "tenant_id": "t", "client_id": "c", "client_secret": "s"},
        ),
        ("google_cloud_platform", {"extra": {"key_path": "/k", "project": "p"}}, {"token": "/k", "project": "p"}),
        ("google_cloud_platform", {"extra": {"keyfile_dict": '{"a": 1}'}}, {"token": {"a": 1}}),
    ],
)  # fmt: skip
def test_the_fields_of_a_connection(kind: str, fields: dict[str, Any], found: dict[str, Any]) -> None:
    path = "gs://box/x" if kind == "google_cloud_platform" else "abfs://box/x"
    assert storage_options(path, place(kind, **fields)) == found


def test_a_connection_without_an_account_is_not_anonymous() -> None:
    with pytest.raises(SetupError, match="names no storage account"):
        storage_options("abfs://box/x", place("wasb"))
    with pytest.raises(SetupError, match="impersonation_chain in extra is not supported"):
        storage_options("gs://box/x", place("google_cloud_platform", extra={"impersonation_chain": "x"}))
