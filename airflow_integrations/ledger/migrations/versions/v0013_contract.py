"""What routes with a contract have learned of their sources' fields."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "integrations_contract",
        sa.Column("route_id", _Id, primary_key=True, autoincrement=False),
        sa.Column("learned", sa.Text, nullable=False, comment="the fields, and what differs from them, JSON"),
        sa.Column("changed", sa.Float, nullable=False, comment="when it became another one"),
    )
