"""An acknowledgement as a record: what became of an interchange or a group, and the segments of CONTRL or 997.

The layouts are those of CONTRL D.3 (UCI, UCF, UCM, UCS) and of 997 (AK1, AK2, AK3, AK5, AK9).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from airflow_integrations.formats.edi.faults import EDIFACT_CODES, GROUP_CODES, SEGMENT_CODES, SET_CODES, Fault

__all__ = ["Answered", "Level", "acknowledged"]

CUT = 35
"""Characters that are kept of a reference or a name: no standard allows more."""
MAX_CODES = 5
"""That AK5 and AK9 have room for."""
_REJECTED, _ACKNOWLEDGED = "4", "7"


class Answered:
    """A message, and what is wrong with it."""

    __slots__ = ("fault", "fields", "listed")

    def __init__(self, fields: dict[str, Any], fault: Fault | None) -> None:
        self.fields, self.fault, self.listed = fields, fault, False

    def list_in(self, level: Level) -> None:
        """It is named in the acknowledgement: what is needed for that is kept until then."""
        if not self.listed:
            self.fields = {name: _short(self.fields.get(name)) for name in _OF_MESSAGE}
            self.listed = True
            level.messages.append(self)


_OF_MESSAGE = ("reference", "type", "version", "release", "agency", "association")


@dataclass(slots=True)
class Level:
    """An interchange or a group, with what came in it."""

    fields: dict[str, Any]
    segment: dict[str, str]
    faults: list[Fault] = field(default_factory=list)
    messages: list[Answered] = field(default_factory=list)
    """Those that are listed: all that are rejected, and some of the others."""
    groups: list[Level] = field(default_factory=list)
    received: int = 0
    accepted: int = 0
    received_in_groups: int = 0
    accepted_in_groups: int = 0
    unanswered: int = 0
    """Acknowledgements, which are not answered."""
    grouped: bool = False
    said: int | None = None

    @property
    def every_received(self) -> int:
        return self.received + self.received_in_groups

    @property
    def every_accepted(self) -> int:
        return self.accepted + self.accepted_in_groups

    @property
    def status(self) -> str:
        faulty = self.faults or any(group.faults for group in self.groups)
        if self.every_accepted == self.every_received and not faulty:
            return "accepted"
        return "partly accepted" if self.every_accepted else "rejected"


def acknowledged(standard: str, interchange: Level, group: Level | None) -> dict[str, Any] | None:
    """The record; None where nobody is to be answered."""
    level = interchange if group is None else group
    only_answers = level.unanswered > 0 and not level.every_received
    if only_answers or level.fields.get("type") == "FA" or not interchange.fields.get("sender"):
        return None
    of = interchange.fields
    levels = [level, *level.groups]
    return {
        "standard": standard,
        "status": level.status,
        "interchange": _all_short(of),
        "group": None if group is None else _all_short(group.fields),
        "received": level.every_received,
        "accepted": level.every_accepted,
        "faults": [_fault(each) for one in levels for each in one.faults[:MAX_CODES]],
        "messages": [_message(each) for one in levels for each in one.messages],
        "requested": interchange.segment.get("e9") == "1" if standard == "edifact" else None,
        "sender": _short(of.get("recipient")),
        "sender_qualifier": _short(of.get("recipient_qualifier")),
        "recipient": _short(of.get("sender")),
        "recipient_qualifier": _short(of.get("sender_qualifier")),
        "group_recipient": None if group is None else _short(group.fields.get("sender")),
        "segments": _contrl(interchange) if group is None else _functional(group),
    }


def _message(message: Answered) -> dict[str, Any]:
    fault = message.fault
    return {
        "reference": message.fields.get("reference"),
        "type": message.fields.get("type"),
        "status": "accepted" if fault is None else "rejected",
        "fault": None if fault is None else _fault(fault),
    }


def _fault(fault: Fault) -> dict[str, Any]:
    return {"what": fault.kind, "segment": fault.tag or None, "position": fault.position or None}


def _contrl(interchange: Level) -> list[list[Any]]:
    segment = interchange.segment
    found: list[list[Any]] = [
        [
            "UCI",
            _short(segment.get("e5")),
            _components(segment, "e2", 4),
            _components(segment, "e3", 4),
            *_action(interchange),
        ]
    ]
    for message in interchange.messages:
        found += _of_message(message)
    for group in interchange.groups:
        of = group.segment
        found.append(["UCF", _short(of.get("e5")), _components(of, "e2", 2), _components(of, "e3", 2), *_action(group)])
        for message in group.messages:
            found += _of_message(message)
    return found


def _action(level: Level) -> list[str]:
    """What was accepted of a level that has a fault stays acknowledged, so that it is not sent again; the fault is
    told."""
    if not level.faults:
        return [_ACKNOWLEDGED]
    fault = level.faults[0]
    action = _REJECTED if level.status == "rejected" else _ACKNOWLEDGED
    return [action, EDIFACT_CODES[fault.kind], *([fault.tag] if fault.tag else [])]


def _of_message(message: Answered) -> list[list[Any]]:
    fields, fault = message.fields, message.fault
    name = [fields.get(each) for each in ("type", "version", "release", "agency", "association")]
    head = ["UCM", fields.get("reference"), name]
    if fault is None:
        return [[*head, _ACKNOWLEDGED]]
    code = EDIFACT_CODES[fault.kind]
    if fault.position:
        return [[*head, _REJECTED], ["UCS", fault.position, code]]
    return [[*head, _REJECTED, code, *([fault.tag] if fault.tag else [])]]


def _functional(group: Level) -> list[list[Any]]:
    found: list[list[Any]] = [["AK1", _short(group.fields.get("type")), _short(group.fields.get("reference"))]]
    for message in group.messages:
        found.append(["AK2", message.fields.get("type"), message.fields.get("reference")])
        fault = message.fault
        if fault is None:
            found.append(["AK5", "A"])
            continue
        if fault.position and fault.tag and fault.kind in SEGMENT_CODES:
            found.append(["AK3", fault.tag, fault.position, None, SEGMENT_CODES[fault.kind]])
        found.append(["AK5", "R", SET_CODES.get(fault.kind, "5")])
    codes = list(dict.fromkeys(GROUP_CODES[each.kind] for each in group.faults if each.kind in GROUP_CODES))
    received = group.received + group.unanswered
    accepted = group.accepted + group.unanswered
    letter = {"accepted": "A", "rejected": "R"}.get(group.status) or ("E" if accepted == received else "P")
    said = received if group.said is None or group.said > 999_999 else group.said
    found.append(["AK9", letter, said, received, accepted, *codes[:MAX_CODES]])
    return found


def _components(segment: dict[str, str], name: str, most: int) -> list[str | None]:
    return [_short(segment.get(name if place == 1 else f"{name}_{place}")) for place in range(1, most + 1)]


def _all_short(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: _short(value) for name, value in fields.items()}


def _short(value: Any) -> Any:
    return value[:CUT] if isinstance(value, str) else value
