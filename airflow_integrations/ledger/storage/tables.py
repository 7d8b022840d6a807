"""The ledger's tables. SQLite and PostgreSQL alike; changed only together with a migration.

Times are seconds since the epoch (float), except windows, which are RFC 3339 texts as :meth:`Window.dump` writes them.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from airflow_integrations.ledger.storage.shared_tables import compatibility, creation, identity, pace, store, token
from airflow_integrations.ledger.storage.table_base import PREFIX, Id, Key, metadata

__all__ = [
    "OPEN",
    "PREFIX",
    "UNDONE",
    "action",
    "alert",
    "claim",
    "compatibility",
    "consumer",
    "contract",
    "creation",
    "definition",
    "entity",
    "event",
    "identity",
    "job",
    "metadata",
    "overlay",
    "pace",
    "part",
    "progress",
    "route",
    "run",
    "store",
    "subscription",
    "token",
    "wait",
]

route = Table(
    f"{PREFIX}route",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("name", String(250), nullable=False, unique=True),
    Column("mark", String(40), comment="the end of the last window that was completed without a gap, RFC 3339"),
    Column("cursor", Text, comment="the newest value of cursor.field whose entities all have their fate"),
    Column("outages", Integer, nullable=False, server_default="0", comment="runs in a row that the target was away"),
    Column("circuit_until", Float, nullable=False, server_default="0", comment="nothing is sent before this moment"),
    Column("woken", Integer, nullable=False, server_default="0", comment="how often what its entities wait for came"),
    Column("newest", Text, comment="the newest value of cursor.field that a run saw; the cursor may be an earlier one"),
    Column("covers_from", String(40), comment="from where completed runs cover all up to mark; NULL: from ever"),
    Column("missed_from", String(40), comment="where the earliest window starts that no completed run has covered"),
)

run = Table(
    f"{PREFIX}run",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("route_id", Id, ForeignKey(route.c.id), nullable=False),
    Column("run_id", String(250), nullable=False),
    Column("kind", String(20), nullable=False, comment="scheduled, manual, backfill, asset, cli"),
    Column("window_start", String(40), nullable=False),
    Column("window_end", String(40), nullable=False),
    Column("route_hash", String(64), nullable=False),
    Column("staging", Text, nullable=False, comment="the run's folder; empty where it was removed"),
    Column("started", Float, nullable=False),
    Column("again", Float, comment="when it last began anew; NULL: it began once"),
    Column("recovering", Float, comment="after it died: until then somebody is closing its books"),
    Column("finished", Float, comment="when settle closed the books"),
    Column("counts", Text, nullable=False, server_default="{}", comment="the books, JSON: name to number"),
    Column("seconds", Text, nullable=False, server_default="{}", comment="time per stage, JSON: stage to seconds"),
    Column("verdict", Text, comment="why the run failed; NULL where it did not"),
    Column("applied", Integer, nullable=False, server_default="0", comment="journal lines that are in this ledger"),
    Column("bytes", Id, nullable=False, server_default="0", comment="of the run's segments, compressed"),
    Column("fetched", Id, comment="the how-manieth finished fetch of its route that others may read; NULL: not read"),
    UniqueConstraint("route_id", "run_id"),
)
Index(f"{PREFIX}run_started", run.c.route_id, run.c.started)

definition = Table(
    f"{PREFIX}definition",
    metadata,
    Column("route_id", Id, ForeignKey(route.c.id), primary_key=True),
    Column("hash", String(64), primary_key=True, comment="route_hash of the runs that worked by it"),
    Column("at", Float, nullable=False, comment="when the first of them began"),
    Column("text", Text, nullable=False, comment="the route as YAML, its references resolved"),
)
"""What a route was when a run worked by it: for people who look at that run later, and for masking its payloads."""

entity = Table(
    f"{PREFIX}entity",
    metadata,
    Column(
        "route_id", Id, primary_key=True, autoincrement=False
    ),  # no foreign key: PostgreSQL would look it up for every row
    Column("key", Key, primary_key=True),
    Column("status", String(12), nullable=False),
    Column("run", Id, nullable=False, comment="the run that decided the status: run.id"),
    Column("changed", Float, nullable=False, comment="when the status was decided"),
    Column("first_seen", Float, nullable=False),
    Column("last_seen", Float, nullable=False),
    Column("seen_run", Id, nullable=False, comment="the last run whose fetch had it"),
    Column("version", String(512), comment="of the state that the status is about"),
    Column("hash", String(32), comment="content of a state that is still open; NULL once it is closed"),
    Column("delivered_hash", String(32), comment="content that was last delivered; NULL: never, or deleted"),
    Column("delivered_version", String(512)),
    Column("delivered_at", Float),
    Column("deliveries", Integer, nullable=False, server_default="0"),
    Column(
        "deleted",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="open: to be; closed: has been",
    ),
    Column("target_id", String(512)),
    Column("attempts", Integer, nullable=False, server_default="0", comment="of the open state"),
    Column("batch", String(60), comment="the batch it was sent in without an answer"),
    Column("since", Float, comment="when the open state was first tried or rejected; NULL: nothing is open"),
    Column("next_attempt", Float, comment="retrying, in_doubt: not before; NULL in_doubt: held for a person"),
    Column("deadline", Float, comment="waiting: failed after this"),
    Column("error_class", String(40)),
    Column("fingerprint", String(16), comment="equal for errors of one kind"),
    Column("message", Text),
    Column("http_status", Integer),
    Column("payload_run", Id, comment="run.id whose staging has the payload; NULL: it is gone"),
    Column("payload_stage", String(20), comment="push, problems-fetch or problems-transform"),
    Column(
        "payload_at",
        Integer,
        comment="the line in that stage, from 0; below 0: the line in the manifest's held, -1 is the first",
    ),
    Column("lease_until", Float, comment="pending: the run that took it has it until then"),
    Column("history", Text, nullable=False, server_default="", comment="newest first, one JSON array a line"),
    Column(
        "maybe", Text, comment="content that may have arrived since the last delivery: hashes, newest first, by comma"
    ),
    Column("unheard", Integer, comment="how often other content followed one that may have arrived; NULL: never"),
    sqlite_with_rowid=False,
)
OPEN = text("since IS NOT NULL")
"""Rows whose state is open. So short because every write of a row looks at it, for each partial index."""
Index(
    f"{PREFIX}entity_open",
    entity.c.route_id,
    entity.c.status,
    entity.c.next_attempt,
    entity.c.since,  # what waits, and since when, is read of the index alone
    sqlite_where=OPEN,
)
Index(f"{PREFIX}entity_payload", entity.c.payload_run, sqlite_where=OPEN)

claim = Table(
    f"{PREFIX}claim",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("route_id", Id, ForeignKey(route.c.id), nullable=False, index=True),
    Column("run", Id, ForeignKey(run.c.id), nullable=False),
    Column("first", Integer, nullable=False, comment="ordinal of the first of its entities in the run's push"),
    Column("count", Integer, nullable=False),
    Column("lease_until", Float, nullable=False),
    Column("keys", LargeBinary, nullable=False, comment="zstd of the keys, a newline between them"),
    Column("part", Integer, nullable=False, server_default="0", comment="which part of the run's push"),
)
"""Keys that a run's push has leased: one row for thousands of entities, gone when all of them have their fate."""

