"""Files in object storage: moto's server, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from files_scene import Scene

from airflow_integrations.discovery import Bounds
from airflow_integrations.incoming.files.discover import discovered

ACCESS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(server: str, tmp_path: Path) -> Any:
    client: Any = boto3.client("s3", endpoint_url=server, **ACCESS)
    client.create_bucket(Bucket="incoming")
    yield client
    for found in client.list_objects_v2(Bucket="incoming").get("Contents", []):
        client.delete_object(Bucket="incoming", Key=found["Key"])
    client.delete_bucket(Bucket="incoming")


def test_objects_are_read_once_and_moved(server: str, bucket: Any, tmp_path: Path) -> None:
    extra = {"endpoint_url": server, "region_name": "us-east-1"}
    place = SimpleNamespace(name="s3", kind="aws", host="", port=None, login="key", password="secret", extra=extra)
    scene = Scene(tmp_path, {"s3": place}, connection="s3", path="incoming/day/*.csv", after={"move": "done"})

    def names() -> list[str]:
        return [found["Key"] for found in bucket.list_objects_v2(Bucket="incoming").get("Contents", [])]

    assert scene.run() == []
    bucket.put_object(Bucket="incoming", Key="day/a.csv", Body=b"sku,price\n1,10\n")
    bucket.put_object(Bucket="incoming", Key="day/b.csv", Body=b"sku,price\n2,20\n3,30,4\n")
    assert sorted(scene.run()) == ["1", "2"]
    assert scene.slept == []
    assert names() == ["day/b.csv", "day/done/a.csv"]
    assert scene.run() == []
    bucket.put_object(Bucket="incoming", Key="day/b.csv", Body=b"sku,price\n2,20\n3,30\n")
    assert scene.run() == ["2", "3"]
    assert names() == ["day/done/a.csv", "day/done/b.csv"]


def test_what_is_in_a_bucket_is_told(server: str, bucket: Any) -> None:
    extra = {"endpoint_url": server, "region_name": "us-east-1"}
    place = SimpleNamespace(name="s3", kind="aws", host="", port=None, login="key", password="secret", extra=extra)
    bucket.put_object(Bucket="incoming", Key="day/a_1.csv", Body=b"sku;price\n1;10\n")
    bucket.put_object(Bucket="incoming", Key="day/a_2.csv", Body=b"sku;price\n2;20\n")
    (found,) = discovered(None, place, Bounds()).collections
    assert (found.name, found.what) == ("/incoming/", "folder")
    (found,) = discovered(found.name, place, Bounds()).collections
    assert (found.name, found.what) == ("/incoming/day/", "folder")
    (found,) = discovered("incoming/day", place, Bounds()).collections
    assert found.incoming == {"path": "incoming/day/a_*.csv", "format": "csv", "csv": {"delimiter": ";"}}
    assert [field.name for field in found.fields] == ["sku", "price"]
    assert discovered("incoming/day/a_*.csv", place, Bounds()).collections == (found,)
