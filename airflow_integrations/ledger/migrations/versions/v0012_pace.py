"""The pace of requests to a Connection's system, which all processes share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "integrations_pace",
        sa.Column("connection", sa.String(250), primary_key=True, comment="the Connection's id"),
        sa.Column(
            "free_at",
            sa.Float,
            nullable=False,
            comment="when the next request may leave that nobody has a turn for yet",
        ),
    )
