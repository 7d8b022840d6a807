"""``entity.group``: a source gives lines, and several of them are one entity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from airflow_integrations.config.model import Model

if TYPE_CHECKING:
    from airflow_integrations.route.definition import Route

__all__ = ["GroupOptions", "group_mistakes"]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


FieldName = Annotated[str, Field(min_length=1, max_length=200)]


class GroupOptions(Model):
    """Lines become entities: those whose fields in ``by`` are equal are one.

    Example:
        by: order_no
        same: [customer, order_date]
    """

    by: Annotated[tuple[FieldName, ...], BeforeValidator(_listed), Field(min_length=1, max_length=10)]
    """The field that says to which entity a line belongs, or several of them. The entity has them, too. The names are
    those of the source, such as the columns of a CSV file.

    Example: ``by: [shop, order_no]``
    """
    same: tuple[FieldName, ...] = ()
    """Fields that have one value in all lines of an entity: the entity has them once. An entity whose lines differ in
    one of them is rejected.

    Example: ``same: [customer, order_date]``
    """
    lines: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=60)] = "lines"
    """The field of the entity that has its lines, whole and in the order in which they came.

    Example: ``lines: positions``
    """
    fill: tuple[FieldName, ...] = ()
    """Fields that are only written in the first line of an entity: where a line has nothing in one of them, it has what
    the line before it had.

    Example: ``fill: [order_no, customer]``
    """

    @model_validator(mode="after")
    def _of_their_own(self) -> Self:
        for option in ("by", "same", "fill"):
            names = getattr(self, option)
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{option} names {', '.join(twice)} twice")
        if both := sorted(set(self.by) & set(self.same)):
            raise ValueError(f"{', '.join(both)} is in by: the entity has it already; leave it out of same")
        if self.lines in (*self.by, *self.same):
            raise ValueError(f"{self.lines} is a field of the entity already; give its lines another name")
        return self


def group_mistakes(route: Route) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where the lines of an entity would not all come in one fetch, and each once; and what no entity has."""
    group = route.entity.group
    if group is None:
        return
    place = ("entity", "group")
    for option in ("by", "same", "fill"):
        for name in getattr(group, option):
            first, _, rest = name.partition(".")
            if first == route.entity.name and rest:
                yield (*place, option), f"names of fields begin below {first}; did you mean {rest}?"
    has = (*group.by, *group.same, group.lines)
    for option, expression in (("key", route.entity.key), ("version", route.entity.version)):
        for path in sorted(expression.fields if expression is not None else ()):
            if path[0] in (route.entity.name, "source") and len(path) > 1 and path[1] not in (*has, "*"):
                yield (
                    ("entity", option),
                    (
                        f"{path[0]} has no field {path[1]!r}: entity.group gives it {', '.join(has)}; name the field "
                        f"in entity.group.same, or read the lines: [line.{path[1]} for line in {path[0]}.{group.lines}]"
                    ),
                )
    config, kind = route.incoming.config, route.incoming.kind
    if kind in ("none", "route"):
        yield place, f"makes entities of what a source gives; incoming {kind} asks no source"
    trigger = route.trigger
    if trigger is not None and (trigger.webhook is not None or trigger.listen is not None):
        yield place, "an event brings no lines of a source; give the events a route of their own"
    if getattr(config, "cursor", None) is not None:
        yield (
            place,
            (
                "incoming has a cursor, which gives the lines that have changed and not all lines of an entity; "
                "ask for all lines of the entities that have changed, or leave cursor out"
            ),
        )
    if getattr(config, "details", None) is not None:
        yield place, "details asks for the whole of each record; leave details out, or group"
    if getattr(getattr(config, "pagination", None), "by_position", False):
        yield (
            place,
            (
                "a source that is paged by position may give a line twice or not at all while it changes; use a style "
                "that goes on from a value or a token: cursor, keyset, link"
            ),
        )
