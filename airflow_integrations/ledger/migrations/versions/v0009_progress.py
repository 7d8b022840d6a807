"""Entities that go in several requests: which of these the target has confirmed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_KEY = sa.String(512).with_variant(sa.String(512, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "integrations_progress",
        sa.Column("route_id", _ID, primary_key=True, autoincrement=False),
        sa.Column("key", _KEY, primary_key=True),
        sa.Column("hash", sa.String(32), nullable=False, comment="of the content that the steps were about"),
        sa.Column("steps", sa.Text, nullable=False, comment="which of them the target has confirmed, JSON"),
    )