part = Table(
    f"{PREFIX}part",
    metadata,
    Column("run", Id, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False, comment="from 1: run.applied is of 0"),
    Column("applied", Integer, nullable=False, comment="lines of its journal that are in this ledger"),
    sqlite_with_rowid=False,
)
"""The further parts of runs whose push is spread over several tasks; each has a journal."""

overlay = Table(
    f"{PREFIX}overlay",
    metadata,
    Column("route_id", Id, ForeignKey(route.c.id), primary_key=True),
    Column("key", Key, primary_key=True),
    Column("stage", String(20), nullable=False, comment="which payload it replaces: payload_stage of the entity"),
    Column("payload", Text, nullable=False, comment="the whole payload as it was edited, JSON"),
    Column("by", String(250), nullable=False),
    Column("at", Float, nullable=False),
    Column("version", String(512), comment="of the state that was edited; NULL: not known"),
)
"""A payload that a person has edited: it goes out instead of the staged one. Removed when the entity is closed, and
when a run has met another state of it."""

progress = Table(
    f"{PREFIX}progress",
    metadata,
    Column("route_id", Id, primary_key=True, autoincrement=False),
    Column("key", Key, primary_key=True),
    Column("hash", String(32), nullable=False, comment="of the content that the steps were about"),
    Column("steps", Text, nullable=False, comment="which of them the target has confirmed, JSON"),
)
"""Entities that go in steps and are not delivered: what the target has confirmed. Removed when they are."""

