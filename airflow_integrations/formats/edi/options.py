"""How EDIFACT and X12 are read."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from airflow_integrations.config.model import Model

__all__ = ["EdiGroup", "EdiOptions", "Tag"]

Tag = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{1,2}$")]
_RESERVED = frozenset({"interchange", "group", "message", "segments"})


class EdiGroup(Model):
    """Segments that belong together, such as an order's line. X12 calls it a loop.

    Example: ``{name: lines, start: LIN, until: [UNS]}``
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z]\w*$", max_length=100)]
    """The field with the list of these groups.

    Example: ``name: lines``
    Since: 0.2
    """
    start: Tag
    """The segment that begins one.

    Example: ``start: LIN``
    Since: 0.2
    """
    until: Annotated[tuple[Tag, ...], Field(max_length=200)] = ()
    """Segments that are behind the group. A segment that begins another group ends it, too, unless that group is
    inside of it.

    Example: ``until: [UNS]``
    Since: 0.2
    """
    inside: Annotated[str, Field(pattern=r"^[A-Za-z]\w*$", max_length=100)] | None = None
    """The group in which it is. Left out: the message.

    Example: ``inside: lines``
    Since: 0.2
    """


class EdiOptions(Model):
    """How EDIFACT or X12 becomes values.

    Example:
        groups:
          - {name: parties, start: NAD}
          - {name: lines, start: LIN, until: [UNS]}
    """

    groups: Annotated[tuple[EdiGroup, ...], Field(max_length=500)] = ()
    """Groups of segments that become objects of their own. Left out: the message has one list of segments.

    Example: ``groups: [{name: lines, start: LIN, until: [UNS]}]``
    Since: 0.2
    """
    control: Literal["check", "ignore"] = "check"
    """Whether the counts and references in the segments that end messages, groups and interchanges are compared with
    what came.

    Example: ``control: ignore``
    Since: 0.2
    """

    @model_validator(mode="after")
    def _nested(self) -> Self:
        above: dict[str, str | None] = {}
        for group in self.groups:
            if group.name in _RESERVED:
                raise ValueError(f"a group cannot be called {group.name!r}: records have a field of that name")
            if group.name in above and above[group.name] == group.inside:
                raise ValueError(f"two groups are called {group.name!r}")
            above[group.name] = group.inside
        return self
