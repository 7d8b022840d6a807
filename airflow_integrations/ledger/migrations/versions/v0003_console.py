"""For the console: definitions of runs, jobs, and indexes for runs by start and for what waits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_OPEN = sa.text("since IS NOT NULL")
_KEY = sa.String(512).with_variant(sa.String(512, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_index("integrations_run_started", "integrations_run", ["route_id", "started"])
    op.drop_index("integrations_entity_open", "integrations_entity")
    op.create_index(
        "integrations_entity_open",
        "integrations_entity",
        ["route_id", "status", "next_attempt", "since"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_table(
        "integrations_definition",
        sa.Column("route_id", _ID, sa.ForeignKey("integrations_route.id"), primary_key=True),
        sa.Column("hash", sa.String(64), primary_key=True, comment="route_hash of the runs that worked by it"),
        sa.Column("at", sa.Float, nullable=False, comment="when the first of them began"),
        sa.Column("text", sa.Text, nullable=False, comment="the route as YAML, its references resolved"),
    )
    op.create_table(
        "integrations_job",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("route_id", _ID, sa.ForeignKey("integrations_route.id"), nullable=False, index=True),
        sa.Column("by", sa.String(250), nullable=False),
        sa.Column("asked", sa.Float, nullable=False),
        sa.Column("what", sa.String(20), nullable=False, comment="retry, skip, confirm"),
        sa.Column("selection", sa.Text, nullable=False, comment="which entities, JSON"),
        sa.Column("how", sa.Text, nullable=False, server_default="{}", comment="the action's own arguments, JSON"),
        sa.Column("total", sa.Integer, nullable=False, comment="entities that it was about when it was asked for"),
        sa.Column("done", sa.Integer, nullable=False, server_default="0"),
        sa.Column("looked_at", sa.Integer, nullable=False, server_default="0", comment="done, and left as they were"),
        sa.Column("after", _KEY, comment="the last key that was looked at; NULL: it has not begun"),
        sa.Column(
            "left", sa.Text, nullable=False, server_default="[]", comment="why others were left as they are, JSON"
        ),
        sa.Column("lease_until", sa.Float, comment="some API server works on it until then; NULL: nobody does"),
        sa.Column("finished", sa.Float),
        sa.Column("error", sa.Text, comment="why it was not finished"),
    )
