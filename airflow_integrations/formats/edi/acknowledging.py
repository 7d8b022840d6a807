"""Follow a reader through interchanges, and make of each what its sender is answered.

EDIFACT answers an interchange (CONTRL), X12 a functional group (997). Acknowledgements themselves are never answered.
"""

from __future__ import annotations

from typing import Any, Literal

from airflow_integrations.formats.edi.acknowledgement import Answered, Level, acknowledged
from airflow_integrations.formats.edi.faults import Fault

__all__ = ["Acknowledging"]

MAX_LISTED = 1000
"""Messages that were accepted, and groups without a fault, that one acknowledgement lists: bounds its size."""
_NEVER = frozenset({"CONTRL", "997", "999"})


class Acknowledging:
    """Of the interchanges of one file. The reader tells it what comes, in its order; whoever reads the file takes the
    acknowledgements of what is complete."""

    def __init__(self, standard: Literal["edifact", "x12"]) -> None:
        self._standard = standard
        self._interchange: Level | None = None
        self._group: Level | None = None
        self._complete: list[tuple[Level, Level | None]] = []
        self._fresh: list[tuple[Level, Answered]] = []
        """Messages that were accepted since the last :meth:`take`, each with the level that counts it."""

    # -- told by the reader

    def interchange(self, fields: dict[str, Any], segment: dict[str, str]) -> None:
        self._interchange, self._group = Level(fields, segment), None

    def group(self, fields: dict[str, Any], segment: dict[str, str]) -> None:
        self._group = Level(fields, segment)

    def message(self, fields: dict[str, Any], fault: Fault | None) -> None:
        level = self._level
        if level is None:
            return
        if fields.get("type") in _NEVER or level.fields.get("type") == "FA":
            level.unanswered += 1
            return
        one = Answered(fields, fault)
        level.received += 1
        if fault is None:
            level.accepted += 1
            self._fresh.append((level, one))
        if fault is not None or len(level.messages) < MAX_LISTED:
            one.list_in(level)

    def fault(self, part: Literal["group", "interchange"], fault: Fault) -> None:
        """Of a level that is open."""
        level = self._interchange if part == "interchange" else self._group
        if level is not None:
            level.faults.append(fault)

    def end_group(self, said: int | None = None) -> None:
        """``said``: how many messages it has, as its last segment says."""
        group, self._group = self._group, None
        if group is None or self._interchange is None:
            return
        group.said = said
        if self._standard == "x12":
            self._complete.append((self._interchange, group))
            return
        outer = self._interchange
        outer.unanswered += group.unanswered
        outer.grouped = True
        if group.faults or group.received > group.accepted or len(outer.groups) < MAX_LISTED:
            outer.groups.append(group)
        outer.received_in_groups += group.received
        outer.accepted_in_groups += group.accepted

    def end_interchange(self) -> None:
        self.end_group()
        interchange, self._interchange = self._interchange, None
        if interchange is not None and self._standard == "edifact":
            self._complete.append((interchange, None))

    @property
    def _level(self) -> Level | None:
        return self._interchange if self._group is None else self._group

    # -- asked by whoever reads the file

    def take(self) -> list[dict[str, Any]]:
        """The acknowledgements of what is complete. All messages until here were taken."""
        complete, self._complete, self._fresh = self._complete, [], []
        made = (acknowledged(self._standard, interchange, group) for interchange, group in complete)
        return [each for each in made if each is not None]

    def broken_off(self) -> list[dict[str, Any]]:
        """The file cannot be read further: nothing since the last :meth:`take` was taken, and what is open is answered
        as far as it came."""
        for level, message in self._fresh:
            level.accepted -= 1
            message.fault = Fault("unreadable")
            message.list_in(level)
        self._fresh = []
        self.fault("group", Fault("unreadable"))
        self.fault("interchange", Fault("unreadable"))
        self.end_interchange()
        return self.take()
