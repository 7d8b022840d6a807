"""Files in object storage: moto's server, over real HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from files_scene import Scene
from s3_server import ACCESS, s3_server

from airflow_integrations.discovery import Bounds
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.files.store import FileStore
from airflow_integrations.incoming.files.discover import discovered


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as address:
        yield address


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
    (found,) = [each for each in discovered(None, place, Bounds()).collections if each.name == "/incoming/"]
    assert found.what == "folder"
    (found,) = discovered(found.name, place, Bounds()).collections
    assert (found.name, found.what) == ("/incoming/day/", "folder")
    (found,) = discovered("incoming/day", place, Bounds()).collections
    assert found.incoming == {"path": "incoming/day/a_*.csv", "format": "csv", "csv": {"delimiter": ";"}}
    assert [field.name for field in found.fields] == ["sku", "price"]
    assert discovered("incoming/day/a_*.csv", place, Bounds()).collections == (found,)


def test_a_name_with_wildcards_is_a_name(server: str, bucket: Any, tmp_path: Path) -> None:
    """s3fs takes the name of an object to move for a pattern: it would have moved those that nobody has read, too."""
    place = SimpleNamespace(
        name="s3", kind="aws", host="", port=None, login="key", password="secret",
        extra={"endpoint_url": server, "region_name": "us-east-1"},
    )  # fmt: skip
    scene = Scene(tmp_path, {"s3": place}, connection="s3", path="incoming/day/*.csv", after={"move": "done"})
    bucket.put_object(Bucket="incoming", Key="day/*.csv", Body=b"sku,price\n1,10\n")
    run = scene.new_run()
    scene.stage("fetch", run)
    bucket.put_object(Bucket="incoming", Key="day/late.csv", Body=b"sku,price\n2,20\n")
    for stage in ("transform", "push", "settle"):
        scene.stage(stage, run)
    names = [found["Key"] for found in bucket.list_objects_v2(Bucket="incoming")["Contents"]]
    assert names == ["day/done/*.csv", "day/late.csv"]
    assert scene.run() == ["2"]


@pytest.mark.parametrize(
    ("code", "kind"), [("AccessDenied", OutageError), ("InvalidAccessKeyId", SetupError)], ids=["denied", "key"]
)
def test_a_bucket_that_cannot_be_listed_is_not_an_empty_one(code: str, kind: type[Exception], tmp_path: Path) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
            self.send_response(403)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        extra = {"endpoint_url": f"http://127.0.0.1:{http.server_port}", "region_name": "us-east-1"}
        place = SimpleNamespace(name="s3", kind="aws", host="", port=None, login="k", password="s", extra=extra)
        with pytest.raises(kind):
            FileStore("incoming/day/*.csv", place).list()
        http.shutdown()
