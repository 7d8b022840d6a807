"""What the senders of interchanges are answered, for the routes that answer them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "integrations_acknowledgement",
        sa.Column(
            "route_id", _ID, primary_key=True, autoincrement=False, comment="the route that read the interchange"
        ),
        sa.Column("number", _ID, primary_key=True, autoincrement=False, comment="in the order in which they came"),
        sa.Column("at", sa.Float, nullable=False, comment="when the piece of the source counted as read"),
        sa.Column("content", sa.Text, nullable=False, comment="the record of the routes that answer, JSON"),
        sqlite_with_rowid=False,
    )
    op.add_column(
        "integrations_subscription",
        sa.Column(
            "what",
            sa.String(20),
            nullable=False,
            server_default="records",
            comment="records: its fetches; acknowledgements: what their senders are answered",
        ),
    )
