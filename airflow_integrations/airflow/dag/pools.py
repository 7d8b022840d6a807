"""Priorities: who goes first, and slots that a flood of low priority cannot take.

A pool per level divides the executor's slots so that high, normal and low together leave some free: a critical task
always finds both a slot in its pool and one in the executor. Runs for events that are not critical have a pool of their
own, so that they do not wait for the slots that batches hold. So have consumers of routes of low latency, which only
keeps them out of the others: each takes a slot of the executor for as long as it is switched on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from airflow_integrations.route.definition import PRIORITIES, Priority

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = [
    "EVENTS_POOL",
    "LIVE_POOL",
    "Created",
    "create_pools",
    "events_pool",
    "missing_pools",
    "pool_name",
    "pool_sizes",
    "weight",
]

_BASE = {"critical": 4000, "high": 3000, "normal": 2000, "low": 1000}


EVENTS_FIRST = 500
"""Added to the weight of runs for events: before the batches of their level, behind all of the next one."""
EVENTS_POOL = "integrations_events"
"""Of the runs for events of all priorities but critical, where they have a DAG of their own."""
_GIVEN = re.compile(r"\((\d+) slots by pools create\)")
LIVE_POOL = "integrations_live"
"""Of the consumers of routes of low latency, each of which holds a slot for ever."""


def pool_name(priority: Priority) -> str:
    """``integrations_critical``, …"""
    return f"integrations_{priority}"


def events_pool(priority: Priority) -> str:
    """The pool of a route's runs for events."""
    return pool_name(priority) if priority == "critical" else EVENTS_POOL


def weight(priority: Priority, stage: int = 0, *, events: bool = False) -> int:
    """``priority_weight``, to be used with ``weight_rule="absolute"``.

    ``stage`` counts from 0: within a level, a run that was begun is finished before another begins. ``events``: of a
    run for events.
    """
    return _BASE[priority] + stage + (EVENTS_FIRST if events else 0)


def pool_sizes(slots: int, consumers: int = 0) -> dict[str, int]:
    """The slots of each pool where the executor has ``slots`` in all (``[core] parallelism``, or all Celery workers').

    ``consumers`` is the number of routes of low latency: each takes one for ever, and a second one while consumers
    change. Of the others a quarter (at least one) is left to critical alone. Below 5 slots nothing can be kept free
    (with 4, as long as no events come) and only weights decide.
    """
    if slots < 1:
        raise ValueError(f"an executor has at least 1 slot, not {slots}")
    shared = slots - 2 * consumers
    free = shared - max(1, shared // 4)
    low = max(1, free // 6)
    high = max(1, free // 3)
    events = max(1, free // 6)
    normal = max(1, free - high - low - events)
    sizes: dict[Priority, int] = {"critical": slots, "high": high, "normal": normal, "low": low}
    return {pool_name(priority): sizes[priority] for priority in PRIORITIES} | {EVENTS_POOL: events, LIVE_POOL: slots}


class Created(NamedTuple):
    sizes: dict[str, int]
    """By name, the slots that each pool has now."""
    kept: frozenset[str]
    """Those whose slots a person has changed."""


def create_pools(
    slots: int | None = None, consumers: int = 0, *, reset: bool = False, session: Session | None = None
) -> Created:
    """Create the pools, or give them these sizes. Needs Airflow's metadata database.

    ``slots`` is the number that the executor has in all, ``[core] parallelism`` where it is left out; ``consumers``
    that of routes of low latency. A pool whose slots a person has changed keeps them, but for ``reset``: its
    description says how many it was given. One without such a description was made by an earlier version.
    """
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    if slots is None:
        from airflow.configuration import conf

        slots = conf.getint("core", "parallelism")
    if session is None:
        with create_session() as own:
            return create_pools(slots, consumers, reset=reset, session=own)
    sizes = pool_sizes(slots, consumers)
    there = {pool.pool: pool for pool in Pool.get_pools(session=session)}
    kept = set[str]()
    for name, size in sizes.items():
        pool = there.get(name)
        given = _GIVEN.search(pool.description or "") if pool is not None else None
        if pool is not None and given is not None and int(given[1]) != pool.slots and not reset:
            kept.add(name)
            sizes[name] = pool.slots
            continue
        Pool.create_or_update_pool(
            name=name,
            slots=size,
            description=f"{_about(name)} ({size} slots by pools create)",
            include_deferred=False,
            session=session,
        )
    return Created(sizes, frozenset(kept))


def missing_pools(*, session: Session | None = None) -> list[str]:
    """The pools that are not there: tasks in them would wait for ever. Needs Airflow's metadata database."""
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    if session is None:
        with create_session() as own:
            return missing_pools(session=own)
    there = {pool.pool for pool in Pool.get_pools(session=session)}
    return [name for name in (*map(pool_name, PRIORITIES), EVENTS_POOL, LIVE_POOL) if name not in there]


def _about(name: str) -> str:
    if name == LIVE_POOL:
        return "Consumers of routes of low latency: two slots each, one of them for a minute every quarter of an hour"
    if name == EVENTS_POOL:
        return "Runs for events of routes that also fetch, but for those of priority critical"
    return f"Routes of priority {name.removeprefix('integrations_')}"
