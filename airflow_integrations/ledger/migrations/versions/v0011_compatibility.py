"""Since which schema code works with the ledger's tables: so that a newer version may migrate it under an older one.

A later migration that only adds what older code can do without (a table, an index, a column that may be NULL or has a
default) leaves this row as it is. One that changes or removes what older code reads or writes sets it to its own
revision: ``op.execute("UPDATE integrations_compatibility SET since = '…'")``, and to the same as
``schema_version.COMPATIBLE_SINCE``.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    table = op.create_table(
        "integrations_compatibility",
        sa.Column(
            "since", sa.String(32), primary_key=True, comment="the oldest schema whose code works with these tables"
        ),
    )
    op.bulk_insert(table, [{"since": "0011"}])
