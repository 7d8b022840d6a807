"""How long the console's questions take with a full ledger: ``python -m bench console``.

One route has a million entities (or as many as ``python -m bench.large.console N`` says), of which 20,000 are open, and
20,000 runs; fifty others have 1,000 runs each, one every five minutes. Filled by SQL, in the shapes that runs leave.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

from airflow_integrations.ledger.actions import bulk_jobs
from airflow_integrations.ledger.actions.selection import Selection
from airflow_integrations.ledger.inbox.inbox import Inbox
from airflow_integrations.ledger.queries import entities as queries
from airflow_integrations.ledger.queries import overview, staged_bytes
from airflow_integrations.ledger.queries import search as searching
from airflow_integrations.ledger.queries.overview import latest
from airflow_integrations.ledger.queries.payload_locations import places
from airflow_integrations.ledger.queries.statistics import series
from airflow_integrations.ledger.runs import definitions, leases
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.ledger.storage.key_set import pack
from bench.ledgers import fresh, servers

ENTITIES, OPEN, ROUTES, RUNS, ROUNDS = 1_000_000, 20_000, 50, 1_000, 15
NOW = 1_790_000_000.0
DAY = 86_400.0

_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count) ",
    "postgresql": "WITH n AS (SELECT generate_series(0, :count - 1) AS i) ",
}
_RUN = (
    "INSERT INTO integrations_run (route_id, run_id, kind, window_start, window_end, route_hash, staging, started, "
    "finished, counts, seconds, verdict) {numbers}"
    "SELECT {route}, 'scheduled__' || i, 'scheduled', '2026-01-01T00:00:00Z', '2026-01-01T01:00:00Z', "
    "'hash' || (i / 500), '/staging/' || i, {now} - 300.0 * ({count} - i) / {often}, "
    "{now} - 300.0 * ({count} - i) / {often} + 20, "
    '\'{{"fetched": 210, "delivered": 200, "rejected": 3, "filtered": 7}}\', '
    '\'{{"fetch": 4.5, "transform": 1.25, "push": 12.75}}\', '
    "CASE WHEN i % 20 = 3 THEN '3 rejected of 210 entities' END FROM n"
)
_ENTITY = (
    "INSERT INTO integrations_entity (route_id, key, status, run, changed, first_seen, last_seen, seen_run, version, "
    "hash, delivered_hash, delivered_version, delivered_at, deliveries, target_id, attempts, since, next_attempt, "
    "error_class, fingerprint, message, http_status, payload_run, payload_stage, payload_at, history) {numbers}"
    "SELECT {route}, CAST(1000000000 + i AS TEXT), "
    "CASE WHEN i % {every} = 0 THEN {status} WHEN i % 997 = 0 THEN 'skipped' ELSE 'delivered' END, "
    "1 + i % {runs}, {now} - i % 8640000, {now} - 8640000, {now} - 100, 1 + i % {runs}, '2026-01-01T00:00:00Z', "
    "CASE WHEN i % {every} = 0 THEN 'abababababababababababababababab' END, 'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd', "
    "'2026-01-01T00:00:00Z', {now} - 1000, 1, 'T-' || i, CASE WHEN i % {every} = 0 THEN 3 ELSE 0 END, "
    "CASE WHEN i % {every} = 0 THEN {now} - i % 100000 END, "
    "CASE WHEN i % {every} = 0 AND i % 3 = 0 THEN {now} + 60 END, CASE WHEN i % {every} = 0 THEN 'refused' END, "
    "CASE WHEN i % {every} = 0 THEN 'fingerprint-' || (i / {every} % 50) END, "
    "CASE WHEN i % {every} = 0 THEN 'customer C-' || i || ' is blocked: the credit limit is used up' END, "
    "CASE WHEN i % {every} = 0 THEN 422 END, CASE WHEN i % {every} = 0 THEN 1 + i % {runs} END, "
    "CASE WHEN i % {every} = 0 THEN 'push' END, CASE WHEN i % {every} = 0 THEN i % 10000 END, "
    "'[1789999000.5,\"delivered\",' || (1 + i % {runs}) || ']' FROM n"
)


def fill(database: Database, entities: int) -> list[str]:
    """The names of the routes; the first has the entities."""
    numbers = _NUMBERS[database.dialect]
    names = [f"route_{number:02}" for number in range(ROUTES + 1)]
    every, runs = max(1, entities // OPEN), 20 * RUNS
    status = (
        f"CASE i / {every} % 4 WHEN 0 THEN 'failed' WHEN 1 THEN 'rejected' WHEN 2 THEN 'failed' ELSE 'retrying' END"
    )
    with database.write() as connection:
        for number, name in enumerate(names, 1):
            connection.execute(text("INSERT INTO integrations_route (name) VALUES (:name)"), {"name": name})
            count = runs if number == 1 else RUNS
            often = 20 if number == 1 else 1
            statement = _RUN.format(numbers=numbers, route=number, now=NOW, count=count, often=often)
            connection.execute(text(statement), {"count": count})
        filled = _ENTITY.format(numbers=numbers, route=1, every=every, status=status, runs=runs, now=NOW)
        connection.execute(text(filled), {"count": entities})
        keys = pack(str(1_000_000_001 + number) for number in range(2000))
        claim = {"route_id": 1, "run": 1, "first": 0, "count": 2000, "lease_until": NOW + 60, "keys": keys}
        connection.execute(insert(tables.claim).values(**claim))
    with database.write() as connection:
        connection.execute(text("ANALYZE"))
    return names


def questions(database: Database, names: list[str], entities: int) -> dict[str, Callable[[], Any]]:
    """What the console asks, by the page or endpoint that asks it."""
    big, inbox = names[0], Inbox(database)
    middle = str(1_000_000_000 + entities // 2)
    some = [str(1_000_000_000 + number * 50) for number in range(500)]

    def search(**wanted: Any) -> Callable[[], Any]:
        return lambda: searching.search(database, route=big, limit=100, **wanted)

    return {
        "overview: counts of 24 hours": lambda: series(database, names, since=NOW - DAY, until=NOW, stretches=24),
        "overview: newest runs": lambda: latest(database, names),
        "overview: definitions": lambda: definitions.newest_hashes(database, names),
        "overview: what waits": lambda: overview.queue(database, NOW),
        "overview: leases": lambda: leases.leases(database, names, NOW),
        "overview: routes": lambda: staged_bytes.known_routes(database),
        "errors": lambda: overview.error_groups(database),
        "errors of one route": lambda: overview.error_groups(database, big),
        "inbox": lambda: inbox.waiting(NOW),
        "route: series of 24 hours": lambda: series(database, [big], since=NOW - DAY, until=NOW, stretches=48),
        "route: series of 30 days": lambda: series(database, [big], since=NOW - 30 * DAY, until=NOW, stretches=60),
        "route: runs": lambda: overview.runs(database, big, 50),
        "route: versions": lambda: definitions.versions(database, big),
        "route: how many entities": lambda: searching.how_many(database, big),
        "entities: first page": search(),
        "entities: page in the middle": search(after=middle),
        "entities: failed": search(statuses=("failed",)),
        "entities: of an error": search(fingerprint="fingerprint-7"),
        "entities: text in messages": search(text="c-999"),
        "entities: prefix of keys": search(prefix="10005"),
        "entities: target id, one step": search(target_id=f"T-{entities - 1}"),
        "entities: skipped, one step": search(statuses=("skipped",)),
        "entities: last hour, one step": search(since=NOW - 3600),
        "entity": lambda: queries.where(database, big, middle, NOW),
        "payload places of 500": lambda: places(database, big, some),
        "jobs": lambda: bulk_jobs.listed(database, names, NOW),
    }


def through(database: Database, route: str, **wanted: Any) -> tuple[int, float]:
    """A search to its end, as a page that goes on by itself: how many requests, and seconds in all."""
    began, after, requests = time.perf_counter(), None, 0
    while True:
        found = searching.search(database, route=route, limit=100, after=after, **wanted)
        requests, after = requests + 1, found.after
        if after is None or found.entities:
            return requests, time.perf_counter() - began


def measure(kind: str, url: str, entities: int) -> None:
    with Database.open(url) as database:
        began = time.perf_counter()
        names = fill(database, entities)
        figure("console fill", ledger=kind, entities=entities, seconds=time.perf_counter() - began)
        for question, ask in questions(database, names, entities).items():
            took, cpu = [], []
            for _ in range(ROUNDS):
                began, worked = time.perf_counter(), time.process_time()
                ask()
                took.append((time.perf_counter() - began) * 1000)
                cpu.append((time.process_time() - worked) * 1000)
            p95 = sorted(took)[int(0.95 * (ROUNDS - 1))]
            # Of PostgreSQL's work, this process's part only.
            processor = statistics.median(cpu)
            figure(question, ledger=kind, p50_ms=statistics.median(took), p95_ms=p95, cpu_ms=processor)
        requests, seconds = through(database, names[0], target_id=f"T-{entities - 1}")
        figure("entities: target id, to the end", ledger=kind, requests=requests, seconds=seconds)
        job(database, kind, names[0])


def job(database: Database, kind: str, route: str) -> None:
    """Skipping all failed ones: how long the longest piece holds the route's runs up."""
    number = bulk_jobs.ask(
        database, Selection(route, statuses=frozenset({"failed"})), "skip", {"reason": "x"}, "bench", NOW
    )
    longest, total, more = 0.0, time.perf_counter(), True
    while more:
        began = time.perf_counter()
        more = bulk_jobs.step(database, number, NOW)
        longest = max(longest, time.perf_counter() - began)
    found = bulk_jobs.find(database, number, NOW)
    assert found is not None
    seconds = time.perf_counter() - total
    figure("job", ledger=kind, entities=found.done, seconds=seconds, longest_piece_ms=longest * 1000)


def figure(name: str, **values: Any) -> None:
    rounded = {key: round(value, 2) if isinstance(value, float) else value for key, value in values.items()}
    print(json.dumps({"figure": name, **rounded}), flush=True)


def main(entities: int = ENTITIES) -> None:
    with tempfile.TemporaryDirectory() as folder, servers() as ledgers:
        for kind, server in ledgers.items():
            measure(kind, fresh(server, Path(folder)), entities)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
