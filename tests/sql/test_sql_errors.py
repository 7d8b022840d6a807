"""What errors of databases mean, by the words of their drivers."""

from __future__ import annotations

import sqlite3

import psycopg
import pymysql
import pytest
from sqlalchemy.exc import DBAPIError

from airflow_integrations.sql.errors import kind_of, what_was_said
from airflow_integrations.sql.statement import SqlText


def lite(name: str) -> sqlite3.Error:
    error = sqlite3.OperationalError("no")
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.errors.DeadlockDetected("x"), "again"),
        (psycopg.errors.SerializationFailure("x"), "again"),
        (psycopg.errors.LockNotAvailable("x"), "again"),
        (psycopg.errors.AdminShutdown("x"), "outage"),
        (psycopg.errors.DiskFull("x"), "outage"),
        (psycopg.errors.UniqueViolation("x"), "refused"),
        (psycopg.errors.RaiseException("x"), "refused"),
        (psycopg.errors.UndefinedTable("x"), "setup"),
        (psycopg.errors.InsufficientPrivilege("x"), "setup"),
        (psycopg.OperationalError("FATAL:  password authentication failed for user"), "setup"),
        (psycopg.OperationalError("connection refused"), "outage"),
        (pymysql.err.OperationalError(1213, "Deadlock found"), "again"),
        (pymysql.err.OperationalError(1205, "Lock wait timeout"), "again"),
        (pymysql.err.OperationalError(2013, "Lost connection"), "outage"),
        (pymysql.err.OperationalError(1045, "Access denied"), "setup"),
        (pymysql.err.IntegrityError(1062, "Duplicate entry"), "refused"),
        (pymysql.err.DataError(1406, "Data too long"), "refused"),
        (lite("SQLITE_BUSY_SNAPSHOT"), "again"),
        (lite("SQLITE_CONSTRAINT_UNIQUE"), "refused"),
        (lite("SQLITE_FULL"), "outage"),
        (lite("SQLITE_ERROR"), "setup"),
        (ConnectionResetError(), "outage"),
    ],
)
def test_what_an_error_means(error: Exception, kind: str) -> None:
    assert kind_of(error) == kind
    assert kind_of(DBAPIError("select", {}, error)) == kind


def test_what_was_said_is_one_bounded_line() -> None:
    assert what_was_said(pymysql.err.DataError(1406, "Data too\nlong")) == "Data too long (error 1406)"
    assert len(what_was_said(psycopg.OperationalError("x" * 9_000))) == 500


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a = :params.x and b in :params.y", {"params.x", "params.y"}),
        ("a = ':no' and \"b:no\" = 1 and c::int = 2 -- :no\n and d = :window_start", {"window_start"}),
        ("a = $$ :no $$ and b = $q$ :no $q$ /* :no */", set()),
        ("a = 'it''s :no' and t > '12:30:00'", set()),
        ("a[1:2] = :var.x;", {"var.x"}),
    ],
)
def test_parameters_are_found_where_they_are_some(text: str, names: set[str]) -> None:
    assert SqlText(text).names == names
