"""The form of a trigger in UI, REST and CLI alike: what a run can be asked for, and how its values are read.

The form is flat: the route's own params beside ``window_start``, ``window_end``, ``keys``, ``entities``, ``limit``,
``dry_run``, ``retry``, ``confirm`` and ``events``. What JSON Schema can refuse, Airflow refuses when the run is created
(REST: 400). The rest is refused by fetch, all mistakes at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from airflow.sdk import Param

from airflow_integrations.airflow.dag import run_conf_retry
from airflow_integrations.airflow.dag.run_conf_retry import Confirmation
from airflow_integrations.config.suggestions import continued
from airflow_integrations.entity import MAX_KEY_LENGTH, key_text
from airflow_integrations.errors import EntityError, RunError
from airflow_integrations.ledger.records import MOST_KEYS, RetryWanted
from airflow_integrations.route.definition import RUN_PARAMS, Route
from airflow_integrations.window import Window

__all__ = ["MAX_ENTITIES", "MAX_ENTITIES_BYTES", "Asked", "own_params", "params", "read"]

MAX_ENTITIES = 100
MAX_ENTITIES_BYTES = 256 * 1024
"""Entities in conf are for tests and small pushes: conf lies in Airflow's database and in its UI."""

_MOMENT = (
    r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"[Tt ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)$"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run was asked for. None where it was not."""

    window: Window | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    keys: frozenset[str] | None = None
    entities: tuple[Any, ...] | None = None
    limit: int | None = None
    dry_run: bool = False
    retry: RetryWanted | None = None
    confirm: tuple[Confirmation, ...] = ()
    events: bool = False


def params(route: Route) -> dict[str, Param]:
    """The form as Airflow params: the route's own first, each with the type of its default."""
    form = own_params(route)
    moment: dict[str, Any] = {"type": ["null", "string"], "format": "date-time", "pattern": _MOMENT}
    form["window_start"] = Param(
        None,
        title="Window start",
        description="From this moment on, instead of the run's own window. Goes with window end. Empty: as usual.",
        **moment,
    )
    form["window_end"] = Param(
        None, title="Window end", description="Up to, not including, this moment. Goes with window start.", **moment
    )
    form["keys"] = Param(
        None,
        title="Keys",
        description=f"Only entities with these keys ({route.entity.key.text}), one a line. Empty: all.",
        type=["null", "array"],
        items={"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
        maxItems=MOST_KEYS,
    )
    form["entities"] = Param(
        None,
        title="Entities",
        description=f"A JSON list of up to {MAX_ENTITIES} objects to take instead of fetching. "
        "Write decimals as strings. Empty: fetch.",
        type=["null", "array"],
        items={"type": "object"},
        maxItems=MAX_ENTITIES,
    )
    form["limit"] = Param(
        None,
        title="Limit",
        description="The highest number of entities to take. Empty: no limit.",
        type=["null", "integer"],
        minimum=1,
    )
    form["dry_run"] = Param(
        False, title="Dry run", description="Fetch and transform, but send nothing.", type="boolean"
    )
    form |= run_conf_retry.params()
    form["events"] = Param(
        False,
        title="Events",
        description="Take what waits in the route's inbox, and of another route's fetches, and ask no source. What is "
        "rung for an event has it.",
        type="boolean",
    )
    for param in form.values():
        param.source = "dag"
    return form


def own_params(route: Route) -> dict[str, Param]:
    """The route's own params, each with the type of its default."""
    return {name: Param(_plain(default), source="dag", **_schema(default)) for name, default in route.params.items()}


def read(
    route: Route, conf: Mapping[str, Any] | None, given: Mapping[str, Any] | None = None, declared: Iterable[str] = ()
) -> Asked:
    """Read a run's conf. Raises RunError with everything that is wrong with it.

    ``given`` are Airflow's resolved params: they count where conf is silent. ``declared`` are further names that the
    DAG has params for, and that other tasks may want (a DAG written by hand).
    """
    conf = {name: value for name, value in (conf or {}).items() if value is not None}
    allowed = {*RUN_PARAMS, *route.params}
    unknown = [name for name in conf if name not in allowed.union(declared)]
    mistakes = [f"{name!r} is unknown{continued(name, allowed)}" for name in unknown]
    asked = {name: value for name, value in (given or {}).items() if name in allowed and value is not None} | conf

    def take(name: str, reader: Callable[[Any], Any], default: Any = None) -> Any:
        if name not in asked:
            return default
        try:
            return reader(asked[name])
        except (ValueError, EntityError) as error:
            mistakes.append(f"{name}: {error}")
            return default

    own = {}
    for name, default in route.params.items():
        untouched = name not in asked or asked[name] == _plain(default)
        own[name] = default if untouched else take(name, _like(default), default)
    start, end = take("window_start", _moment), take("window_end", _moment)
    window = None
    if ("window_start" in asked) != ("window_end" in asked):
        mistakes.append("window_start and window_end go together: give both or none")
    elif start and end:
        try:
            window = Window(start, end)
        except ValueError as error:
            mistakes.append(str(error))
    if "keys" in asked and "entities" in asked:
        mistakes.append("keys and entities exclude each other: leave out of entities what is not wanted")
    result = Asked(
        window=window,
        params=own,
        keys=take("keys", _keys),
        entities=take("entities", _entities),
        limit=take("limit", _limit),
        dry_run=take("dry_run", _flag, False),
        retry=take("retry", run_conf_retry.retry),
        confirm=take("confirm", run_conf_retry.confirmations, ()),
        events=take("events", _flag, False),
    )
    mistakes += [
        f"{name} fetches nothing, so it excludes {', '.join(others)}"
        for name, excluded in _EXCLUDED.items()
        if asked.get(name) and (others := [other for other in excluded if other in asked])
    ]
    if mistakes:
        raise RunError("the run's conf cannot be used: " + "; ".join(mistakes))
    return result


_EXCLUDED = {
    "retry": ("window_start", "window_end", "keys", "entities", "confirm"),
    "confirm": ("window_start", "window_end", "keys", "entities", "limit", "retry"),
    "events": ("window_start", "window_end", "keys", "entities", "limit", "retry", "confirm"),
}


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is not a moment; write it like 2026-01-31T00:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone; write it like 2026-01-31T00:00:00Z or …+01:00")
    return moment


def _keys(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not value or len(value) > MOST_KEYS:
        raise ValueError(f"give a list of 1 to {MOST_KEYS} keys")
    return frozenset(map(key_text, value))


def _entities(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(entity, dict) for entity in value):
        raise ValueError("give a list of objects")
    if len(value) > MAX_ENTITIES:
        raise ValueError(f"{len(value)} are too many, at most {MAX_ENTITIES} fit; let the route fetch them")
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
    if size > MAX_ENTITIES_BYTES:
        raise ValueError(f"{size} bytes are too many, at most {MAX_ENTITIES_BYTES} fit; let the route fetch them")
    _refuse_floats(value)
    return tuple(value)


def _limit(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"{value!r} is not a whole number above 0")
    return value


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def _refuse_floats(value: Any, place: str = "") -> None:
    """Airflow reads conf as binary floats, which have lost digits before we see them."""
    if isinstance(value, float):
        where = place or "the value"
        raise ValueError(f'{where} is a number with a fraction; write decimals as strings, such as "{value}"')
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        _refuse_floats(inner, f"{place}[{key}]" if isinstance(key, int) else f"{place}.{key}".lstrip("."))


def _like(default: Any) -> Callable[[Any], Any]:
    """A reader for a param of the route: the value has the type of the default, where that says something."""

    def reader(value: Any) -> Any:
        if isinstance(default, Decimal) and type(value) in (str, int):
            try:
                return Decimal(value)
            except InvalidOperation:
                raise ValueError(f"{value!r} is not a number") from None
        _refuse_floats(value)
        expected = Decimal if isinstance(default, Decimal) else object if default is None else type(default)
        if not isinstance(value, expected) or (isinstance(value, bool) and not isinstance(default, bool | None)):
            raise ValueError(f"{value!r} is not {_NAMES.get(expected, expected.__name__)}")
        return value

    return reader


_NAMES = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    Decimal: "a number",
    list: "a list",
    dict: "an object",
}


def _plain(value: Any) -> Any:
    """As JSON has it: decimals become texts."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _schema(default: Any) -> dict[str, Any]:
    if isinstance(default, bool):
        return {"type": "boolean"}
    if isinstance(default, int):
        return {"type": "integer"}
    if isinstance(default, Decimal):
        return {"type": ["string", "integer"], "pattern": r"^-?\d+(\.\d+)?$"}
    if isinstance(default, str):
        return {"type": "string"}
    if isinstance(default, list | tuple):
        return {"type": "array"}
    return {"type": "object"} if isinstance(default, Mapping) else {}
