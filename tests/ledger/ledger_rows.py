"""Rows of a ledger, written one by one: for tests of what people ask and do, with every column in their hands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import CursorResult, insert, select

from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.ledger.storage.key_set import pack

NOW = 1_790_000_000.0


def number_of(made: CursorResult[Any]) -> int:
    """The number of a row that was inserted."""
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])


class Rows:
    """A ledger with one route, ``orders``, and one run of it."""

    def __init__(self, database: Database, route: str = "orders") -> None:
        self.database = database
        with database.write() as connection:
            self.route_id = number_of(
                connection.execute(insert(tables.route).values(name=route, mark="2026-09-01T00:00:00Z", cursor="c1"))
            )
        self.run_id = self.run("scheduled__1")

    def run(self, run_id: str, **columns: Any) -> int:
        row = {
            "route_id": self.route_id,
            "run_id": run_id,
            "kind": "scheduled",
            "window_start": "2026-09-01T00:00:00Z",
            "window_end": "2026-09-01T01:00:00Z",
            "route_hash": "h",
            "staging": f"/staging/orders/{run_id}",
            "started": NOW - 3600,
            "counts": '{"fetched": 3, "delivered": 3}',
            "seconds": '{"fetch": 1.5}',
            **columns,
        }
        with self.database.write() as connection:
            return number_of(connection.execute(insert(tables.run).values(**row)))

    def entity(self, key: str, status: str, **columns: Any) -> None:
        self.entities([key], status, **columns)

    def entities(self, keys: Iterable[str], status: str, **columns: Any) -> None:
        row = {
            "route_id": self.route_id,
            "status": status,
            "run": self.run_id,
            "changed": NOW - 60,
            "first_seen": NOW - 60,
            "last_seen": NOW - 60,
            "seen_run": self.run_id,
            "version": "7",
            "hash": None,
            "history": f'[{NOW - 60},"{status}",{self.run_id}]\n',
            **columns,
        }
        with self.database.write() as connection:
            connection.execute(insert(tables.entity), [{**row, "key": key} for key in keys])

    def open(self, key: str, status: str, **columns: Any) -> None:
        """An entity that is not delivered, with its payload and its error."""
        self.opened([key], status, **columns)

    def opened(self, keys: Iterable[str], status: str, **columns: Any) -> None:
        known = {
            "hash": "ab" * 16,
            "attempts": 3,
            "since": NOW - 600,
            "error_class": "refused",
            "http_status": 422,
            "fingerprint": "f" * 16,
            "message": "price is missing",
            "payload_run": self.run_id,
            "payload_stage": "push",
            "payload_at": 4,
        }
        self.entities(keys, status, **{**known, **columns})

    def claim(self, keys: Iterable[str], *, run: int | None = None, until: float = NOW + 60) -> None:
        keys = list(keys)
        with self.database.write() as connection:
            connection.execute(
                insert(tables.claim).values(
                    route_id=self.route_id,
                    run=run or self.run_id,
                    first=0,
                    count=len(keys),
                    lease_until=until,
                    keys=pack(keys),
                )
            )

    def of(self, key: str) -> Any:
        """The row of an entity."""
        e = tables.entity.c
        with self.database.read() as connection:
            return connection.execute(select(tables.entity).where(e.route_id == self.route_id, e.key == key)).one()

    def actions(self) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(select(tables.action).order_by(tables.action.c.id)))

    def overlays(self) -> dict[str, str]:
        with self.database.read() as connection:
            return {row.key: row.payload for row in connection.execute(select(tables.overlay))}
