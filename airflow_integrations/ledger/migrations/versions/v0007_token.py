"""Tokens that systems exchange for new ones: what was given last, encrypted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "integrations_token",
        sa.Column("connection", sa.String(250), primary_key=True, comment="the Connection's id"),
        sa.Column("secret", sa.LargeBinary, comment="encrypted: what was given last; NULL: nothing yet"),
        sa.Column("given", sa.Float, nullable=False, comment="when"),
        sa.Column("holder", sa.String(40), comment="who exchanges it at present"),
        sa.Column("lease_until", sa.Float, nullable=False, comment="until when nobody else does"),
    )
