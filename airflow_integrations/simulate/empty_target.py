"""A target that has nothing yet and takes everything: an upsert that asks first is told so, and creates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from airflow_integrations.route.definition import Route
from airflow_integrations.simulate.recorded import Answered
from airflow_integrations.simulate.replay import Agree, Heard

__all__ = ["target_without_anything"]

_VARYING = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def target_without_anything(route: Route) -> Agree:
    """The answer to each request: 200, but for the question of an upsert what means there that nothing was found, and
    for a step what its ``result`` reads: its name in capitals.

    A kind whose answers say more has a function ``agrees``: of the configuration, the request's path and its body it
    makes the answer, as a recording writes it, or None.
    """
    agrees = getattr(route.outgoing.component(), "agrees", None)
    status = _status(route)
    if agrees is None:
        return status

    def answer(heard: Heard) -> int | Answered:
        made = agrees(route.outgoing.config, heard.path, heard.body)
        return status(heard) if made is None else Answered.model_validate(made)

    return answer


def _status(route: Route) -> Agree:
    described = getattr(route.outgoing.component(), "described", None)
    options = route.outgoing.config if described is None else described(route.outgoing.config, route)
    ways = [options, *(getattr(options, "steps", None) or ()), *(getattr(options, "choose", None) or ())]
    upserts = [_Upserted(way.upsert) for way in ways if getattr(way, "upsert", None) is not None]
    results = [found for way in ways for found in _results(way)]

    def answer(heard: Heard) -> int | Answered:
        status = next((status for status in [upsert(heard) for upsert in upserts] if status != 200), 200)
        made = next((body for request, body in results if request.fits(heard)), None) if status == 200 else None
        return status if made is None else Answered(status=200, body=made)

    return answer


def _results(way: Any) -> Iterator[tuple[_Described, Any]]:
    """The requests of a step whose result others read, and answers that have it."""
    if getattr(way, "result", None) is None:
        return
    body: Any = {}
    for path in sorted(way.result.fields, key=len):
        if path[0] == "body":
            body = _with(body, path[1:], str(way.name).upper())
    upsert = way.upsert
    writes = (way,) if upsert is None else (upsert.create, upsert.update)
    for write in writes:
        if write is not None:
            yield _Described(write), body


def _with(value: Any, path: tuple[str, ...], leaf: str) -> Any:
    if not path:
        return leaf
    if path[0] == "*":
        return [_with(value[0] if isinstance(value, list) and value else {}, path[1:], leaf)]
    known = value if isinstance(value, dict) else {}
    return {**known, path[0]: _with(known.get(path[0], {}), path[1:], leaf)}


class _Upserted:
    """Requests of one entity after the other: a question, then what is written."""

    def __init__(self, upsert: Any) -> None:
        self._find = _Described(upsert.find)
        self._writes = [_Described(write) for write in (upsert.create, upsert.update) if write is not None]
        self._nothing = upsert.find.not_found[0] if upsert.find.not_found else 204
        self._asked = False

    def __call__(self, heard: Heard) -> int:
        written = self._asked and any(write.fits(heard) for write in self._writes)
        self._asked = self._find.fits(heard) and not written
        return self._nothing if self._asked else 200


class _Described:
    """A request as the route writes it."""

    def __init__(self, request: Any) -> None:
        self._method = request.method
        fixed = (re.escape(part) for part in _VARYING.split(request.path.text))
        self._path = re.compile(".*".join(fixed), re.DOTALL)

    def fits(self, heard: Heard) -> bool:
        return heard.method == self._method and self._path.fullmatch(heard.path) is not None
