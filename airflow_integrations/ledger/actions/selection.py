"""Select the entities of a person's action, and those of them that the action may touch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, or_, select

from airflow_integrations.errors import RunError
from airflow_integrations.ledger.runs.leases import leased_keys
from airflow_integrations.ledger.status import KEPT, TRANSITIONS, Status
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import among
from airflow_integrations.ledger.storage.open_entities import open_of
from airflow_integrations.plurals import plural

__all__ = ["Acted", "Chosen", "Selection", "choose", "chunks", "from_statuses"]

CHUNK = 5_000
"""Keys in one statement."""

_e = tables.entity.c

_IN_FLIGHT: frozenset[Status] = frozenset({"pending", "in_flight"})


@dataclass(frozen=True, slots=True)
class Selection:
    """Entities of one route: all that is given has to fit; at least one of keys, statuses and fingerprint is."""

    route: str
    keys: frozenset[str] | None = None
    statuses: frozenset[Status] | None = None
    fingerprint: str | None = None

    def __post_init__(self) -> None:
        if not self.keys and not self.statuses and not self.fingerprint:
            raise RunError("say which entities: keys, statuses or the fingerprint of an error")

    def dump(self) -> str:
        """JSON, for the record of actions."""
        plain = {
            "keys": sorted(self.keys) if self.keys else None,
            "statuses": sorted(self.statuses) if self.statuses else None,
            "fingerprint": self.fingerprint,
        }
        return msgspec.json.encode({name: value for name, value in plain.items() if value}).decode()


@dataclass(frozen=True, slots=True)
class Acted:
    """What an action has done."""

    entities: int
    left: tuple[str, ...] = ()
    """Why others of the selection were left as they are, a sentence each."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What an action may touch, and why it leaves the others."""

    keys: tuple[str, ...]
    left: tuple[str, ...]


def from_statuses(after: Status, *, people: frozenset[Status] | None = None) -> frozenset[Status]:
    """From which statuses a person may bring an entity to ``after``; those that a run holds are the run's.

    ``people`` narrows it further.
    """
    allowed = frozenset(before for before, follow in TRANSITIONS.items() if before is not None and after in follow)
    return (allowed - _IN_FLIGHT) & (people if people is not None else allowed)


def chunks(keys: Sequence[str]) -> Iterator[list[str]]:
    remaining = iter(keys)
    while chunk := list(islice(remaining, CHUNK)):
        yield chunk


def choose(
    connection: Connection,
    route_id: int,
    selection: Selection,
    allowed: frozenset[Status],
    *,
    now: float,
    payload: bool = False,
) -> Chosen:
    """The entities that fit and are in one of the ``allowed`` statuses, not in flight, and, where ``payload`` is asked
    for, whose payload is still staged."""
    explicit = selection.keys is not None
    leased = leased_keys(connection, route_id, now)
    keys: list[str] = []
    others: Counter[str] = Counter()
    unknown = set(selection.keys or ())
    without: list[str] = []
    for key, status, there in _fitting(connection, route_id, selection, allowed):
        unknown.discard(key)
        if status in _IN_FLIGHT or key in leased:
            others["in flight"] += 1
        elif status not in allowed:
            others[status] += 1
        elif payload and not there:
            without.append(key)
        else:
            keys.append(key)
    return Chosen(
        tuple(keys), tuple(_reasons(selection.route, others, without, unknown if explicit else set(), allowed))
    )


def _fitting(
    connection: Connection, route_id: int, selection: Selection, allowed: frozenset[Status]
) -> Iterator[tuple[str, Status, bool]]:
    """``(key, status, whether its payload is there)``, read as a whole before the first is handed out."""
    only_open = bool(selection.fingerprint) or (bool(selection.statuses) and KEPT.issuperset(selection.statuses or ()))
    staged, edited = tables.run.c, tables.overlay.c
    query = (
        select(_e.key, _e.status, or_(staged.staging != "", edited.key.is_not(None)))
        .outerjoin(tables.run, staged.id == _e.payload_run)
        .outerjoin(tables.overlay, and_(edited.route_id == _e.route_id, edited.key == _e.key))
        .where(open_of(connection, [route_id]) if only_open else _e.route_id == route_id)
    )
    if selection.statuses:
        query = query.where(_e.status.in_(sorted(selection.statuses)))
    if selection.fingerprint:
        query = query.where(_e.fingerprint == selection.fingerprint)
    if selection.keys is None:
        yield from map(_plain, connection.execute(query).all())
        return
    for chunk in chunks([key for key in sorted(selection.keys) if "\n" not in key]):
        yield from map(_plain, connection.execute(query.where(among(connection, _e.key, chunk))).all())


def _plain(row: Any) -> tuple[str, Status, bool]:
    return row[0], row[1], bool(row[2])


def _reasons(
    route: str, others: Mapping[str, int], without: list[str], unknown: set[str], allowed: frozenset[Status]
) -> Iterator[str]:
    for status, count in others.items():
        if status == "in flight":
            yield f"{_entities(count)} in flight in a run: ask again when it has ended"
        else:
            yield f"{_entities(count)} {status}: this is possible for {', '.join(sorted(allowed))}"
    if without:
        shown = " ".join(f"--key {key}" for key in without[:5]) + (" …" if len(without) > 5 else "")
        yield (
            f"of {len(without)} the payload is gone: fetch them again with `airflow-integrations run {route} {shown}`, "
            "or a run whose conf names the keys"
        )
    if unknown:
        names = ", ".join(sorted(unknown)[:5]) + (" …" if len(unknown) > 5 else "")
        yield f"the ledger has none with this key, status and error: {names}"


def _entities(count: int) -> str:
    return f"{count} {plural(count, 'is', 'are')}"
