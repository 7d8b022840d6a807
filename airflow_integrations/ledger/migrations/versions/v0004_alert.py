"""Alerts: since when they fire, and who was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "integrations_alert",
        sa.Column("route", sa.String(250), primary_key=True, comment="by name: a route that never ran can be late"),
        sa.Column("kind", sa.String(40), primary_key=True, comment="failure, error_rate, nothing_received, …"),
        sa.Column("watched", sa.Float, nullable=False, comment="since when it is looked at"),
        sa.Column("seen", sa.Float, nullable=False, comment="runs that ended until then were looked at"),
        sa.Column("since", sa.Float, comment="when it began to fire; NULL: it does not"),
        sa.Column("over", sa.Float, comment="when it last ceased to"),
        sa.Column("detail", sa.Text, nullable=False, comment="what is, or last was, wrong"),
        sa.Column("targets", sa.Text, nullable=False, comment="who was told what, JSON: target to Told"),
    )
