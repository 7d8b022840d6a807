"""The fields of the objects that every route knows: ``window`` has a start and an end, and nothing else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from airflow_integrations.config.suggestions import continued
from airflow_integrations.expressions import Template
from airflow_integrations.expressions.evaluation.methods import attributes

__all__ = ["object_mistake"]

_FIELDS: dict[str, dict[str, str]] = {
    "window": {
        **dict.fromkeys(("begin", "beginning", "begins", "from", "since", "lower", "start_time", "first"), "start"),
        **dict.fromkeys(("stop", "to", "until", "finish", "upper", "end_time", "now", "last"), "end"),
        "start": "",
        "end": "",
    },
    "partition": {
        **dict.fromkeys(("begin", "from", "since", "lower", "first"), "start"),
        **dict.fromkeys(("stop", "to", "until", "upper", "last"), "end"),
        **dict.fromkeys(("start", "end", "value", "number"), ""),
        "index": "number",
    },
    "request": {"method": "", "url": "", "path": "", "uri": "url", "verb": "method"},
}
"""Object to its fields; those with a text are other tools' words for another one."""
_MOMENT = attributes(dt.datetime.now(dt.UTC))
_PLAIN = {
    "status": "the HTTP status, a whole number",
    "subject": "a text",
    "key": "the entity's key, a text",
    "target_id": "a text",
}
_AIRFLOW_VARIABLES = ("value", "json")


def object_mistake(path: tuple[str, ...], leaf: Any, visible: Iterable[str]) -> str | None:
    """What is wrong with a field that is read, such as ``("window", "begin")``; None where nothing is."""
    root, field = path[0], path[1]
    if root not in visible:
        return None
    if root == "entities" and field != "*":
        return f"entities is a list, so it has no field {field!r}; write [x.{field} for x in entities]"
    if root == "var" and field in _AIRFLOW_VARIABLES and len(path) > 2:
        return f"var.{field}.{path[2]} is how Airflow's templates say it; write var.{path[2]}"
    if root in _PLAIN:
        return f"{root} is {_PLAIN[root]}, so it has no field {field!r}; write {root}"
    if root not in _FIELDS:
        return None
    known = {name for name, other in _FIELDS[root].items() if not other}
    if field not in known:
        other = _FIELDS[root].get(field)
        names = f", did you mean {other!r}? One of: {', '.join(sorted(known))}" if other else continued(field, known)
        return f"{root} has no field {field!r}{names}"
    if root == "window" and len(path) > 2 and path[2] not in _MOMENT:
        moment = f"window.{field}"
        remedy = (
            f"write {{{{ {moment} | date }}}} or {{{{ {moment} | format('YYYY-MM-DD') }}}}"
            if isinstance(leaf, Template)
            else f'write date({moment}) or format({moment}, "YYYY-MM-DD")'
        )
        return f"{moment} is a moment, so it has no field {path[2]!r}; {remedy}"
    return None
