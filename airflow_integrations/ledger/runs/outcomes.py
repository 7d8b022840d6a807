"""Write outcomes of entities in a run: one statement for all that have the same fate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Float, String, Update, and_, bindparam, delete, exists, func, select, text, update

from airflow_integrations.ledger.records import Outcome, PayloadStage, RunRef
from airflow_integrations.ledger.runs.error_fingerprint import fingerprint
from airflow_integrations.ledger.runs.history import KEPT, line, line_of, prepended, printable
from airflow_integrations.ledger.runs.progress import write_progress
from airflow_integrations.ledger.runs.stale_outcomes import beside_newer, beside_the_lease
from airflow_integrations.ledger.runs.unanswered_sql import AFTER_DELIVERY, MAYBE, UNHEARD
from airflow_integrations.ledger.runs.waits import note_waits, wake
from airflow_integrations.ledger.status import CLOSED, TRANSITIONS, Status
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import (
    ROWS,
    SqlType,
    among,
    among_given,
    as_parameter,
    lock_entities,
    write_rows,
)
from airflow_integrations.ledger.storage.transactions import writing

__all__ = ["conclude"]

MESSAGE_LENGTH = 1_000
_ALLOWED: Final = (TRANSITIONS["pending"] | TRANSITIONS["in_flight"]) - {"pending", "in_flight"}
"""A run has taken the entity, whatever it was before (pending), and may have leased it (in_flight)."""

_OVERLAID: Final = select(exists().where(tables.overlay.c.route_id == bindparam("of_route")))
_entity, _edit = tables.entity.c, tables.overlay.c
_OUTDATED: Final = (
    select(_edit.key, _edit.by, _edit.version, _entity.status)
    .join(tables.entity, and_(_entity.route_id == _edit.route_id, _entity.key == _edit.key))
    .where(
        _edit.route_id == bindparam("of_route"),
        _edit.version != _entity.version,
    )
)
"""Edits of another state than the one that is open now."""
_GIVE_UP: Final = delete(tables.claim).where(
    tables.claim.c.run == bindparam("of"), tables.claim.c.id.in_(bindparam("these", expanding=True))
)
_APPLY: Final = (
    update(tables.run)
    .where(tables.run.c.id == bindparam("of"), tables.run.c.applied < bindparam("lines"))
    .values(applied=bindparam("lines"))
)

_APPLY_TO_PART: Final = text(
    f"INSERT INTO {tables.part.name} AS p (run, part, applied) VALUES (:of, :its_part, :lines) "  # noqa: S608
    "ON CONFLICT (run, part) DO UPDATE SET applied = excluded.applied WHERE p.applied < excluded.applied"
)

_Group = tuple[Status, bool, PayloadStage | None, bool, bool]
"""Status, deleted, stage of the payload, whether all of the group have the same line of history, whether they are
unanswered."""

_SENT_UNANSWERED: Final = {"maybe": MAYBE, "unheard": UNHEARD}

_ROW: Final[dict[str, SqlType]] = {"key": "text", "version": "text", "hash": "text", "target_id": "text"}
_PAYLOAD: Final[dict[str, SqlType]] = {"payload_at": "integer"}
_LINE: Final[dict[str, SqlType]] = {"history": "text"}
_OPEN: Final[dict[str, SqlType]] = {
    "attempts": "integer",
    "since": "float8",
    "next_attempt": "float8",
    "deadline": "float8",
    "error_class": "text",
    "fingerprint": "text",
    "message": "text",
    "http_status": "integer",
    "batch": "text",
}


@writing
def conclude(
    connection: Connection,
    run: RunRef,
    outcomes: Sequence[Outcome],
    *,
    now: float,
    claims: Sequence[int] = (),
    applied: int | None = None,
) -> None:
    """Write what became of entities, give up ``claims`` and store that ``applied`` journal lines are done.

    All or nothing. Where as many lines are already applied, the outcomes are not written again; so outcomes that have
    no line in the journal go without ``applied``. Raises ValueError for a status that a run cannot leave an
    entity with, *pending* and *in_flight*.
    """
    if not {outcome.status for outcome in outcomes} <= _ALLOWED:
        refused = [outcome for outcome in outcomes if outcome.status not in _ALLOWED]
        named = ", ".join(f"{outcome.key} ({outcome.status})" for outcome in refused[:10])
        allowed = ", ".join(sorted(_ALLOWED))
        raise ValueError(f"no fate that a run can leave an entity with: {named}; allowed: {allowed}")
    # The journal has it on disk: what a crash of PostgreSQL takes away, with the number of lines, is applied again.
    lock_entities(connection, run.route_id, synchronous=applied is None)
    if claims:
        connection.execute(_GIVE_UP, {"of": run.id, "these": list(claims)})
    if applied is not None and not _apply(connection, run, applied):
        return
    decisive: list[Outcome] = []
    for distinct in _rounds(outcomes):
        decided = beside_newer(connection, run, beside_the_lease(connection, run, distinct), now)
        for group, members in _groups(decided).items():
            _write(connection, run, group, members, now)
        decisive += decided
    _drop_overlays(connection, run, decisive, now)
    write_progress(connection, run, outcomes)
    note_waits(connection, run.route_id, decisive)
    came = [outcome.key for outcome in outcomes if outcome.status == "delivered" and not outcome.deleted]
    wake(connection, run.route_id, came, now)


def _apply(connection: Connection, run: RunRef, lines: int) -> bool:
    """Whether so many lines of the part's journal were not applied before; from now on they are."""
    if not run.part:
        return bool(connection.execute(_APPLY, {"of": run.id, "lines": lines}).rowcount)
    if not lines:  # nothing to apply, and no row to be made for it
        return False
    applied = {"of": run.id, "its_part": run.part, "lines": lines}
    return bool(connection.execute(_APPLY_TO_PART, applied).rowcount)


