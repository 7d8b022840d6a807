"""Lookups in the ledger: what entities wait for, a store of values, and what lookups created."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_Key = sa.String(512).with_variant(sa.String(512, collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column(
        "integrations_route",
        sa.Column(
            "woken",
            sa.Integer,
            nullable=False,
            server_default="0",
            comment="how often what its entities wait for came",
        ),
    )
    op.create_table(
        "integrations_wait",
        sa.Column("for_id", _Id, primary_key=True, autoincrement=False, comment="the route whose entity is waited for"),
        sa.Column("for_key", _Key, primary_key=True, comment="that entity"),
        sa.Column("route_id", _Id, primary_key=True, autoincrement=False, comment="the route whose entity waits"),
        sa.Column("key", _Key, primary_key=True, comment="the entity that waits"),
        sqlite_with_rowid=False,
    )
    op.create_index("integrations_wait_waiting", "integrations_wait", ["route_id", "key"])
    op.create_table(
        "integrations_store",
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("key", _Key, primary_key=True),
        sa.Column("value", sa.Text, nullable=False, comment="JSON"),
        sa.Column("shown", sa.Text, comment="the same with what the route masks hidden; NULL: nothing of it is"),
        sa.Column("route_id", _Id, comment="the route that wrote it last; NULL: a person, for no route"),
        sa.Column("by", sa.String(250), comment="the person who wrote it last; NULL: a run"),
        sa.Column("version", sa.String(512), comment="of the entity that it was made of"),
        sa.Column(
            "made",
            sa.String(32),
            comment="content hash of what a run wrote last: a person's edit stays until it differs",
        ),
        sa.Column("changed", sa.Float, nullable=False, comment="when its value became another one"),
        sa.Column("written", sa.Float, nullable=False, comment="when it was written last"),
        sa.Column("expires", sa.Float, comment="removed after this; NULL: never"),
        sa.Column("history", sa.Text, nullable=False, server_default="", comment="newest first, one JSON array a line"),
        sqlite_with_rowid=False,
    )
    op.create_index("integrations_store_route", "integrations_store", ["route_id"])
    op.create_index("integrations_store_expires", "integrations_store", ["expires"])
    op.create_table(
        "integrations_creation",
        sa.Column("question", sa.String(64), primary_key=True, comment="hash of the request that found nothing"),
        sa.Column("holder", sa.String(64), comment="the run that is about to create it"),
        sa.Column("lease_until", sa.Float, nullable=False, comment="until when nobody else does"),
        sa.Column("sent", sa.Float, comment="when it was first asked for; NULL: not yet"),
        sa.Column("answered", sa.Float, comment="when the service confirmed it; NULL: not yet"),
        sa.Column("found", sa.LargeBinary, comment="the object that the answer held, JSON; NULL: none"),
    )
