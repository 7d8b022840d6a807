"""The greatest value that a run saw of a route's cursor, where the cursor itself is an earlier one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column(
        "integrations_route",
        sa.Column(
            "newest",
            sa.Text,
            comment="the newest value of cursor.field that a run saw; the cursor may be an earlier one",
        ),
    )
