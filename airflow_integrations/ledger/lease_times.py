"""How long a lease lasts, in seconds after its holder's last renewal.

Each holder renews its lease several times before it ends. The claims of one that died are free when it has ended.
"""

from __future__ import annotations

__all__ = [
    "CONSUMER_RECOVERY_SECONDS",
    "CONSUMER_SECONDS",
    "FETCH_SECONDS",
    "JOB_SECONDS",
    "PUSH_SECONDS",
    "RECOVERY_SECONDS",
]

FETCH_SECONDS = 3600.0
"""Entities and events that a run took before its push, which renews them: a slow source, a full pool or a task's retry
may come in between."""
PUSH_SECONDS = 300.0
"""Keys that a push has reserved: longer than the ledger may be away without the push noticing it."""
CONSUMER_SECONDS = 15.0
"""Being a route's consumer: for so long nothing is delivered where it dies."""
JOB_SECONDS = 30.0
"""An action on many entities: a console that goes on with it shows in the meantime that it was interrupted."""
RECOVERY_SECONDS = 300.0
"""Closing the books of a dead run: before that nobody else may try."""
CONSUMER_RECOVERY_SECONDS = 30.0
"""The same by a consumer, of the one before it. It is short: the next one waits for it where that one dies, too."""
