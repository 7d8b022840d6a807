"""Find the process that is a route's consumer, as the ledger names it."""

from __future__ import annotations

import time

import psutil
from sqlalchemy import select

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.storage import tables

__all__ = ["consumer_pid"]


def consumer_pid(ledger: str, route: str) -> int | None:
    """The process of this machine that is the consumer of ``route`` now; None where there is none.

    :param ledger: The ledger's address.
    """
    consumer = tables.consumer.c
    with Ledger.open(ledger) as opened, opened.read() as connection:
        query = select(consumer.holder).join(tables.route, tables.route.c.id == consumer.route_id)
        holder = connection.scalar(query.where(tables.route.c.name == route, consumer.lease_until > time.time()))
    pid = None if holder is None else int(holder.split(":")[2])
    return pid if pid is not None and psutil.pid_exists(pid) else None