def _rounds(outcomes: Sequence[Outcome]) -> Iterator[Iterable[Outcome]]:
    """A statement writes a row once; so where a key repeats, its outcomes go one after another."""
    left = outcomes
    if len({outcome.key for outcome in outcomes}) == len(outcomes):
        yield outcomes
        return
    while left:
        distinct: dict[str, Outcome] = {}
        again = [outcome for outcome in left if distinct.setdefault(outcome.key, outcome) is not outcome]
        yield distinct.values()
        left = again


def _groups(outcomes: list[Outcome]) -> dict[_Group, list[Outcome]]:
    kinds = [
        (
            o.status,
            o.deleted,
            o.payload_stage,
            o.reason is None and o.http_status is None and not o.attempts,
            o.unanswered,
        )
        for o in outcomes
    ]
    if len(only := set(kinds)) == 1:
        return {only.pop(): outcomes}
    groups: dict[_Group, list[Outcome]] = defaultdict(list)
    for kind, outcome in zip(kinds, outcomes, strict=True):
        groups[kind].append(outcome)
    return groups


def _write(connection: Connection, run: RunRef, group: _Group, members: list[Outcome], now: float) -> None:
    if group == ("unchanged", False, None, True, False) and _still_unchanged(connection, run, members, now):
        return
    status, _, stage, plain, _ = group
    closed = status in CLOSED
    columns = dict(_ROW)
    parts: list[list[tuple[Any, ...]]] = []
    if stage is not None:
        columns |= _PAYLOAD
        parts.append(_rows(members, payload=True))
    else:
        parts.append(_rows(members))
    if not plain:
        columns |= _LINE
        parts.append([(line_of(o, run.id, now),) for o in members])
    if not closed:
        columns |= _OPEN
        parts.append([_problem(o, now) for o in members])
    rows = parts[0] if len(parts) == 1 else [sum(pieces, ()) for pieces in zip(*parts, strict=True)]
    rows.sort()
    write_rows(connection, _statement(run, group, columns, now), columns, rows)


def _rows(members: list[Outcome], *, payload: bool = False) -> list[tuple[Any, ...]]:
    """Version and target id come from other systems and may hold anything."""
    foreign = {o.version for o in members} | {o.target_id for o in members}
    if "".join([text for text in foreign if text is not None]).isprintable():
        if payload:
            return [(o.key, o.version, o.hash, o.target_id, o.payload_at) for o in members]
        return [(o.key, o.version, o.hash, o.target_id) for o in members]
    rows = [(o.key, _printable(o.version), o.hash, _printable(o.target_id), o.payload_at) for o in members]
    return rows if payload else [row[:-1] for row in rows]


def _printable(text: str | None) -> str | None:
    return None if text is None else printable(text, 512)


def _still_unchanged(connection: Connection, run: RunRef, members: list[Outcome], now: float) -> bool:
    """The cheap way for most of a second pass: of entities that were unchanged before, no index and no history moves.

    Whether that, and those that were delivered before, were all. Where they were not, all are written the long way,
    which does these no harm.
    """
    version = members[0].version
    if any(o.version != version or o.target_id is not None for o in members):
        return False
    moved = {
        "of_route": run.route_id,
        "keys": as_parameter(connection, [o.key for o in members]),
        "by": run.id,
        "now": now,
        "its_version": _printable(version),
    }
    again, first = _unchanged(connection.dialect.name, versioned=version is not None)
    written = connection.execute(again, moved).rowcount
    if written < len(members):
        written += connection.execute(first, moved | {"entry": line("unchanged", run.id, now) + "\n"}).rowcount
    return written == len(members)


@cache
def _unchanged(dialect: str, *, versioned: bool) -> tuple[Update, Update]:
    """What was unchanged before is so again; what was delivered is so for the first time."""
    entity = tables.entity.c
    run, now = bindparam("by", type_=entity.run.type), bindparam("now", type_=Float)
    version = bindparam("its_version", type_=String)
    moved: dict[str, Any] = {"run": run, "changed": now, "last_seen": now, "seen_run": run, "version": version}
    if versioned:
        moved["delivered_version"] = version
    first = {"status": "unchanged", "history": func.substr(bindparam("entry", type_=String) + entity.history, 1, KEPT)}
    these = entity.route_id == bindparam("of_route"), among_given(dialect, entity.key, "keys")
    one = update(tables.entity).where(*these, entity.deleted.is_(False))
    again = one.where(entity.status == "unchanged").values(moved)
    return again, one.where(entity.status == "delivered").values(moved | first)


