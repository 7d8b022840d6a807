"""What a database's error means for what was asked: try later, mend the setup, or this row is refused."""

from __future__ import annotations

import re
from typing import Any, Literal

__all__ = ["Kind", "is_of_database", "kind_of", "what_was_said"]

Kind = Literal["outage", "again", "setup", "refused"]
"""``outage``: the database is away or full. ``again``: it lost a race (deadlock, serialization, lock); the same
transaction may work at once. ``setup``: a table, a column, a right or a password. ``refused``: these values."""

_POSTGRES: tuple[tuple[str, Kind], ...] = (
    ("40", "again"),
    ("55P03", "again"),
    ("08", "outage"),
    ("53", "outage"),
    ("57", "outage"),
    ("58", "outage"),
    ("25", "setup"),
    ("28", "setup"),
    ("3D", "setup"),
    ("3F", "setup"),
    ("42", "setup"),
)
_SIGN_IN = re.compile(r"authentication failed|no password supplied|does not exist|no pg_hba|certificate verify", re.I)
_MYSQL_AGAIN = frozenset({1020, 1205, 1213, 3058, 3572})
_MYSQL_AWAY = frozenset({1021, 1040, 1041, 1053, 1114, 1129, 1152, 1158, 1159, 1160, 1161, 1203, 1226, 1290, 1927})
_MYSQL_SETUP = frozenset(
    {
        *(1044, 1045, 1046, 1049, 1052, 1054, 1060, 1064, 1066, 1109, 1142, 1143, 1146, 1149, 1227, 1248),
        *(1305, 1318, 1356, 1370, 1698, 2059),
    }
)
_SQLITE: dict[str, Kind] = {
    "SQLITE_BUSY": "again",
    "SQLITE_LOCKED": "again",
    "SQLITE_FULL": "outage",
    "SQLITE_IOERR": "outage",
    "SQLITE_NOMEM": "outage",
    "SQLITE_INTERRUPT": "outage",
    "SQLITE_CONSTRAINT": "refused",
    "SQLITE_MISMATCH": "refused",
    "SQLITE_TOOBIG": "refused",
}


def is_of_database(error: Exception) -> bool:
    """Whether a database or its driver raised it; what else is raised is a fault of ours."""
    from sqlalchemy.exc import SQLAlchemyError

    return isinstance(error, SQLAlchemyError | OSError) or any(each.__name__ == "Error" for each in type(error).__mro__)


def kind_of(error: Exception) -> Kind:
    """What an error of SQLAlchemy or of a driver means."""
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    if isinstance(error, DBAPIError):
        found = _of_driver(error.orig)
        if found is not None:
            return found
        if error.connection_invalidated:
            return "outage"
        error = error.orig if isinstance(error.orig, Exception) else error
    elif isinstance(error, SQLAlchemyError):
        return "setup"
    return _of_driver(error) or _by_class(error)


def what_was_said(error: Exception) -> str:
    """The database's own words in one line: its message, and the detail that names constraint, column or key."""
    orig: Any = getattr(error, "orig", None) or error
    diag = getattr(orig, "diag", None)
    if diag is not None and diag.message_primary:
        parts = [diag.message_primary, diag.message_detail]
        named = [("column", diag.column_name), ("constraint", diag.constraint_name)]
        parts += [f"{what} {name}" for what, name in named if name and name not in diag.message_primary]
        text = "; ".join(part for part in parts if part)
    elif len(getattr(orig, "args", ())) == 2 and isinstance(orig.args[0], int):
        text = f"{orig.args[1]} (error {orig.args[0]})"
    else:
        text = str(orig)
    text = " ".join(text.split())
    return text if len(text) <= 500 else text[:499] + "…"


def _of_driver(orig: Any) -> Kind | None:
    module = type(orig).__module__.partition(".")[0]
    state = getattr(orig, "sqlstate", None)
    if isinstance(state, str) and module.startswith("psycopg"):
        return next((kind for prefix, kind in _POSTGRES if state.startswith(prefix)), "refused")
    if (name := getattr(orig, "sqlite_errorname", None)) is not None:
        base = "_".join(name.split("_")[:2])
        return _SQLITE.get(base) or (
            "setup"
            if base
            in ("SQLITE_ERROR", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_NOTADB", "SQLITE_AUTH", "SQLITE_PERM")
            else "outage"
        )
    if module == "pymysql" and orig.args and isinstance(orig.args[0], int):
        code = orig.args[0]
        if code in _MYSQL_AGAIN:
            return "again"
        if code in _MYSQL_SETUP:
            return "setup"
        return "outage" if code in _MYSQL_AWAY or code == 0 or 2000 <= code < 2100 else "refused"
    if module.startswith("psycopg") and type(orig).__name__ == "OperationalError":
        return "setup" if _SIGN_IN.search(str(orig)) else "outage"
    return None


def _by_class(error: Exception) -> Kind:
    """By the names of PEP 249, for drivers that say no more."""
    names = {each.__name__ for each in type(error).__mro__}
    if names & {"IntegrityError", "DataError"}:
        return "refused"
    if names & {"OperationalError", "InterfaceError", "InternalError"} or isinstance(error, OSError):
        return "outage"
    return "setup" if names & {"ProgrammingError", "NotSupportedError"} else "refused"
