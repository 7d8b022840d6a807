"""What a database's error means: it is away and comes back, or the deployment has to be mended."""

from __future__ import annotations

from sqlalchemy import exc

from airflow_integrations.errors import IntegrationError, OutageError, SetupError

__all__ = ["ConnectionLost", "missing_table", "understood"]

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
    26: "the file is no SQLite database; name another one",
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
    if isinstance(code := getattr(cause, "sqlite_errorcode", None), int):
        return _sqlite(code & 0xFF, said, where)
    if hasattr(cause, "sqlstate"):
        return _postgres(cause, said, where)
    return None


def missing_table(error: exc.DBAPIError) -> bool:
    """Whether a statement failed because its table does not exist."""
    return getattr(error.orig, "sqlstate", None) == "42P01" or "no such table" in str(error.orig)


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
        return ConnectionLost(f"{where} is away: {said}: start it again, or mend the network; runs go on by themselves")
    if state.startswith(_POSTGRES_AWAY):
        return OutageError(f"{where}: {said}: look at PostgreSQL's log; the run goes on when it has recovered")
    return None
