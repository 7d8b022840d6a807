"""The one place where commands reach Airflow: Connections, Variables, configuration, pools. Imported late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from airflow_integrations.errors import SetupError

if TYPE_CHECKING:
    from airflow_integrations.run import Connections

__all__ = ["connections", "create_pools", "missing_pools", "pools_wanted", "staging_base"]


def connections() -> Connections:
    """Connections and Variables as Airflow's own commands see them; without a metadata database, as tasks do."""
    from airflow_integrations.airflow.connections import AirflowConnections

    return AirflowConnections.for_command_line()


def staging_base() -> str:
    """The configured place of staging."""
    from airflow_integrations.airflow import settings

    return settings.staging_base()


def pools_wanted() -> bool:
    """Whether routes are configured to run in the pools of their priority."""
    from airflow_integrations.airflow import settings

    return settings.pools_enabled()


def create_pools(slots: int | None) -> Mapping[str, int]:
    """Create or resize the pools; name to slots. Raises SetupError without a metadata database that is migrated."""
    from sqlalchemy.exc import SQLAlchemyError

    from airflow_integrations.airflow import pools

    try:
        return pools.create_pools(slots)
    except SQLAlchemyError as error:
        raise _no_database(error) from None


def missing_pools() -> list[str]:
    """The pools that routes would wait for in vain. Raises SetupError without a metadata database."""
    from sqlalchemy.exc import SQLAlchemyError

    from airflow_integrations.airflow import pools

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
