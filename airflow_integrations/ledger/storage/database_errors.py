"""Classify a database's errors: it is away and comes back, or the deployment has to be fixed."""

from __future__ import annotations

import sqlite3

from sqlalchemy import exc

from airflow_integrations.errors import IntegrationError, OutageError, SetupError
from airflow_integrations.ledger.storage.tables import PREFIX

__all__ = ["CommitLost", "ConnectionLost", "TableMissing", "understood"]

_SQLITE_AWAY = {
    5: "another process has had it locked for too long; look for a long-running transaction or a file manager",
    6: "another thread has had it locked for too long",
    10: "the disk could not be read or written; look at the system's log",
    13: "the disk is full; make room, then the run goes on by itself",
}
_SQLITE_SETUP = {
    3: "the user that runs Airflow's tasks has to be allowed to read and write it",
    8: "the user that runs Airflow's tasks has to be allowed to write the file and its folder",
    11: "the file is damaged; put a backup in its place",
    14: "the folder has to exist and the user that runs Airflow's tasks has to be allowed to write there",
    23: "the user that runs Airflow's tasks has to be allowed to read and write it",
    26: "the file is not a SQLite database; name another one",
}
"""Primary result codes, https://sqlite.org/rescode.html, with the remedy."""

_POSTGRES_LOST = ("08", "57P")
_POSTGRES_AWAY = ("25006", "40", "53", "55P03", "57", "58")
_POSTGRES_SETUP = ("28", "3D", "3F", "42501")
"""Beginnings of SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html. 25006: a standby."""
_UNANSWERED = {"OperationalError", "InterfaceError", "ConnectionTimeout"}
_REFUSALS = ("authentication failed", "no pg_hba.conf entry", "does not exist", "no password supplied", "invalid ")
"""libpq gives no SQLSTATE for a connection that could not be made, only PostgreSQL's words and its own."""


class ConnectionLost(OutageError):
    """The connection broke or could not be made. What the transaction did is undone unless it was committing."""


class CommitLost(ConnectionLost):
    """It broke while it committed: whether the transaction is done is unknown."""


class TableMissing(SetupError):
    """The ledger is empty, or a part of it was dropped."""


def understood(error: Exception, where: str, password: str | None) -> IntegrationError | None:
    """The error to raise in place of a driver's or SQLAlchemy's. None: it is a mistake in the program.

    ``where`` names the database; ``password`` is kept out of the text.
    """
    if isinstance(error, exc.TimeoutError):
        return OutageError(f"{where}: all of this process's connections are in use; try again later")
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    said = " ".join(str(cause).split())
    if password:
        said = said.replace(password, "***")
    if PREFIX in said and _missing_table(cause):
        return TableMissing(
            f"{where}: {said}: a part of the ledger is missing: restore it from a backup; or drop the rest of its "
            "tables (integrations_…) and run `airflow-integrations ledger begin-again`: then what was delivered is "
            "sent again"
        )
    if PREFIX in said and _table_is_there(cause):
        return SetupError(
            f"{where}: {said}: tables of a ledger are there, but not {PREFIX}version, which tells what they are: "
            "restore it from a backup; or drop the rest of its tables (integrations_…) and run `airflow-integrations "
            "ledger begin-again`: then what was delivered is sent again"
        )
    if isinstance(code := getattr(cause, "sqlite_errorcode", None), int):
        return _sqlite(code & 0xFF, said, where)
    if hasattr(cause, "sqlstate"):
        return _postgres(cause, said, where)
    return None


def _missing_table(cause: object) -> bool:
    if isinstance(cause, sqlite3.OperationalError):
        return str(cause).startswith("no such table")
    return getattr(cause, "sqlstate", None) == "42P01"


def _table_is_there(cause: object) -> bool:
    """While the ledger is created: processes that create it at once take turns."""
    if isinstance(cause, sqlite3.OperationalError):
        return str(cause).endswith("already exists")
    return getattr(cause, "sqlstate", None) in ("42P07", "42710")


def _sqlite(code: int, said: str, where: str) -> IntegrationError | None:
    if code in _SQLITE_AWAY:
        return OutageError(f"{where}: {said}: {_SQLITE_AWAY[code]}")
    if code in _SQLITE_SETUP:
        return SetupError(f"{where}: {said}: {_SQLITE_SETUP[code]}")
    return None


def _postgres(cause: object, said: str, where: str) -> IntegrationError | None:
    state = getattr(cause, "sqlstate", None) or ""
    no_answer = not state and type(cause).__name__ in _UNANSWERED
    refused = no_answer and any(refusal in said for refusal in _REFUSALS)
    if refused or state.startswith(_POSTGRES_SETUP) or said.startswith("invalid connection option"):
        return SetupError(
            f"{where}: {said}: the Connection that [integrations] ledger_connection names needs a database that exists "
            "and a user who may create and change tables in it"
        )
    if no_answer or state.startswith(_POSTGRES_LOST):
        return ConnectionLost(f"{where} is away: {said}: start it again, or repair the network; runs then continue")
    if state.startswith(_POSTGRES_AWAY):
        return OutageError(f"{where}: {said}: look at PostgreSQL's log; the run goes on when it has recovered")
    return None
