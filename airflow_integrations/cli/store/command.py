"""``store``: what routes keep under a key; searched, shown with its history, and changed by hand."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from airflow_integrations.cli.airflow_access import open_ledger
from airflow_integrations.cli.command import OK, UsageError
from airflow_integrations.cli.entities.mask import mask_of
from airflow_integrations.cli.entities.selected import by, confirm_or_abort
from airflow_integrations.cli.terminal import console, out, table
from airflow_integrations.display.printable import ago, json_text, moment, visible, visible_key
from airflow_integrations.errors import RunError
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import encode, read
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.store import StoreLine, find_values, masked_line, put_value, remove_value, stores

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    now = time.time()
    with open_ledger() as ledger:
        match args.store_command:
            case "list":
                _list(ledger, args, now)
            case "show":
                _show(ledger, args, now)
            case "set":
                put_value(ledger, args.store, args.key, _value(args.value), by=by(), now=now)
                out(visible(f"{args.store} {args.key}: kept, until a run makes something else of it"))
            case _:
                if not args.yes:
                    confirm_or_abort(f"remove {visible_key(args.key)} from the store {args.store}, with its history?")
                remove_value(ledger, args.store, args.key, by=by(), now=now)
                out(visible(f"{args.store} {args.key}: removed"))
    return OK


def _list(ledger: Ledger, args: argparse.Namespace, now: float) -> None:
    if args.store is None:
        if args.search:
            raise UsageError("name the STORE in which to search")
        _all(ledger, args, now)
        return
    after = None if args.after is None else (args.store, args.after)
    page = find_values(ledger, now=now, store=args.store, search=args.search, limit=max(1, args.limit), after=after)
    lines = [_as_shown(ledger, line) for line in page.values]
    if args.format == "json":
        out(json_text(lines, indent=2))
        return
    if not lines:
        out("No value fits." if args.search else f"The store {args.store} has no values.")
        return
    shown = table("key", "value", "changed", "by")
    for line in lines:
        shown.add_row(visible_key(line.key), visible(line.value), ago(line.changed, now), visible(_who(line)))
    console().print(shown)
    if page.after is not None:
        out(visible(f"There are more: --after {page.after[1]}"))


def _all(ledger: Ledger, args: argparse.Namespace, now: float) -> None:
    found = stores(ledger, now)
    if args.format == "json":
        out(json_text(found, indent=2))
        return
    if not found:
        out("No store has a value: the step store of a route, or store set, puts one there.")
        return
    shown = table("store", "values", "last change")
    for store in found:
        shown.add_row(store.store, str(store.values), ago(store.newest, now))
    console().print(shown)


def _show(ledger: Ledger, args: argparse.Namespace, now: float) -> None:
    page = find_values(ledger, now=now, store=args.store, key=args.key)
    if not page.values:
        raise RunError(visible(f"the store {args.store} has no value {args.key}"))
    line = _as_shown(ledger, page.values[0])
    if args.format == "json":
        out(json_text(line, indent=2))
        return
    for text in _story(line, now):
        out(visible(text))


def _story(line: StoreLine, now: float) -> Iterator[str]:
    yield f"{line.store} {visible_key(line.key)}: {line.value}"
    yield f"  changed      {moment(line.changed)} ({ago(line.changed, now)}) by {_who(line)}"
    yield f"  last written {moment(line.written)}"
    if line.expires is not None:
        yield f"  removed      {moment(line.expires)}, unless it is written again (keep)"
    yield "history, newest first"
    for change in line.history:
        yield f"  {moment(change.at)}  {change.by}  {change.value}"


def _as_shown(ledger: Ledger, line: StoreLine) -> StoreLine:
    return line if line.route is None else masked_line(line, mask_of(ledger, line.route))


def _who(line: StoreLine) -> str:
    return line.by or line.route or ""


def _value(text: str) -> bytes:
    try:
        return encode(read(text.encode()))
    except (ContentError, UnicodeError) as error:
        raise UsageError(f"VALUE is JSON, such as '{{\"code\": 7}}' or '\"A-7\"': {error}") from None
