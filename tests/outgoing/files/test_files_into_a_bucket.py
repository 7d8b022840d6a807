"""Files into object storage, where nothing is renamed: moto's server, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from file_target_scene import Scene
from s3_server import ACCESS, s3_server

from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.errors import OutageError
from airflow_integrations.files.writing import FileWriter


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as address:
        yield address


def names(bucket: Any) -> list[str]:
    return [found["Key"] for found in bucket.list_objects_v2(Bucket="outgoing").get("Contents", [])]


def buckets(client: Any) -> set[str]:
    return {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}


def test_an_object_appears_once_also_where_its_answer_was_lost(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket: Any = boto3.client("s3", endpoint_url=server, **ACCESS)
    others = buckets(bucket)
    bucket.create_bucket(Bucket="outgoing")
    extra = {"endpoint_url": server, "region_name": "us-east-1"}
    place = SimpleNamespace(name="s3", kind="aws", host="", port=None, login="key", password="secret", extra=extra)
    scene = Scene(tmp_path, {"s3": place}, connection="s3", path="outgoing/day/orders.jsonl")
    run = scene.begin("one", [{"id": 1}, {"id": 2}, {"id": 3}])
    with monkeypatch.context() as patched:
        # the object is there, and nobody hears of it
        def lost(*_: Any) -> None:
            raise OutageError("the connection was lost")

        patched.setattr(FileWriter, "require", lost)
        with pytest.raises(OutageError, match="the connection was lost"):
            scene.stage(push, run)
    assert "day/orders.jsonl" in names(bucket)
    scene.stage(push, run)
    scene.stage(settle, run)
    assert set(scene.statuses().values()) == {"delivered"}
    assert [name for name in names(bucket) if ".integrations" not in name] == ["day/orders.jsonl"]
    content = bucket.get_object(Bucket="outgoing", Key="day/orders.jsonl")["Body"].read()
    assert content == b'{"id":1}\n{"id":2}\n{"id":3}\n'
    assert buckets(bucket) - others == {"outgoing"}


def test_an_upload_that_breaks_off_leaves_no_object(server: str) -> None:
    bucket: Any = boto3.client("s3", endpoint_url=server, **ACCESS)
    bucket.create_bucket(Bucket="broken")
    extra = {"endpoint_url": server, "region_name": "us-east-1"}
    place = SimpleNamespace(name="s3", kind="aws", host="", port=None, login="key", password="secret", extra=extra)
    writer = FileWriter("broken/a.csv", place)

    def breaks(file: Any) -> None:
        file.write(bytes(6 * 1024 * 1024 * 10))
        raise OSError("the connection was lost")

    for content in (breaks, lambda file: breaks(SimpleNamespace(write=lambda some: file.write(b"some")))):
        with pytest.raises(OutageError, match="the connection was lost"):
            writer.write("broken/a.csv", content)
    assert bucket.list_objects_v2(Bucket="broken").get("Contents") is None
    writer.write("broken/a.csv", b"all")
    assert writer.size("broken/a.csv") == 3
    bucket.delete_object(Bucket="broken", Key="a.csv")
    bucket.delete_bucket(Bucket="broken")
