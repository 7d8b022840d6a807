"""Which columns may tell what has changed since the last run, and which may identify a row: by type, index and name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from airflow_integrations.discovery import CursorCandidate, DiscoveredField

__all__ = ["cursor_candidates", "guessed_key"]

_CHANGED = re.compile(
    r"updated|modified|changed|last_?(?:upd|mod|chang)|lastmod|mtime|sysmod|row_?ver|ge(?:ä|ae)ndert|aenderung"
    r"|actualizad|modificad|modifi(?:e|é)|wijzig|_upd(?:_|$)|chg(?:_|$)|aedat|upddat",
    re.IGNORECASE,
)
_NEW = re.compile(
    r"created|inserted|added|erstellt|angelegt|cread|ctime|entry_?date|erdat|_at$|date|time", re.IGNORECASE
)
_KEYS = ("id", "uuid", "guid", "key", "number", "no", "nr", "code", "sku")


def cursor_candidates(
    fields: Sequence[DiscoveredField],
    primary: Sequence[str],
    indexed: Collection[str] | None,
    changing: Collection[str],
) -> Iterator[CursorCandidate]:
    """The best first: what the database itself sets with every change, what is called so, what tells new rows alone.

    ``indexed``: columns that an index begins with; None where that is not known, as of a view.
    """
    sure, named, new = [], [], []
    for field in fields:
        in_index = None if indexed is None else field.name in indexed
        if field.name in changing:
            sure.append(CursorCandidate(field.name, "the database sets it with every change", True, in_index))
        elif field.meaning == "datetime" and _CHANGED.search(field.name):
            named.append(CursorCandidate(field.name, "by its name it tells the last change", True, in_index))
        elif field.meaning == "datetime" and _NEW.search(field.name):
            new.append(CursorCandidate(field.name, "a time, which may tell new rows alone", False, in_index))
        elif [field.name] == list(primary) and field.meaning == "integer":
            new.append(CursorCandidate(field.name, "a key that may grow: it tells new rows alone", False, True))
    for some in (sure, named, new):
        yield from sorted(some, key=lambda candidate: not candidate.indexed)


def guessed_key(fields: Sequence[DiscoveredField]) -> tuple[str, ...]:
    """The field that by its name identifies a record; none where no name says so."""
    by_name = {field.name.lower(): field.name for field in fields}
    for name in _KEYS:
        if name in by_name:
            return (by_name[name],)
    ending = [name for low, name in by_name.items() if low.endswith(("_id", "_no", "_nr", "_number"))]
    return (ending[0],) if len(ending) == 1 else ()
