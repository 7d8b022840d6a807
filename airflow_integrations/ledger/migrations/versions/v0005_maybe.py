"""What a target may hold: content that was sent since the last delivery and has no known outcome."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column(
        "integrations_entity",
        sa.Column(
            "maybe",
            sa.Text,
            comment="content that may have arrived since the last delivery: hashes, newest first, by comma",
        ),
    )
    op.add_column(
        "integrations_entity",
        sa.Column(
            "unheard", sa.Integer, comment="how often other content followed one that may have arrived; NULL: never"
        ),
    )
    op.execute(
        "UPDATE integrations_entity SET maybe = hash "
        "WHERE since IS NOT NULL AND hash IS NOT NULL AND coalesce(delivered_hash, '') <> hash "
        "AND (error_class IN ('unknown', 'waiting', 'expired') "
        "OR (error_class IN ('outage', 'server') AND attempts > 0))"
    )
