"""What users do with the values that a route keeps in stores: write and remove. Told to Airflow's audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_integrations.airflow.web.actions.audit import audit
from airflow_integrations.entity import key_text
from airflow_integrations.errors import EntityError, RunError
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import encode, read
from airflow_integrations.ledger.store import find_values, put_value, remove_value

if TYPE_CHECKING:
    from airflow_integrations.airflow.web.console import Console
    from airflow_integrations.airflow.web.security.access import Who

__all__ = ["put", "remove"]


def put(console: Console, who: Who, route: str, store: str, key: str, value: str) -> None:
    """Write a value, JSON: in the place of one, or under a new key of a store in which the route keeps values.

    Needs the right to change the route that wrote the value, and to see its payloads.
    """
    owner = _owner(console, who, route, store, key)
    try:
        content = encode(read(value.encode("utf-8", "surrogatepass")))
        put_value(console.database, store, key_text(key), content, by=who.name, now=console.now(), route=owner)
    except ContentError as error:
        raise RunError(f'the value has to be JSON, such as 7, "A-7" or {{"code": 7}}: {error}') from None
    except EntityError as error:
        raise RunError(error.reason) from None
    audit(who.name, "store", owner, store=store, key=key, done="set")


def remove(console: Console, who: Who, route: str, store: str, key: str) -> None:
    """Remove a value with its history."""
    owner = _owner(console, who, route, store, key)
    remove_value(console.database, store, key, by=who.name, now=console.now())
    audit(who.name, "store", owner, store=store, key=key, done="removed")


def _owner(console: Console, who: Who, route: str, store: str, key: str) -> str:
    """The route whose value it is, or is to be; the user may change it."""
    now = console.now()
    there = find_values(console.database, now=now, store=store, key=key, limit=1).values
    owner = there[0].route or route if there else route
    who.to_act(owner)
    who.to_see_payloads(owner)
    if not there and not find_values(console.database, now=now, store=store, route=route, limit=1).values:
        raise RunError(f"{route} keeps nothing in a store {store}: a new value goes into one that it writes")
    return owner
