"""The inbox: events, who consumes them, and which fetches other routes read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_UNDONE = sa.text("done IS NULL")


def upgrade() -> None:
    op.add_column(
        "integrations_run",
        sa.Column(
            "fetched", _ID, comment="the how-manieth finished fetch of its route that others may read; NULL: not read"
        ),
    )
    op.create_table(
        "integrations_event",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("route_id", _ID, nullable=False),
        sa.Column("event_id", sa.String(250), nullable=False, comment="the sender's, so that nothing counts twice"),
        sa.Column("source", sa.String(20), nullable=False, comment="webhook, api, or the kind of a listener"),
        sa.Column("received", sa.Float, nullable=False),
        sa.Column(
            "wanted",
            sa.Boolean,
            nullable=False,
            server_default=sa.text("false"),
            comment="its sender waits for the fate",
        ),
        sa.Column("size", sa.Integer, nullable=False, comment="bytes of the body"),
        sa.Column(
            "body",
            sa.LargeBinary,
            comment="the records, a JSON array; NULL once the run that took it closed its books",
        ),
        sa.Column("run", _ID, comment="the run that has taken it: run.id; NULL: it waits"),
        sa.Column("lease_until", sa.Float, comment="the run that has taken it has it until then"),
        sa.Column("keys", sa.Text, comment="of its entities, a JSON array, where it is wanted"),
        sa.Column("done", sa.Float, comment="when the run that took it closed its books"),
        sa.UniqueConstraint("route_id", "event_id"),
    )
    op.create_index(
        "integrations_event_undone",
        "integrations_event",
        ["route_id", "run", "id"],
        sqlite_where=_UNDONE,
        postgresql_where=_UNDONE,
    )
    op.create_table(
        "integrations_consumer",
        sa.Column("route_id", _ID, primary_key=True, autoincrement=False),
        sa.Column("holder", sa.String(300), nullable=False),
        sa.Column("lease_until", sa.Float, nullable=False),
    )
    op.create_table(
        "integrations_subscription",
        sa.Column("route_id", _ID, primary_key=True, autoincrement=False),
        sa.Column("source_id", _ID, primary_key=True, autoincrement=False, comment="the route whose fetches it reads"),
        sa.Column(
            "position",
            _ID,
            nullable=False,
            comment="the last run.fetched whose entities all have their fate here",
        ),
    )
