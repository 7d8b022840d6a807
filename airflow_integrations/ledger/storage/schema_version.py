"""The schema version of a ledger, and its upgrade to the one that this code needs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, text

from airflow_integrations.errors import SetupError
from airflow_integrations.ledger.storage.tables import PREFIX

__all__ = ["HEAD", "REVISIONS", "VERSION_TABLE", "check", "migrate"]

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010")
"""Those in migrations/versions, oldest first. Named here because importing Alembic takes longer than the rest."""
HEAD: Final = REVISIONS[-1]
VERSION_TABLE: Final = f"{PREFIX}version"
_LOCK: Final = 0x1ED6E2
"""PostgreSQL's advisory locks share one space of numbers per database: this one is the ledger's migration."""


def check(found: str | None, where: str) -> bool:
    """Whether a ledger of revision ``found`` (None: empty) is up to date.

    Raises :class:`SetupError` where it is of a revision that this code does not know.
    """
    if found is not None and found not in REVISIONS:
        raise SetupError(
            f"{where} has schema {found}; this version of airflow-integrations knows {', '.join(REVISIONS)}: a newer "
            "version has migrated it; install that version on every machine that runs Airflow's components"
        )
    return found == HEAD


def migrate(connection: Connection, where: str, to: str = HEAD, *, identity: str | None = None) -> None:
    """Brings the ledger to revision ``to`` in the connection's transaction, one process after the other.

    ``identity`` is the id that it gets, where it has none yet and is to have a certain one.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext

    found = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
    if check(found, where):
        return
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["identity"] = identity
    command.upgrade(config, to)
