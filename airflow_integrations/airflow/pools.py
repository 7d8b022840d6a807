"""Priorities: who goes first, and slots that a flood of low priority cannot take.

A pool per level divides the executor's slots so that high, normal and low together leave some free: a critical task
always finds both a slot in its pool and one in the executor. Consumers of routes of low latency have a pool of their
own, which only keeps them out of the others: each takes a slot of the executor for as long as it is switched on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_integrations.route import PRIORITIES, Priority

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["LIVE_POOL", "create_pools", "missing_pools", "pool_name", "pool_sizes", "weight"]

_BASE = {"critical": 4000, "high": 3000, "normal": 2000, "low": 1000}


LIVE_POOL = "integrations_live"
"""Of the consumers of routes of low latency, each of which holds a slot for ever."""


def pool_name(priority: Priority) -> str:
    """``integrations_critical``, …"""
    return f"integrations_{priority}"


def weight(priority: Priority, stage: int = 0) -> int:
    """``priority_weight``, to be used with ``weight_rule="absolute"``.

    ``stage`` counts from 0: within a level, a run that was begun is finished before another begins.
    """
    return _BASE[priority] + stage


def pool_sizes(slots: int, consumers: int = 0) -> dict[str, int]:
    """The slots of each pool where the executor has ``slots`` in all (``[core] parallelism``, or all Celery workers').

    ``consumers`` is the number of routes of low latency: each takes one for ever, and a second one while consumers
    change. Of the others a quarter (at least one) is left to critical alone. Below 4 slots nothing can be kept free and
    only weights decide.
    """
    if slots < 1:
        raise ValueError(f"an executor has at least 1 slot, not {slots}")
    shared = slots - 2 * consumers
    free = shared - max(1, shared // 4)
    low = max(1, free // 6)
    high = max(1, free // 3)
    sizes: dict[Priority, int] = {"critical": slots, "high": high, "normal": max(1, free - high - low), "low": low}
    return {pool_name(priority): sizes[priority] for priority in PRIORITIES} | {LIVE_POOL: slots}


def create_pools(slots: int | None = None, consumers: int = 0, *, session: Session | None = None) -> dict[str, int]:
    """Create the pools, or give them these sizes; returns name to slots. Needs Airflow's metadata database.

    ``slots`` is the number that the executor has in all, ``[core] parallelism`` where it is left out; ``consumers``
    that of routes of low latency.
    """
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    if slots is None:
        from airflow.configuration import conf

        slots = conf.getint("core", "parallelism")
    if session is None:
        with create_session() as own:
            return create_pools(slots, consumers, session=own)
    sizes = pool_sizes(slots, consumers)
    for name, size in sizes.items():
        Pool.create_or_update_pool(
            name=name,
            slots=size,
            description=_about(name),
            include_deferred=False,
            session=session,
        )
    return sizes


def missing_pools(*, session: Session | None = None) -> list[str]:
    """The pools that are not there: tasks in them would wait for ever. Needs Airflow's metadata database."""
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    if session is None:
        with create_session() as own:
            return missing_pools(session=own)
    there = {pool.pool for pool in Pool.get_pools(session=session)}
    return [name for name in (*map(pool_name, PRIORITIES), LIVE_POOL) if name not in there]


def _about(name: str) -> str:
    if name == LIVE_POOL:
        return "Consumers of routes of low latency: two slots each, one of them for a minute every quarter of an hour"
    return f"Routes of priority {name.removeprefix('integrations_')}"
