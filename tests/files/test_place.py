"""Where files are, by path and Connection: the login goes to the Connection's own place."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from airflow_integrations.errors import SetupError
from airflow_integrations.files.place import Place, checked_path, located, storage_options
from airflow_integrations.files.store import FileStore


def place(kind: str, **fields: Any) -> Place:
    usual: dict[str, Any] = {"name": "there", "host": "", "port": None, "login": None, "password": None, "extra": {}}
    return SimpleNamespace(**{**usual, "kind": kind, **fields})


@pytest.mark.parametrize(
    ("kind", "path", "found"),
    [
        ("sftp", "/out/*.csv", "sftp://host.example/out/*.csv"),
        ("ftp", "out/*.csv", "ftp://host.example/out/*.csv"),
        ("samba", "/share/*.csv", "smb://host.example/share/*.csv"),
        ("aws", "bucket/*.csv", "s3://bucket/*.csv"),
        ("google_cloud_platform", "/bucket/*.csv", "gs://bucket/*.csv"),
        ("aws", "s3://bucket/*.csv", "s3://bucket/*.csv"),
        ("generic", "/in/*.csv", "/in/*.csv"),
        ("", "memory://in/*.csv", "memory://in/*.csv"),
    ],
)
def test_the_type_of_the_connection_says_what_a_path_means(kind: str, path: str, found: str) -> None:
    assert located(path, place(kind, host="host.example")) == found


@pytest.mark.parametrize(("kind", "path"), [("aws", "sftp://host/in"), ("sftp", "s3://bucket/in")])
def test_a_connection_of_another_type_is_refused(kind: str, path: str) -> None:
    with pytest.raises(SetupError, match="and the path is one of"):
        located(path, place(kind))


def test_a_login_goes_to_its_own_host_only() -> None:
    with pytest.raises(SetupError, match="host"):
        FileStore("ftp://other.example/in/*", place("ftp", host="host.example", login="me", password="x"))


def test_the_fields_of_an_aws_connection() -> None:
    extra = {"endpoint_url": "http://127.0.0.1:1", "region_name": "eu-west-1", "aws_session_token": "t", "anon": False}
    assert storage_options("s3://b/x", place("aws", login="k", password="s", extra=extra)) == {
        "key": "k",
        "secret": "s",
        "token": "t",
        "anon": False,
        "client_kwargs": {"endpoint_url": "http://127.0.0.1:1", "region_name": "eu-west-1"},
    }
    with pytest.raises(SetupError, match="role_arn in extra is not supported"):
        storage_options("s3://b/x", place("aws", extra={"role_arn": "arn:x"}))


def test_what_a_server_needs() -> None:
    options = storage_options("sftp://h/x", place("sftp", host="h", port=2222, login="me", extra={"key_filename": "k"}))
    assert options == {"host": "h", "port": 2222, "username": "me", "key_filename": "k"}
    assert storage_options("/in/x", place("fs", login="me")) == {}


def test_a_path_holds_no_password() -> None:
    assert checked_path("/in/@home/*.csv") == "/in/@home/*.csv"
    with pytest.raises(ValueError, match="into a Connection"):
        checked_path("ftp://me:secret@host/in")


def test_a_file_system_whose_package_is_missing() -> None:
    with pytest.raises(SetupError, match="nothing_like_it"):
        FileStore("nothing_like_it://in/*")
