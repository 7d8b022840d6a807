"""Runs whose push is spread over several tasks: which of them a claim is of, and how far each one's journal is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column(
        "integrations_claim",
        sa.Column("part", sa.Integer, nullable=False, server_default="0", comment="which part of the run's push"),
    )
    op.create_table(
        "integrations_part",
        sa.Column("run", _ID, primary_key=True, autoincrement=False),
        sa.Column("part", sa.Integer, primary_key=True, autoincrement=False, comment="from 1: run.applied is of 0"),
        sa.Column("applied", sa.Integer, nullable=False, comment="lines of its journal that are in this ledger"),
        sqlite_with_rowid=False,
    )
