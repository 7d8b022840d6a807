"""Control numbers of what is written for partners: each number once, and the same one for each attempt.

They stand in a store, so that people see them, and can set the next one when a route takes over from another program.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, select, update

from airflow_integrations.errors import RunError
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.route_ids import number_of
from airflow_integrations.ledger.storage.transactions import writing
from airflow_integrations.ledger.storage.upsert import insert_into

__all__ = ["REMEMBERED", "STORE", "reserve"]

STORE = "control_numbers"
REMEMBERED = 150
"""Files, requests and messages whose numbers are remembered for a further attempt: the newest ones of a partner."""

_s = tables.store.c


@writing
def reserve(
    connection: Connection, partner: str, holder: str, *, route: str, first: int, most: int, now: float
) -> tuple[int, float]:
    """The number for ``holder``, and when it was given to it first, in seconds since 1970.

    ``holder`` names one file of one run, or what one request or message carries. ``partner``: those to whom numbers are
    counted, at most 512 characters. Behind ``most`` comes 1. Raises RunError where the store holds
    something else under this name.
    """
    empty = {"name": STORE, "key": partner, "value": "{}", "changed": now, "written": now}
    connection.execute(insert_into(connection, tables.store).values(empty).on_conflict_do_nothing())
    mine = (_s.name == STORE, _s.key == partner)
    text = connection.scalar(select(_s.value).where(*mine).with_for_update())
    used, number = _read(text or "{}", partner, first)
    if holder in used:
        return used[holder]
    while number > most or number < 1 or any(number == other for other, _ in used.values()):
        number = 1 if number >= most or number < 1 else number + 1
    used[holder] = (number, now)
    kept = dict(list(used.items())[-REMEMBERED:])
    value = msgspec.json.encode({"next": number + 1 if number < most else 1, "used": kept}).decode()
    route_id = number_of(connection, route)
    written = {"value": value, "route_id": route_id, "written": now, "changed": now}
    connection.execute(update(tables.store).where(*mine).values(written))
    return number, now


def _read(text: str, partner: str, first: int) -> tuple[dict[str, tuple[int, float]], int]:
    try:
        value: Any = msgspec.json.decode(text)
        used = {str(holder): (int(number), float(at)) for holder, (number, at) in value.get("used", {}).items()}
        return used, int(value.get("next", first))
    except (AttributeError, TypeError, ValueError):
        raise RunError(
            f'the store {STORE!r} holds for {partner!r} what is not a control number; write it like {{"next": 4711}}'
        ) from None
