"""Airflow's Connections of databases as SQLAlchemy's addresses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from airflow_integrations.airflow.config.databases import database_of
from airflow_integrations.errors import SetupError


def connection(conn_type: str, **fields: Any) -> Any:
    empty = dict.fromkeys(("host", "schema", "login", "password", "port"))
    return SimpleNamespace(conn_type=conn_type, **{**empty, **fields})


FULL = {"host": "db.example", "schema": "sales", "login": "me", "password": "p@ss/word", "port": 1234}


@pytest.mark.parametrize(
    ("conn_type", "fields", "extra", "url", "options"),
    [
        (
            "postgres",
            FULL,
            {"sslmode": "require", "cursor": "dictcursor"},
            "postgresql+psycopg://me:p%40ss%2Fword@db.example:1234/sales",
            {"sslmode": "require"},
        ),
        (
            "mysql",
            FULL,
            {"ssl": '{"ca": "/ca.pem"}', "local_infile": True},
            "mysql+pymysql://me:p%40ss%2Fword@db.example:1234/sales",
            {"ssl": {"ca": "/ca.pem"}},
        ),
        ("mssql", FULL, {}, "mssql+pymssql://me:p%40ss%2Fword@db.example:1234/sales", {}),
        ("sqlite", {"host": "/data/x.db"}, {}, "sqlite:////data/x.db", {}),
        ("sqlite", {"schema": "/data/x.db"}, {}, "sqlite:////data/x.db", {}),
    ],
)
def test_fields_mean_what_they_mean_to_providers(
    conn_type: str, fields: dict[str, Any], extra: dict[str, Any], url: str, options: dict[str, Any]
) -> None:
    database = database_of("erp", connection(conn_type, **fields), extra)
    assert (database.url, dict(database.options)) == (url, options)
    assert "p@ss" not in repr(database)
    assert "p%40ss" not in repr(database)


@pytest.mark.parametrize(
    ("conn_type", "fields", "extra", "told"),
    [
        ("http", {}, {}, "needs one of a database"),
        ("sqlite", {}, {}, "names no file"),
        ("postgres", FULL, {"iam": True}, "IAM"),
        ("mysql", FULL, {"ssl": "{"}, "extra.ssl must be an object"),
        ("snowflake", FULL, {}, "Install the provider"),
    ],
)
def test_what_cannot_be_used_is_told(conn_type: str, fields: dict[str, Any], extra: dict[str, Any], told: str) -> None:
    with pytest.raises(SetupError, match=told):
        database_of("erp", connection(conn_type, **fields), extra)
