"""An identity of the ledger, so that an empty one in its place is noticed."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import context, op

from airflow_integrations.ledger.storage.identity import new_id

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    table = op.create_table(
        "integrations_identity",
        sa.Column("id", sa.String(32), primary_key=True, comment="the ledger's own, and those that it stands in for"),
        sa.Column("since", sa.Float, nullable=False, comment="the ledger's own is the oldest"),
    )
    own = context.config.attributes.get("identity") or new_id()
    op.bulk_insert(table, [{"id": own, "since": time.time()}])
