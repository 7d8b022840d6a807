"""Names of kinds to classes. A class is imported when its kind is first used.

Third parties add kinds through entry points: group ``airflow_integrations.incoming`` (``transform``, ``outgoing``),
name = the kind, value = ``module:Class``. A built-in name cannot be taken over.
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Literal

__all__ = ["Part", "kinds", "known", "resolve", "suggestion", "unknown"]

Part = Literal["incoming", "transform", "outgoing"]

_BUILT_IN: dict[Part, dict[str, str]] = {
    "incoming": {
        "http": "airflow_integrations.incoming.http:HttpIncoming",
        "none": "airflow_integrations.incoming.none:NoIncoming",
    },
    "transform": {
        "filter": "airflow_integrations.transform.filter:Filter",
        "map": "airflow_integrations.transform.map:Map",
        "set": "airflow_integrations.transform.set:Set",
        "drop": "airflow_integrations.transform.drop:Drop",
        "rename": "airflow_integrations.transform.rename:Rename",
        "lookup": "airflow_integrations.transform.lookup:Lookup",
        "validate": "airflow_integrations.transform.validate:Validate",
        "split": "airflow_integrations.transform.split:Split",
        "merge": "airflow_integrations.transform.merge:Merge",
        "python": "airflow_integrations.transform.python:Python",
    },
    "outgoing": {
        "http": "airflow_integrations.outgoing.http:HttpOutgoing",
        "none": "airflow_integrations.outgoing.none:NoOutgoing",
    },
}


@cache
def kinds(part: Part) -> dict[str, str]:
    """All kinds of a part: name to ``module:Class``, built-in ones first."""
    found = dict(_BUILT_IN[part])
    for point in entry_points(group=f"airflow_integrations.{part}"):
        found.setdefault(point.name, point.value)
    return found


def known(part: Part, kind: str) -> bool:
    """Whether there is such a kind. Looks for third parties' only where it is no built-in one: that reads the metadata
    of everything that is installed."""
    return kind in _BUILT_IN[part] or kind in kinds(part)


@cache
def resolve(part: Part, kind: str) -> type[Any]:
    """The class of a kind. Raises KeyError for an unknown kind: ask :func:`known` first."""
    module, _, name = (_BUILT_IN[part].get(kind) or kinds(part)[kind]).partition(":")
    loaded: type[Any] = getattr(import_module(module), name)
    return loaded


def suggestion(word: str, allowed: Any, *, of: str = "One of") -> str:
    """`` did you mean 'cursor'? One of: cursor, link, …`` for an error about an unknown word."""
    names = sorted(map(str, allowed))
    close = difflib.get_close_matches(word, names, n=1)
    return (f"did you mean {close[0]!r}? " if close else "") + f"{of}: {', '.join(names) or '(none)'}"


def unknown(what: str, word: str, allowed: Any, *, of: str = "One of") -> str:
    """``unknown style 'cusor', did you mean 'cursor'? One of: cursor, link, …``: a whole message."""
    shown = word if len(word) <= 60 else word[:57] + "…"
    hint = suggestion(word, allowed, of=of)
    return f"unknown {what} {shown!r}{', ' if hint.startswith('did') else '. '}{hint}"
