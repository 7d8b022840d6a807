"""Mistakes in ``steps`` and ``choose`` that show only together, or with the rest of the route."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from airflow_integrations.outgoing.http.options import HttpOptions
from airflow_integrations.outgoing.http.steps.options import Choice, Step, label_of
from airflow_integrations.outgoing.http.steps.way import completed, doubt_policy
from airflow_integrations.route.definition import Route

__all__ = ["lookup_names", "mistakes_in_steps"]

_NO_FOUND_ID = (
    "{reader} has no answer to a write where the target already has it, so that `result` would have nothing to read; "
    "write {option} with an id, such as id: {example}"
)
_NO_VERIFY = (
    "delivery.in_doubt: verify asks the target, and nothing says how for this request; write verify: {path: …}, "
    "or leave in_doubt out: then each request is judged by itself"
)
_VERIFY_UNASKED = "verify is never asked: {why}; take it out"
_ONLY_THE_LAST_WAITS = (
    "only the last step may wait for the target's decision, and none with each: those behind it would go out before it"
)
_ALWAYS_TAKEN = "without `when` it is always taken, and those behind it never; write when, or put it last"

Mistakes = Iterator[tuple[tuple[int | str, ...], str]]


def mistakes_in_steps(options: HttpOptions, route: Route) -> Mistakes:
    """Places below the configuration, with what is wrong there."""
    part = "steps" if options.steps is not None else "choose"
    ways: Sequence[Step | Choice] = options.steps or options.choose or ()
    seen: set[str] = set()
    for at, way in enumerate(ways):
        label = label_of(way)
        if label in seen:
            yield (part, at), f"an earlier one is called {label!r}, too; give each a name of its own"
        seen.add(label)
        yield from _of_doubt((part, at), way, options, route)
    if options.steps is not None:
        yield from _of_names(options.steps, route)
        for at, step in enumerate(options.steps):
            yield from _of_result(("steps", at), step)
            if step.waiting_when is not None and (at < len(options.steps) - 1 or step.each is not None):
                yield (
                    ("steps", at, "waiting_when"),
                    _ONLY_THE_LAST_WAITS,
                )
    for at, way in enumerate((options.choose or ())[:-1]):
        if way.when is None:
            yield (
                ("choose", at),
                "without `when` it is always taken, and those behind it never; write when, or put it last",
            )


def lookup_names(route: Route) -> set[str]:
    """What the route's lookups are called."""
    return {str(getattr(stage.config, "name", "")) for stage in route.transform if stage.kind == "lookup"}


def _of_names(steps: Sequence[Step], route: Route) -> Mistakes:
    taken = {route.entity.name: "the entity", **dict.fromkeys(lookup_names(route), "a lookup")}
    for at, step in enumerate(steps):
        if step.name in taken:
            yield ("steps", at, "name"), f"{step.name!r} is {taken[step.name]} already; call the step something else"


def _of_result(place: tuple[int | str, ...], step: Step) -> Mistakes:
    if step.result is None:
        return
    if step.name is None:
        yield (*place, "result"), "later steps read a result by the step's name, and it has none; write name"
    if step.upsert is not None and step.upsert.update is None and step.upsert.find.id is None:
        told = _NO_FOUND_ID.format(reader="an upsert without update", option="find", example="target.id")
        yield (*place, "upsert", "find"), told
    if step.verify is not None and step.verify.id is None:
        told = _NO_FOUND_ID.format(reader="verify", option="verify", example="body.items[0].id")
        yield (*place, "verify"), told


def _of_doubt(place: tuple[int | str, ...], way: Step | Choice, options: HttpOptions, route: Route) -> Mistakes:
    asked, whole = route.delivery.in_doubt, completed(way, options)
    policy = doubt_policy(whole, asked)
    if asked == "verify" and policy == "hold":
        yield place, _NO_VERIFY
    if way.verify is not None and policy != "verify":
        why = f"delivery.in_doubt is {asked}" if asked else "sending this request twice does no harm"
        yield (*place, "verify"), _VERIFY_UNASKED.format(why=why)