source_piece = Table(
    f"{PREFIX}source_piece",
    metadata,
    Column("route_id", Id, primary_key=True, autoincrement=False),
    Column("id", String(32), primary_key=True, comment="hash of what identifies it, such as name, size and time"),
    Column("run", Id, nullable=False, comment="the run that read it, and whose entities have their fate"),
    Column("intact", Boolean, nullable=False, comment="whether all of it could be read"),
    sqlite_with_rowid=False,
)
"""Pieces of a route's source, such as files, that were read: each is read once."""

action = Table(
    f"{PREFIX}action",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("route_id", Id, ForeignKey(route.c.id), nullable=False, index=True),
    Column("at", Float, nullable=False),
    Column("by", String(250), nullable=False),
    Column("what", String(20), nullable=False, comment="retry, edit, skip, confirm, cursor, mark"),
    Column("selection", Text, nullable=False, comment="what it was asked for, JSON"),
    Column("entities", Integer, nullable=False),
    Column("detail", Text),
)
"""What people did, for ever."""

event = Table(
    f"{PREFIX}event",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("route_id", Id, nullable=False),
    Column("event_id", String(250), nullable=False, comment="the sender's, so that nothing counts twice"),
    Column("source", String(20), nullable=False, comment="webhook, api, or the kind of a listener"),
    Column("received", Float, nullable=False),
    Column("wanted", Boolean, nullable=False, server_default=text("false"), comment="its sender waits for the fate"),
    Column("size", Integer, nullable=False, comment="bytes of the body"),
    Column("body", LargeBinary, comment="the records, a JSON array; NULL once the run that took it closed its books"),
    Column("run", Id, comment="the run that has taken it: run.id; NULL: it waits"),
    Column("lease_until", Float, comment="the run that has taken it has it until then"),
    Column("keys", Text, comment="of its entities, a JSON array, where it is wanted"),
    Column("done", Float, comment="when the run that took it closed its books"),
    UniqueConstraint("route_id", "event_id"),
)
"""The inbox: what came from outside and waits for a run. Afterwards it is remembered that it came."""
UNDONE = text("done IS NULL")
Index(
    f"{PREFIX}event_undone",
    event.c.route_id,
    event.c.run,
    event.c.id,
    sqlite_where=UNDONE,
)

consumer = Table(
    f"{PREFIX}consumer",
    metadata,
    Column("route_id", Id, primary_key=True, autoincrement=False),
    Column("holder", String(300), nullable=False),
    Column("lease_until", Float, nullable=False),
)
"""Which process takes what comes in for a route of low latency, and until when nobody else does."""

