"""Where the ledger is, by Airflow's configuration: a Connection to PostgreSQL, or SQLite in AIRFLOW_HOME."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_integrations.airflow.config import settings
from airflow_integrations.errors import SetupError

if TYPE_CHECKING:
    from airflow_integrations.ledger.ledger import Ledger

__all__ = ["address", "ledger_url", "open_ledger"]

_EXAMPLE = "--conn-type postgres --conn-host … --conn-schema … --conn-login … --conn-password …"
_NOT_FOR_THE_DATABASE = frozenset({"cursor", "iam", "redshift", "cluster-identifier", "log_sql"})
"""What Airflow's own hook reads in a Connection's extra and PostgreSQL would refuse."""


def open_ledger(*, synced: bool = False, begin_again: bool = False, migrates: bool | None = None) -> Ledger:
    """The configured ledger; the caller closes it. ``synced`` and ``begin_again``: as :meth:`Database.open` has them.
    ``migrates``: whether it is created or migrated where need be; None: as it is configured.

    Raises SetupError where it cannot be used as configured or is not the one that was used before, OutageError where
    its database is away.
    """
    from airflow_integrations.ledger.ledger import Ledger

    return Ledger.open(
        ledger_url(),
        synced=synced,
        marker=settings.ledger_marker(),
        begin_again=begin_again,
        migrates=settings.ledger_auto_migrate() if migrates is None else migrates,
    )


def ledger_url() -> str:
    """The ledger's address for SQLAlchemy. It may hold a password: it is for no log.

    Raises SetupError: no such Connection, one of another type, or SQLite where tasks run on several machines.
    """
    name = settings.ledger_connection()
    url = _from_connection(name) if name else f"sqlite:///{settings.sqlite_ledger()}"
    executor = settings.foreign_executor()
    if url.startswith("sqlite") and executor:
        raise SetupError(
            f"the ledger is a SQLite file, which tasks of {executor} on other machines do not see: create a PostgreSQL "
            f"database, add a Connection to it (airflow connections add integrations_ledger {_EXAMPLE}) "
            "and name it: [integrations] ledger_connection = integrations_ledger"
        )
    return url


def _from_connection(name: str) -> str:
    from airflow_integrations.airflow.config.connections import AirflowConnections

    return address(name, AirflowConnections().read(name, _EXAMPLE))


def address(name: str, found: Any) -> str:
    """The address that a Connection is. Raises SetupError where the ledger cannot be there."""
    from sqlalchemy.engine import URL

    kind = (found.conn_type or "").lower().partition("+")[0]
    if kind == "sqlite":
        path = found.host or found.schema
        if not path:
            raise SetupError(f"Connection {name!r} is of type sqlite and has no file: it goes into its host")
        return f"sqlite:///{path}"
    if kind not in ("postgres", "postgresql"):
        raise SetupError(f"Connection {name!r} is of type {found.conn_type!r}; the ledger needs one of type postgres")
    if not found.host or not found.schema:
        raise SetupError(f"Connection {name!r} needs a host, and the database's name as its schema")
    return URL.create(
        "postgresql+psycopg",
        username=found.login or None,
        password=found.password or None,
        host=found.host,
        port=found.port or None,
        database=found.schema,
        query=_options(name, found),
    ).render_as_string(hide_password=False)


def _options(name: str, found: Any) -> dict[str, str]:
    """The extra's libpq parameters, such as sslmode, as texts."""
    extra = found.extra_dejson if found.extra else {}
    if not isinstance(extra, dict):
        raise SetupError(f"Connection {name!r}: extra is a JSON object, not {type(extra).__name__}")
    options = {}
    for option, value in extra.items():
        if option in _NOT_FOR_THE_DATABASE or value is None:
            continue
        if not isinstance(value, str | int):
            raise SetupError(f"Connection {name!r}: {option} in extra is not text; it goes to PostgreSQL as it is")
        options[option] = str(value)
    return options
