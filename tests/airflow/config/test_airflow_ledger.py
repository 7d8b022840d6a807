from __future__ import annotations

import json
import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from airflow_integrations.airflow.config import settings
from airflow_integrations.airflow.config.ledger import ledger_url, open_ledger
from airflow_integrations.errors import SetupError

POSTGRES = os.environ.get("TEST_POSTGRES_DSN", "postgresql://127.0.0.1:5432/postgres")


@pytest.fixture
def unnamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION")


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch):
    """Name a Connection as the ledger's."""

    def name(**fields: object) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_BOOKS", json.dumps({"conn_type": "postgres"} | fields))
        monkeypatch.setenv("AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION", "books")

    return name


def test_without_a_setting_it_is_a_file_in_airflows_home(unnamed: None) -> None:
    url = ledger_url()
    assert make_url(url).database == str(Path(os.environ["AIRFLOW_HOME"]) / "integrations" / "ledger.db")
    with open_ledger() as ledger:
        assert ledger.dialect == "sqlite"
    assert stat.S_IMODE(settings.sqlite_ledger().stat().st_mode) == 0o600


def test_a_connection_becomes_a_url_whatever_is_in_its_fields(named) -> None:
    extra = {"sslmode": "require", "options": "-c search_path=books", "cursor": "dictcursor", "connect_timeout": 5}
    named(host="db.example", port=5433, schema="led/ger", login="us@er", password="p:/?#%40 ö", extra=extra)
    url = make_url(ledger_url())
    assert (url.drivername, url.host, url.port, url.database) == ("postgresql+psycopg", "db.example", 5433, "led/ger")
    assert (url.username, url.password) == ("us@er", "p:/?#%40 ö")
    assert dict(url.query) == {"sslmode": "require", "options": "-c search_path=books", "connect_timeout": "5"}


def test_a_connection_may_be_written_as_a_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_BOOKS", "postgresql://me:s%40crt@db:5432/books?sslmode=disable")
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION", "books")
    assert ledger_url() == "postgresql+psycopg://me:s%40crt@db:5432/books?sslmode=disable"


def test_a_connection_may_be_a_sqlite_file(named, tmp_path: Path) -> None:
    named(conn_type="sqlite", host=str(tmp_path / "books.db"))
    with open_ledger():
        assert (tmp_path / "books.db").exists()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {"conn_type": "mysql", "host": "db", "schema": "x"},
            "is of type 'mysql'; the ledger needs one of type postgres",
        ),
        ({"schema": "x"}, "needs a host, and the database's name as its schema"),
        ({"host": "db"}, "needs a host, and the database's name as its schema"),
        ({"host": "db", "schema": "x", "extra": {"sslmode": {"a": 1}}}, "sslmode in extra is not text"),
        ({"conn_type": "sqlite"}, "has no file"),
    ],
)
def test_what_cannot_be_a_ledger_is_told_without_secrets(named, fields: dict[str, object], told: str) -> None:
    named(password="hunter2", **fields)
    with pytest.raises(SetupError) as caught:
        ledger_url()
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_missing_connection_is_told_with_what_to_add(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION", "nowhere")
    with pytest.raises(SetupError, match=r"no Connection 'nowhere'.*--conn-type postgres --conn-host"):
        ledger_url()


@pytest.mark.parametrize(
    ("executor", "refused"),
    [
        ("LocalExecutor", None),
        ("airflow.executors.local_executor.LocalExecutor", None),
        ("CeleryExecutor", "CeleryExecutor"),
        ("LocalExecutor,KubernetesExecutor", "KubernetesExecutor"),
        ("LocalExecutor;team1=CeleryExecutor", "CeleryExecutor"),
        (
            "LocalExecutor, ecs:airflow.providers.amazon.aws.executors.ecs.ecs_executor.AwsEcsExecutor",
            "airflow.providers.amazon.aws.executors.ecs.ecs_executor.AwsEcsExecutor",
        ),
    ],
)
def test_a_file_is_refused_where_tasks_run_on_other_machines(
    unnamed: None, monkeypatch: pytest.MonkeyPatch, executor: str, refused: str | None
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    if refused is None:
        assert ledger_url().startswith("sqlite:///")
        return
    with pytest.raises(SetupError) as caught:
        ledger_url()
    assert f"tasks of {refused} on other machines do not see" in str(caught.value)
    assert "[integrations] ledger_connection = integrations_ledger" in str(caught.value)


def test_postgresql_goes_with_every_executor(
    named, monkeypatch: pytest.MonkeyPatch, database: dict[str, object]
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    named(**database)
    with open_ledger() as ledger:
        assert ledger.dialect == "postgresql"


@pytest.fixture
def database() -> Iterator[dict[str, object]]:
    """A database of its own, as the fields of a Connection."""
    import psycopg

    name = f"ledger_{uuid.uuid4().hex[:12]}"
    try:
        server = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        told = f"no PostgreSQL at {POSTGRES} (TEST_POSTGRES_DSN): {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(told)
        pytest.skip(told)
    with server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            info = server.info
            yield {
                "host": info.host,
                "port": info.port,
                "schema": name,
                "login": info.user,
                "password": info.password or None,
            }
        finally:
            server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.mark.parametrize(
    ("text", "size"), [("", None), ("20GB", 20 * 10**9), ("500 MiB", 500 * 2**20), ("1.5gb", 1_500_000_000), ("7", 7)]
)
def test_a_size_is_read(monkeypatch: pytest.MonkeyPatch, text: str, size: int | None) -> None:
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__STAGING_MAX_BYTES", text)
    assert settings.staging_max_bytes() == size


@pytest.mark.parametrize("text", ["much", "20 parsecs", "-1GB", "0"])
def test_what_is_no_size_is_told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__STAGING_MAX_BYTES", text)
    with pytest.raises(SetupError, match="is a size such as 20GB"):
        settings.staging_max_bytes()


def test_tasks_do_not_begin_with_an_empty_ledger_in_place_of_the_one_that_was_used(named, tmp_path: Path) -> None:
    named(conn_type="sqlite", host=str(tmp_path / "books.db"))
    open_ledger().close()
    for file in tmp_path.glob("books.db*"):
        file.unlink()
    with pytest.raises(SetupError, match=r"would be sent again\. Restore it from a backup"):
        open_ledger()
    open_ledger(begin_again=True).close()
    open_ledger(synced=True).close()