subscription = Table(
    f"{PREFIX}subscription",
    metadata,
    Column("route_id", Id, primary_key=True, autoincrement=False),
    Column("source_id", Id, primary_key=True, autoincrement=False, comment="the route whose fetches it reads"),
    Column("position", Id, nullable=False, comment="the last run.fetched whose entities all have their fate here"),
    Column(
        "what",
        String(20),
        nullable=False,
        server_default="records",
        comment="records: its fetches; acknowledgements: what their senders are answered",
    ),
)
"""Routes that read what another one fetched, or what it has to acknowledge; then ``position`` is a number of
:data:`acknowledgement`."""

acknowledgement = Table(
    f"{PREFIX}acknowledgement",
    metadata,
    Column("route_id", Id, primary_key=True, autoincrement=False, comment="the route that read the interchange"),
    Column("number", Id, primary_key=True, autoincrement=False, comment="in the order in which they came"),
    Column("at", Float, nullable=False, comment="when the piece of the source counted as read"),
    Column("content", Text, nullable=False, comment="the record of the routes that answer, JSON"),
    sqlite_with_rowid=False,
)
"""What the senders of interchanges are answered. Each is written once, with the row of :data:`source_piece` that says
that its piece was read."""

job = Table(
    f"{PREFIX}job",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("route_id", Id, ForeignKey(route.c.id), nullable=False, index=True),
    Column("by", String(250), nullable=False),
    Column("asked", Float, nullable=False),
    Column("what", String(20), nullable=False, comment="retry, skip, confirm"),
    Column("selection", Text, nullable=False, comment="which entities, JSON"),
    Column("how", Text, nullable=False, server_default="{}", comment="the action's own arguments, JSON"),
    Column("total", Integer, nullable=False, comment="entities that it was about when it was asked for"),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("looked_at", Integer, nullable=False, server_default="0", comment="done, and left as they were"),
    Column("after", Key, comment="the last key that was looked at; NULL: it has not begun"),
    Column("left", Text, nullable=False, server_default="[]", comment="why others were left as they are, JSON"),
    Column("lease_until", Float, comment="some API server works on it until then; NULL: nobody does"),
    Column("finished", Float),
    Column("error", Text, comment="why it was not finished"),
)
"""An action on many entities, done a piece at a time; ``after`` moves on in the transaction of each piece."""

alert = Table(
    f"{PREFIX}alert",
    metadata,
    Column("route", String(250), primary_key=True, comment="by name: a route that never ran can be late"),
    Column("kind", String(40), primary_key=True, comment="failure, error_rate, nothing_received, …"),
    Column("watched", Float, nullable=False, comment="since when it is looked at"),
    Column("seen", Float, nullable=False, comment="runs that ended until then were looked at"),
    Column("since", Float, comment="when it began to fire; NULL: it does not"),
    Column("over", Float, comment="when it last ceased to"),
    Column("detail", Text, nullable=False, comment="what is, or last was, wrong"),
    Column("targets", Text, nullable=False, comment="who was told what, JSON: target to Told"),
)
"""Alerts that routes ask for. Who is told when is worked out from it, so that nobody hears the same thing twice."""

wait = Table(
    f"{PREFIX}wait",
    metadata,
    Column("for_id", Id, primary_key=True, autoincrement=False, comment="the route whose entity is waited for"),
    Column("for_key", Key, primary_key=True, comment="that entity"),
    Column("route_id", Id, primary_key=True, autoincrement=False, comment="the route whose entity waits"),
    Column("key", Key, primary_key=True, comment="the entity that waits"),
    sqlite_with_rowid=False,
)
"""Entities that a lookup in the ledger put off, and the entities of other routes whose delivery they wait for."""
Index(f"{PREFIX}wait_waiting", wait.c.route_id, wait.c.key)

contract = Table(
    f"{PREFIX}contract",
    metadata,
    Column("route_id", Id, primary_key=True, autoincrement=False),
    Column("learned", Text, nullable=False, comment="the fields, and what differs from them, JSON"),
    Column("changed", Float, nullable=False, comment="when it became another one"),
)
"""What routes with a contract have learned of their sources' fields: one row a route, of bounded size."""
