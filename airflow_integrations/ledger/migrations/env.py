"""Alembic's entry: migrates over the connection that ``ledger.version`` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from airflow_integrations.ledger.storage.schema_version import VERSION_TABLE
from airflow_integrations.ledger.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