def _problem(o: Outcome, now: float) -> tuple[Any, ...]:
    return (
        o.attempts,
        now if o.since is None else o.since,
        now if o.next_attempt is None and o.status == "retrying" else o.next_attempt,
        o.deadline,
        o.error_class,
        fingerprint(o.error_class, o.http_status, o.reason, key=o.key) if o.error_class or o.reason else None,
        None if o.reason is None else printable(o.reason, MESSAGE_LENGTH),
        o.http_status,
        o.batch,
    )


def _statement(run: RunRef, group: _Group, columns: dict[str, SqlType], now: float) -> str:
    status, deleted, stage, plain, unanswered = group
    moment = repr(float(now))
    gone = "TRUE" if deleted else "FALSE"
    new = {
        "route_id": str(run.route_id),
        "key": "r.key",
        "status": f"'{status}'",
        "run": str(run.id),
        "changed": moment,
        "first_seen": moment,
        "last_seen": moment,
        "seen_run": str(run.id),
        "version": "substr(r.version, 1, 512)",
        "target_id": "substr(r.target_id, 1, 512)",
        "deleted": gone,
        "history": f"'{line(status, run.id, now)}'" if plain else "r.history",
    }
    kept = {"route_id", "key", "first_seen"}
    changed = {
        "target_id": "coalesce(excluded.target_id, e.target_id)",
        "history": f"substr(excluded.history || '\n' || e.history, 1, {KEPT})",
        "lease_until": "NULL",
    }
    if stage is not None:
        new |= {"payload_run": str(run.id), "payload_stage": f"'{stage}'", "payload_at": "r.payload_at"}
    if status == "delivered":
        new |= {
            "delivered_hash": "NULL" if deleted else "r.hash",
            "delivered_version": "substr(r.version, 1, 512)",
            "delivered_at": moment,
            "deliveries": "1",
        }
        changed |= {"deliveries": "e.deliveries + 1", "maybe": "NULL", "unheard": AFTER_DELIVERY.format(e="e")}
    elif status in CLOSED:
        if status == "unchanged":  # the target has this state, too: none between it and the delivered one may go out
            changed["delivered_version"] = (
                "CASE WHEN e.delivered_hash IS NULL THEN e.delivered_version "
                "ELSE coalesce(excluded.version, e.delivered_version) END"
            )
            changed["history"] = f"CASE WHEN e.status = 'unchanged' THEN e.history ELSE {changed['history']} END"
        changed["deleted"] = f"{gone} OR (e.deleted AND e.delivered_hash IS NULL)"
    if status in CLOSED:
        changed |= dict.fromkeys(_OPEN, "NULL") | {"hash": "NULL", "attempts": "0"}
    else:
        new |= {"hash": "r.hash"} | {name: f"r.{name}" for name in _OPEN}
        changed["since"] = (
            "CASE WHEN coalesce(e.hash, '') = coalesce(excluded.hash, '') "
            "THEN coalesce(e.since, excluded.since) ELSE excluded.since END"
        )
    if unanswered:
        new["maybe"] = "r.hash"
        changed |= {name: sql.format(e="e", sent="excluded.maybe") for name, sql in _SENT_UNANSWERED.items()}
    sets = {name: f"excluded.{name}" for name in new if name not in kept} | changed
    return (
        f"INSERT INTO {tables.entity.name} AS e ({', '.join(new)}) SELECT {', '.join(new.values())} "  # noqa: S608
        f"FROM {ROWS} WHERE TRUE ON CONFLICT (route_id, key) DO UPDATE SET "
        + ", ".join(f"{name} = {value}" for name, value in sets.items())
    )


def _drop_overlays(connection: Connection, run: RunRef, outcomes: list[Outcome], now: float) -> None:
    """A person's edit has done its service; or it was of another state than the one that is open now."""
    if not connection.scalar(_OVERLAID, {"of_route": run.route_id}):
        return
    of_route = tables.overlay.c.route_id == run.route_id
    closed = [outcome.key for outcome in outcomes if outcome.status in CLOSED]
    connection.execute(delete(tables.overlay).where(of_route, among(connection, tables.overlay.c.key, closed)))
    others = [outcome.key for outcome in outcomes if outcome.status not in CLOSED]
    outdated = _OUTDATED.where(among(connection, tables.overlay.c.key, others))
    for edit in connection.execute(outdated, {"of_route": run.route_id}).all():
        told = f"the payload that {edit.by} has edited is of version {edit.version}: it is not used"
        ours = (_entity.route_id == run.route_id, _entity.key == edit.key)
        connection.execute(update(tables.entity).where(*ours).values(history=prepended(now, edit.status, told)))
        connection.execute(delete(tables.overlay).where(of_route, tables.overlay.c.key == edit.key))
