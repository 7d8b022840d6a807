"""From where a route's mark covers time, where the earliest missed window starts, and of which state an edit is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    covers = "from where completed runs cover all up to mark; NULL: from ever"
    missed = "where the earliest window starts that no completed run has covered"
    op.add_column("integrations_route", sa.Column("covers_from", sa.String(40), comment=covers))
    op.add_column("integrations_route", sa.Column("missed_from", sa.String(40), comment=missed))
    edited = "of the state that was edited; NULL: not known"
    op.add_column("integrations_overlay", sa.Column("version", sa.String(512), comment=edited))
