"""Pieces of a source, such as files, that a route has read: each is read once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "integrations_source_piece",
        sa.Column("route_id", _ID, primary_key=True, autoincrement=False),
        sa.Column(
            "id", sa.String(32), primary_key=True, comment="hash of what identifies it, such as name, size and time"
        ),
        sa.Column("run", _ID, nullable=False, comment="the run that read it, and whose entities have their fate"),
        sa.Column("intact", sa.Boolean, nullable=False, comment="whether all of it could be read"),
        sqlite_with_rowid=False,
    )
