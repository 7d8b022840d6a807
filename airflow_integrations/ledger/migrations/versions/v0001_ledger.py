"""The ledger: routes, runs, entities, claims, overlays, actions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_KEY = sa.String(512).with_variant(sa.String(512, collation="C"), "postgresql")
_OPEN = sa.text("since IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "integrations_route",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(250), nullable=False, unique=True),
        sa.Column(
            "mark", sa.String(40), comment="the end of the last window that was completed without a gap, RFC 3339"
        ),
        sa.Column("cursor", sa.Text, comment="the newest value of cursor.field whose entities all have their fate"),
        sa.Column(
            "outages", sa.Integer, nullable=False, server_default="0", comment="runs in a row that the target was away"
        ),
        sa.Column(
            "circuit_until", sa.Float, nullable=False, server_default="0", comment="nothing is sent before this moment"
        ),
    )
    op.create_table(
        "integrations_run",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("route_id", _ID, sa.ForeignKey("integrations_route.id"), nullable=False),
        sa.Column("run_id", sa.String(250), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False, comment="scheduled, manual, backfill, asset, cli"),
        sa.Column("window_start", sa.String(40), nullable=False),
        sa.Column("window_end", sa.String(40), nullable=False),
        sa.Column("route_hash", sa.String(64), nullable=False),
        sa.Column("staging", sa.Text, nullable=False, comment="the run's folder; empty where it was removed"),
        sa.Column("started", sa.Float, nullable=False),
        sa.Column("again", sa.Float, comment="when it last began anew; NULL: it began once"),
        sa.Column("recovering", sa.Float, comment="after it died: until then somebody is closing its books"),
        sa.Column("finished", sa.Float, comment="when settle closed the books"),
        sa.Column("counts", sa.Text, nullable=False, server_default="{}", comment="the books, JSON: name to number"),
        sa.Column(
            "seconds", sa.Text, nullable=False, server_default="{}", comment="time per stage, JSON: stage to seconds"
        ),
        sa.Column("verdict", sa.Text, comment="why the run failed; NULL where it did not"),
        sa.Column(
            "applied", sa.Integer, nullable=False, server_default="0", comment="journal lines that are in this ledger"
        ),
        sa.Column("bytes", _ID, nullable=False, server_default="0", comment="of the run's segments, compressed"),
        sa.UniqueConstraint("route_id", "run_id"),
    )
    op.create_table(
        "integrations_entity",
        sa.Column("route_id", _ID, primary_key=True, autoincrement=False),
        sa.Column("key", _KEY, primary_key=True),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("run", _ID, nullable=False, comment="the run that decided the status: run.id"),
        sa.Column("changed", sa.Float, nullable=False, comment="when the status was decided"),
        sa.Column("first_seen", sa.Float, nullable=False),
        sa.Column("last_seen", sa.Float, nullable=False),
        sa.Column("seen_run", _ID, nullable=False, comment="the last run whose fetch had it"),
        sa.Column("version", sa.String(512), comment="of the state that the status is about"),
        sa.Column("hash", sa.String(32), comment="content of a state that is still open; NULL once it is closed"),
        sa.Column("delivered_hash", sa.String(32), comment="content that was last delivered; NULL: never, or deleted"),
        sa.Column("delivered_version", sa.String(512)),
        sa.Column("delivered_at", sa.Float),
        sa.Column("deliveries", sa.Integer, nullable=False, server_default="0"),
        sa.Column(
            "deleted",
            sa.Boolean,
            nullable=False,
            server_default=sa.text("false"),
            comment="open: to be; closed: has been",
        ),
        sa.Column("target_id", sa.String(512)),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0", comment="of the open state"),
        sa.Column("batch", sa.String(60), comment="the batch it was sent in without an answer"),
        sa.Column("since", sa.Float, comment="when the open state was first tried or rejected; NULL: nothing is open"),
        sa.Column("next_attempt", sa.Float, comment="retrying, in_doubt: not before; NULL in_doubt: held for a person"),
        sa.Column("deadline", sa.Float, comment="waiting: failed after this"),
        sa.Column("error_class", sa.String(40)),
        sa.Column("fingerprint", sa.String(16), comment="equal for errors of one kind"),
        sa.Column("message", sa.Text),
        sa.Column("http_status", sa.Integer),
        sa.Column("payload_run", _ID, comment="run.id whose staging has the payload; NULL: it is gone"),
        sa.Column("payload_stage", sa.String(20), comment="push, problems-fetch or problems-transform"),
        sa.Column(
            "payload_at",
            sa.Integer,
            comment="the line in that stage, from 0; below 0: the line in the manifest's held, -1 is the first",
        ),
        sa.Column("lease_until", sa.Float, comment="pending: the run that took it has it until then"),
        sa.Column("history", sa.Text, nullable=False, server_default="", comment="newest first, one JSON array a line"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "integrations_entity_open",
        "integrations_entity",
        ["route_id", "status", "next_attempt"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_index(
        "integrations_entity_payload",
        "integrations_entity",
        ["payload_run"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_table(
        "integrations_claim",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("route_id", _ID, sa.ForeignKey("integrations_route.id"), nullable=False, index=True),
        sa.Column("run", _ID, sa.ForeignKey("integrations_run.id"), nullable=False),
        sa.Column(
            "first", sa.Integer, nullable=False, comment="ordinal of the first of its entities in the run's push"
        ),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("lease_until", sa.Float, nullable=False),
        sa.Column("keys", sa.LargeBinary, nullable=False, comment="zstd of the keys, a newline between them"),
    )
    op.create_table(
        "integrations_overlay",
        sa.Column("route_id", _ID, sa.ForeignKey("integrations_route.id"), primary_key=True),
        sa.Column("key", _KEY, primary_key=True),
        sa.Column(
            "stage", sa.String(20), nullable=False, comment="which payload it replaces: payload_stage of the entity"
        ),
        sa.Column("payload", sa.Text, nullable=False, comment="the whole payload as it was edited, JSON"),
        sa.Column("by", sa.String(250), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_table(
        "integrations_action",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("route_id", _ID, sa.ForeignKey("integrations_route.id"), nullable=False, index=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("by", sa.String(250), nullable=False),
        sa.Column("what", sa.String(20), nullable=False, comment="retry, edit, skip, confirm, cursor, mark"),
        sa.Column("selection", sa.Text, nullable=False, comment="what it was asked for, JSON"),
        sa.Column("entities", sa.Integer, nullable=False),
        sa.Column("detail", sa.Text),
    )
