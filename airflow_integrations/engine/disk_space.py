"""Staging does not fill the disk: what is delivered goes first, and then nothing new is fetched.

What was fetched is pushed all the same: that takes no room to speak of.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_integrations.errors import OutageError
from airflow_integrations.route.retention import Retention
from airflow_integrations.run import Services
from airflow_integrations.staging.folder import Staging

if TYPE_CHECKING:
    from airflow_integrations.ledger.ledger import Ledger
    from airflow_integrations.ledger.maintenance.retention import Pruned

__all__ = ["forget", "least_free", "make_room"]

REMOVED_AT_ONCE = 20
"""Runs whose payloads are removed before it is looked again whether that is enough."""


def least_free(total: int) -> int:
    """Bytes that must be free on a disk of ``total`` bytes: 5 %, at least 200 MB and at most 5 GB; of a disk so small
    that 200 MB is much, a fifth."""
    return min(max(total // 20, 200_000_000), 5_000_000_000, total // 5)


async def make_room(services: Services, staging: Staging, max_bytes: int | None = None) -> None:
    """Before a fetch: where staging holds ``max_bytes``, or its disk is nearly full, remove payloads of finished runs
    that nothing points at any more, the oldest first, until there is room.

    Raises OutageError where that is not enough. The ledger is asked only where one of the two may be so.
    """
    if max_bytes is None and _disk(staging) is None:
        return
    await asyncio.to_thread(_make_room, services.ledger, staging, max_bytes, services.now(), services.log)


def _make_room(ledger: Ledger, staging: Staging, max_bytes: int | None, now: float, log: logging.Logger) -> None:
    from airflow_integrations.ledger.maintenance.retention import forget_staging, prune
    from airflow_integrations.ledger.queries.staged_bytes import known_routes

    if (why := _short(ledger, staging, max_bytes)) is None:
        return
    at_once = Retention(payloads="0s", runs=1_000_000, history="36500d")
    found = prune(ledger, routes=dict.fromkeys(known_routes(ledger), at_once), now=now).staging
    removed = 0
    oldest = iter(sorted(found, key=lambda staged: staged.id))
    while why is not None and (some := list(islice(oldest, REMOVED_AT_ONCE))):
        for staged in some:
            staging.sibling(staged.folder).clean()
        forget_staging(ledger, [staged.id for staged in some])
        removed += len(some)
        why = _short(ledger, staging, max_bytes)
    if removed:
        log.warning("staging was nearly full: removed the delivered payloads of the %d oldest runs", removed)
    if why is not None:
        raise OutageError(
            f"nothing is fetched: {why}, and the payloads of all that is delivered are removed already. Free the disk, "
            "retry or skip the entities that failed, or let routes run that read other routes' fetches: what they need "
            "is kept; a later attempt goes on"
        )


def _short(ledger: Ledger, staging: Staging, max_bytes: int | None) -> str | None:
    """What is too full, or None."""
    from airflow_integrations.ledger.queries.staged_bytes import staged_bytes

    if max_bytes is not None and (held := staged_bytes(ledger)) >= max_bytes:
        return f"staging holds {_size(held)} of at most {_size(max_bytes)} ([integrations] staging_max_bytes)"
    return _disk(staging)


def _disk(staging: Staging) -> str | None:
    if not isinstance(staging.base, Path):
        return None
    place = staging.base.absolute()
    while not place.exists():
        place = place.parent
    usage = shutil.disk_usage(place)
    if usage.free >= least_free(usage.total):
        return None
    return f"the disk of {staging.base} has {_size(usage.free)} free, less than {_size(least_free(usage.total))}"


def _size(count: int) -> str:
    value = float(count)
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:,.1f} GB"


def forget(ledger: Ledger, base: str, routes: Mapping[str, Retention], now: float) -> Pruned:
    """Forget what each route's ``retention`` says: books, histories, and the folders of runs in staging."""
    from airflow_integrations.ledger.maintenance.retention import forget_staging, prune

    pruned = prune(ledger, routes=routes, now=now)
    near = Staging(base, "", "")
    for staged in pruned.staging:
        near.sibling(staged.folder).clean()
    forget_staging(ledger, [staged.id for staged in pruned.staging])
    return pruned
