"""The one place where commands reach Airflow: Connections, Variables, configuration, pools. Imported late."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_integrations.errors import SetupError

if TYPE_CHECKING:
    from airflow_integrations.airflow.config.connections import AirflowConnections
    from airflow_integrations.airflow.dag.pools import Created
    from airflow_integrations.ledger.ledger import Ledger

__all__ = [
    "are_bundled",
    "clock_skew",
    "connections",
    "create_pools",
    "executor_slots",
    "has_password",
    "ledger_place",
    "missing_pools",
    "open_ledger",
    "pools_wanted",
    "route_folders",
    "staging_base",
    "staging_max_bytes",
]


def connections() -> AirflowConnections:
    """Connections and Variables as Airflow's own commands see them; without a metadata database, as tasks do. Airflow
    is loaded when it has to be asked."""
    from airflow_integrations.airflow.config.command_line import CommandLineConnections

    return CommandLineConnections(loaded=_log_aside)


def _see_database() -> None:
    """For the ledger's Connection, which may be in the metadata database."""
    from airflow_integrations.airflow.config.connections import AirflowConnections

    AirflowConnections.for_command_line()
    _log_aside()


class _Stderr:
    """The present standard error, looked up when something is written."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)


def _log_aside() -> None:
    """Airflow logs to standard output, which is for results: its lines would stand among them, and in JSON."""
    import structlog

    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and getattr(handler.stream, "name", "") == "<stdout>":
            handler.setStream(_Stderr())
    factory = structlog.get_config()["logger_factory"]
    if getattr(factory, "io", factory) is None:
        factory.io = _Stderr()


def has_password(connection: str) -> bool:
    """Of a Connection of any type. Raises SetupError where it is missing."""
    return bool(connections().broker(connection).password)


def staging_base() -> str:
    """The configured place of staging."""
    from airflow_integrations.airflow.config.without_airflow import staging_without_airflow

    if (found := staging_without_airflow()) is not None:
        return found
    from airflow_integrations.airflow.config import settings

    return settings.staging_base()


def route_folders() -> Sequence[Path]:
    """The configured folders of route files: one, or those of Airflow's DAG bundles, as they are now. Raises
    OutageError where a bundle cannot be fetched."""
    from airflow_integrations.airflow.config.without_airflow import routes_without_airflow

    if (found := routes_without_airflow()) is not None:
        return (Path(found).expanduser(),)
    from airflow_integrations.airflow.config.bundles import BundledRoutes

    return BundledRoutes().folders()


def are_bundled() -> bool:
    """Whether Airflow has to be asked where route files are, since it is configured with DAG bundles."""
    from airflow_integrations.airflow.config.without_airflow import routes_without_airflow

    return routes_without_airflow() is None


def staging_max_bytes() -> int | None:
    """How much staging may hold. Raises SetupError for a setting that is not a size."""
    from airflow_integrations.airflow.config import settings
    from airflow_integrations.airflow.config.without_airflow import staging_limit_without_airflow

    if (found := staging_limit_without_airflow()) is not None:
        return settings.bytes_of(found)
    return settings.staging_max_bytes()


def open_ledger(*, begin_again: bool = False, migrates: bool | None = None) -> Ledger:
    """The configured ledger; the caller closes it. ``begin_again``: even where it is not the one that was used before.
    ``migrates``: whether it is created or migrated where need be; None: as it is configured.

    Raises SetupError and OutageError.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from airflow_integrations.airflow.config.without_airflow import ledger_without_airflow

    if (found := ledger_without_airflow()) is not None:
        from airflow_integrations.ledger.ledger import Ledger

        url, marker = found
        return Ledger.open(url, marker=marker, begin_again=begin_again, migrates=migrates is not False)
    from airflow_integrations.airflow.config.ledger import open_ledger

    _see_database()
    return open_ledger(begin_again=begin_again, migrates=migrates)


def ledger_place() -> str:
    """Where the ledger is configured to be, without secrets."""
    from airflow_integrations.airflow.config import settings
    from airflow_integrations.airflow.config.ledger import ledger_url

    name = settings.ledger_connection()
    if not name:
        return f"SQLite, {settings.sqlite_ledger()}"
    _see_database()
    try:
        kind = "SQLite" if ledger_url().startswith("sqlite") else "PostgreSQL"
    except SetupError:  # opening it says why
        return f"Connection {name}"
    return f"{kind}, Connection {name}"


def clock_skew(ledger: Ledger) -> float | None:
    """Seconds by which the clock of the ledger's server is before this machine's; None where it has no own."""
    if ledger.dialect == "sqlite":
        return None
    from sqlalchemy import text

    with ledger.read() as connection:
        asked = time.time()
        theirs = float(connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())")) or 0)
        return theirs - (asked + time.time()) / 2


def pools_wanted() -> bool:
    """Whether routes are configured to run in the pools of their priority."""
    from airflow_integrations.airflow.config import settings

    return settings.pools_enabled()


def executor_slots() -> int:
    """Tasks that one scheduler has running at the same time."""
    from airflow_integrations.airflow.config import settings

    return settings.executor_slots()


def create_pools(slots: int | None, consumers: int, *, reset: bool) -> Created:
    """Create or resize the pools. ``consumers``: routes of low latency; ``reset``: also those that a person changed.

    Raises SetupError without a metadata database that is migrated.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from airflow_integrations.airflow.dag import pools

    try:
        return pools.create_pools(slots, consumers, reset=reset)
    except SQLAlchemyError as error:
        raise _no_database(error) from None


def missing_pools() -> list[str]:
    """The pools that routes would wait for in vain. Raises SetupError without a metadata database."""
    from sqlalchemy.exc import SQLAlchemyError

    from airflow_integrations.airflow.dag import pools

    try:
        return pools.missing_pools()
    except SQLAlchemyError as error:
        raise _no_database(error) from None


def _no_database(error: Exception) -> SetupError:
    cause = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]
    return SetupError(
        f"Airflow's metadata database cannot be used ({cause}): "
        "run `airflow db migrate`, or check [database] sql_alchemy_conn"
    )
