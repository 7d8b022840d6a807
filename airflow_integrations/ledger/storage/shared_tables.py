"""Tables that belong to no single route: the ledger's own, and what all routes share towards other systems.

For :mod:`airflow_integrations.ledger.storage.tables`, which has them all.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, LargeBinary, String, Table, Text

from airflow_integrations.ledger.storage.table_base import PREFIX, Id, Key, metadata

__all__ = ["compatibility", "creation", "identity", "pace", "store", "token"]

pace = Table(
    f"{PREFIX}pace",
    metadata,
    Column("connection", String(250), primary_key=True, comment="the Connection's id"),
    Column("free_at", Float, nullable=False, comment="when the next request may leave that nobody has a turn for yet"),
)
"""Of Connections with ``requests_per_second``: the turns of all processes. Times are those of the database's clock."""

compatibility = Table(
    f"{PREFIX}compatibility",
    metadata,
    Column("since", String(32), primary_key=True, comment="the oldest schema whose code works with these tables"),
)
"""One row. Code that does not know the ledger's schema goes on where its own is not older than this."""

identity = Table(
    f"{PREFIX}identity",
    metadata,
    Column("id", String(32), primary_key=True, comment="the ledger's own, and those that it stands in for"),
    Column("since", Float, nullable=False, comment="the ledger's own is the oldest"),
)
"""Which ledger it is: so that an empty one in its place is noticed."""

token = Table(
    f"{PREFIX}token",
    metadata,
    Column("connection", String(250), primary_key=True, comment="the Connection's id"),
    Column("secret", LargeBinary, comment="encrypted: what was given last; NULL: nothing yet"),
    Column("given", Float, nullable=False, comment="when"),
    Column("holder", String(40), comment="who exchanges it at present"),
    Column("lease_until", Float, nullable=False, comment="until when nobody else does"),
)
"""Refresh tokens that systems exchange for new ones. The ledger keeps bytes, and has no key to them."""

store = Table(
    f"{PREFIX}store",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("key", Key, primary_key=True),
    Column("value", Text, nullable=False, comment="JSON"),
    Column("shown", Text, comment="the same with what the route masks hidden; NULL: nothing of it is"),
    Column("route_id", Id, comment="the route that wrote it last; NULL: a person, for no route"),
    Column("by", String(250), comment="the person who wrote it last; NULL: a run"),
    Column("version", String(512), comment="of the entity that it was made of"),
    Column("made", String(32), comment="content hash of what a run wrote last: a person's edit stays until it differs"),
    Column("changed", Float, nullable=False, comment="when its value became another one"),
    Column("written", Float, nullable=False, comment="when it was written last"),
    Column("expires", Float, comment="removed after this; NULL: never"),
    Column("history", Text, nullable=False, server_default="", comment="newest first, one JSON array a line"),
    sqlite_with_rowid=False,
)
"""Small values under a key that routes keep for each other and for later."""
Index(f"{PREFIX}store_route", store.c.route_id)
Index(f"{PREFIX}store_expires", store.c.expires)

creation = Table(
    f"{PREFIX}creation",
    metadata,
    Column("question", String(64), primary_key=True, comment="hash of the request that found nothing"),
    Column("holder", String(64), comment="the run that is about to create it"),
    Column("lease_until", Float, nullable=False, comment="until when nobody else does"),
    Column("sent", Float, comment="when it was first asked for; NULL: not yet"),
    Column("answered", Float, comment="when the service confirmed it; NULL: not yet"),
    Column("found", LargeBinary, comment="the object that the answer held, JSON; NULL: none"),
)
"""What lookups create where they find nothing: each is created once, whoever asks."""
