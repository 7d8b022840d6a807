"""An interchange to its messages, as it arrives: what EDIFACT and X12 have in common."""

from __future__ import annotations

import codecs
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_integrations.formats import BadRecord, ContentError, bad_record
from airflow_integrations.formats.edi.faults import Fault
from airflow_integrations.formats.edi.grouping import Grouping
from airflow_integrations.formats.edi.options import EdiOptions
from airflow_integrations.formats.edi.segments import SegmentError, Separators, values

if TYPE_CHECKING:
    from airflow_integrations.formats.edi.acknowledging import Acknowledging

__all__ = ["EdiReader", "Envelope"]

MAX_SEGMENT = 1024 * 1024
"""Bytes of one segment: a terminator that never comes is noticed before it fills the memory."""
MAX_MESSAGE = 16 * 1024 * 1024
"""Bytes of one message."""
_BLANK = b" \t\r\n\x1a\0"
_SHOWN = 300


class Envelope:
    """An interchange or a group of messages that is open."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields
        self.reference: str = fields.get("reference") or ""
        self.messages = self.groups = 0


class _Message:
    def __init__(self, fields: dict[str, Any], number: int, raw: bytes) -> None:
        self.fields, self.first = fields, number
        self.segments: list[dict[str, str]] = []
        self.raw, self.size, self.count = [raw], len(raw), 1
        self.fault = ""
        self.why: Fault | None = None

    def spoil(self, fault: str, why: Fault) -> None:
        """The first fault counts."""
        if not self.fault:
            self.fault, self.why = fault, why

    def keep(self, raw: bytes) -> None:
        self.size += len(raw) + 1
        self.count += 1
        if self.size <= MAX_MESSAGE:
            self.raw.append(raw)
        elif not self.fault or self.segments:
            self.fault, self.why, self.segments = f"it has over {MAX_MESSAGE:,} bytes", Fault("unreadable"), []


class EdiReader(ABC):
    """A message that is bad is rejected alone. What is wrong with an interchange as a whole is one more BadRecord."""

    MESSAGE: ClassVar[tuple[str, str]]
    """The tags that begin and end a message."""
    GROUP: ClassVar[tuple[str, str]]
    INTERCHANGE: ClassVar[tuple[str, str]]
    COUNTS_GROUPS: ClassVar[bool]
    """Whether an interchange counts its groups even where it has none."""

    def __init__(
        self,
        options: EdiOptions,
        *,
        encoding: str | None = None,
        rejects: bool = False,
        answers: Acknowledging | None = None,
    ) -> None:
        """``encoding`` counts more than what the interchange says. ``answers`` hears what comes, and what is wrong
        with it."""
        self._options, self._rejects = options, rejects
        self._given, self._answers = encoding, answers
        self._encoding = "utf-8"
        self._grouping = Grouping(options.groups)
        self._checks = options.control == "check"
        self._held: list[bytes] = []
        self._size = 0
        self._separators: Separators | None = None
        self._terminator = self._release = b""
        self._number = 0
        """Segments so far."""
        self._interchange: Envelope | None = None
        self._group: Envelope | None = None
        self._message: _Message | None = None
        self._dead = False
        """Whether the rest cannot be read."""
        self._found: list[Any] = []

    # -- of the dialects

    @abstractmethod
    def _begin(self, data: bytes, at: int, last: bool) -> int | None:
        """Learn the separators, and give the place behind what names them; None: more is needed. Raises
        ContentError."""

    @abstractmethod
    def _opened(self, segment: dict[str, str], part: str) -> dict[str, Any]:
        """The fields of an ``interchange``, ``group`` or ``message`` that begins."""

    def _composite(self, tag: str) -> bool:
        return True

    # -- bytes to segments

    def feed(self, chunk: bytes) -> list[Any]:
        self._held.append(chunk)
        self._size += len(chunk)
        if self._dead:
            self._held, self._size = [], 0
        elif self._separators is None or self._terminator in chunk or self._size > MAX_SEGMENT:
            self._cut(last=False)
        return self._given_out()

    def finish(self) -> list[Any]:
        if not self._dead:
            self._cut(last=True)
        rest = b"".join(self._held).strip(_BLANK)
        if not self._dead and (rest or self._interchange is not None):
            where = "" if self._interchange is None else f" of interchange {self._interchange.reference!r}"
            if self._message is not None:
                where = f" of message {self._message.fields['reference']!r}{where}"
            end = self.INTERCHANGE[1]
            self._close_message(f"the content ends without its {self.MESSAGE[1]}", Fault("no_end", self.MESSAGE[1]))
            self._note("group", Fault("no_end", self.GROUP[1]))
            self._note("interchange", Fault("no_end", end))
            self._ended()
            self._tell(f"the content ends in the middle{where}, without {end}; is the file complete?", rest)
        elif not self._dead and not self._number:
            self._tell(f"the content is empty; there is no {self.INTERCHANGE[0]}", b"")
        return self._given_out()

    def _given_out(self) -> list[Any]:
        found, self._found = self._found, []
        return found

    def _cut(self, *, last: bool) -> None:
        data = b"".join(self._held)
        at = 0
        try:
            while not self._dead:
                while at < len(data) and data[at] in _BLANK:
                    at += 1
                if at == len(data):
                    break
                if self._separators is None:
                    behind = self._begin(data, at, last)
                    if behind is None:
                        break
                    at = behind
                    continue
                end = self._end(data, at)
                if end is None:
                    break
                self._number += 1
                self._take(data[at:end])
                at = end + 1
            if len(data) - at > MAX_SEGMENT:
                raise ContentError(f"a segment has over {MAX_SEGMENT:,} bytes; is its terminator another one?")
        except _Unreadable as error:
            self._stop(str(error), data[at : at + _SHOWN])
            at = len(data)
        except ContentError as error:
            self._stop(f"segment {self._number + 1}: {error}", data[at : at + _SHOWN])
            at = len(data)
        self._held, self._size = [data[at:]], len(data) - at

    def _end(self, data: bytes, start: int) -> int | None:
        """Where the segment ends; a terminator behind an odd number of release characters does not end it."""
        at = start
        while (end := data.find(self._terminator, at)) >= 0:
            before = end
            if self._release:
                while before > start and data[before - 1 : before] == self._release:
                    before -= 1
            if (end - before) % 2 == 0:
                return end
            at = end + 1
        return None

    def _use(self, separators: Separators) -> None:
        self._separators = separators
        self._terminator = separators.terminator.encode("latin-1")
        self._release = (separators.release or "").encode("latin-1")

    # -- segments to messages

    def _take(self, raw: bytes) -> None:
        assert self._separators is not None
        tag = raw[:3].decode("latin-1").rstrip(self._separators.element + self._separators.component)
        if self._interchange is None and tag != self.INTERCHANGE[0]:
            raise _Unreadable(
                f"segment {self._number}: {self.INTERCHANGE[0]} should be here, and {tag!r} came; the rest was not read"
            )
        envelope = (*self.INTERCHANGE, *self.GROUP, *self.MESSAGE)
        try:
            segment = values(self._text(raw), self._separators, composite=self._composite(tag))
        except ContentError as error:
            if tag == self.INTERCHANGE[0]:
                raise _Unreadable(f"segment {self._number}: {error}") from None
            if self._message is not None and tag not in envelope:
                self._message.keep(raw)
                kind = error.kind if isinstance(error, SegmentError) else "unreadable"
                why = Fault(kind, tag if tag.isascii() and tag.isalnum() else "", self._message.count)
                self._message.spoil(f"segment {self._number}: {error}", why)
                return
            self._tell(f"segment {self._number}: {error}", raw)
            segment = {"tag": tag}
        if tag not in envelope and self._message is not None:
            self._message.keep(raw)
            if not self._message.fault:
                self._message.segments.append(segment)
            return
        self._envelope(tag, segment, raw)

    def _envelope(self, tag: str, segment: dict[str, str], raw: bytes) -> None:
        if tag == self.MESSAGE[1] and self._message is not None:
            self._end_message(segment, raw)
            return
        self._close_message(f"it ends without {self.MESSAGE[1]}: {tag!r} came", Fault("no_end", self.MESSAGE[1]))
        if tag == self.MESSAGE[0]:
            for each in (self._interchange, self._group):
                if each is not None:
                    each.messages += 1
            self._message = _Message(self._opened(segment, "message"), self._number, raw)
        elif tag == self.GROUP[0]:
            self._close_group(None, raw)
            assert self._interchange is not None
            self._interchange.groups += 1
            self._group = Envelope(self._opened(segment, "group"))
            if self._answers is not None:
                self._answers.group(self._group.fields, segment)
        elif tag == self.GROUP[1]:
            self._close_group(segment, raw)
        elif tag == self.INTERCHANGE[1]:
            self._close_group(None, raw)
            self._close_interchange(segment, raw)
        elif tag == self.INTERCHANGE[0] and self._interchange is None:
            self._interchange = Envelope(self._opened(segment, "interchange"))
            if self._answers is not None:
                self._answers.interchange(self._interchange.fields, segment)
        else:
            self._outside(tag, segment, raw)

    def _outside(self, tag: str, segment: dict[str, str], raw: bytes) -> None:
        if tag == self.INTERCHANGE[0]:
            raise _Unreadable(f"segment {self._number}: an interchange begins before the one before it has ended")
        self._note("interchange", Fault("outside", tag if tag.isascii() and tag.isalnum() else ""))
        self._tell(f"segment {self._number}: {tag!r} came outside of a message", raw)

    def _end_message(self, segment: dict[str, str], raw: bytes) -> None:
        message = self._message
        assert message is not None
        message.keep(raw)
        if self._checks and not message.fault:
            reference = message.fields["reference"]
            end = self.MESSAGE[1]
            if _number(segment.get("e1")) != message.count:
                said = f"{end} says {segment.get('e1')} segments, and it has {message.count}"
                message.spoil(said, Fault("count", end))
            elif (segment.get("e2") or "") != reference:
                message.spoil(f"{end} names {segment.get('e2')!r}, and it is {reference!r}", Fault("reference", end))
        self._close_message()

    def _close_message(self, fault: str = "", why: Fault | None = None) -> None:
        message, self._message = self._message, None
        if message is None:
            return
        if fault and why is not None:
            message.spoil(fault, why)
        fault = message.fault
        if self._answers is not None:
            self._answers.message(message.fields, message.why)
        if not fault:
            self._found.append(self._record(message.fields, message.segments))
            return
        assert self._interchange is not None
        place = f"message {message.fields['reference']!r} of interchange {self._interchange.reference!r}"
        where = f"segments {message.first} to {self._number}"
        self._tell(f"{place} ({where}): {fault}", (self._terminator + b"\n").join(message.raw))

    def _record(self, fields: dict[str, Any], segments: list[dict[str, str]]) -> dict[str, Any]:
        assert self._interchange is not None
        group = None if self._group is None else self._group.fields
        levels = self._grouping.grouped(segments)
        return {"interchange": self._interchange.fields, "group": group, "message": fields, **levels}

    def _close_group(self, segment: dict[str, str] | None, raw: bytes) -> None:
        group, self._group = self._group, None
        if group is None:
            if segment is not None:
                self._tell(f"segment {self._number}: {self.GROUP[1]} ends a group that has not begun", raw)
            return
        told: list[str] = []
        if segment is None:
            self._note("group", Fault("no_end", self.GROUP[1]))
            told = [f"group {group.reference!r} ends without {self.GROUP[1]}"]
        else:
            told = self._compared(segment, group, group.messages, "group", "messages")
        if self._answers is not None:
            self._answers.end_group(None if segment is None else _number(segment.get("e1")))
        self._tell_all(told, raw)

    def _close_interchange(self, segment: dict[str, str], raw: bytes) -> None:
        interchange, self._interchange = self._interchange, None
        assert interchange is not None
        by_group = self.COUNTS_GROUPS or interchange.groups > 0
        count, what = (interchange.groups, "groups") if by_group else (interchange.messages, "messages")
        told = self._compared(segment, interchange, count, "interchange", what)
        self._separators = None
        self._ended()
        self._tell_all(told, raw)

    def _compared(
        self, segment: dict[str, str], envelope: Envelope, count: int, part: Literal["group", "interchange"], what: str
    ) -> list[str]:
        """What the segment that ends a group or an interchange says otherwise than what came."""
        if not self._checks:
            return []
        tag = (self.GROUP if part == "group" else self.INTERCHANGE)[1]
        told, name, found = segment.get("e1"), segment.get("e2") or "", []
        if _number(told) != count:
            self._note(part, Fault("count", tag))
            found.append(f"{tag} says {told} {what}, and {count} came")
        if name != envelope.reference:
            self._note(part, Fault("reference", tag))
            found.append(f"{tag} names {name!r}, and it is {envelope.reference!r}")
        return found

    def _note(self, part: Literal["group", "interchange"], fault: Fault) -> None:
        if self._answers is not None:
            self._answers.fault(part, fault)

    def _ended(self) -> None:
        if self._answers is not None:
            self._answers.end_interchange()

    # -- text, and what is wrong

    def _text(self, raw: bytes) -> str:
        try:
            return raw.translate(None, b"\r\n").decode(self._given or self._encoding)
        except UnicodeError:
            shown = raw[:60].decode("ascii", "backslashreplace")
            raise SegmentError(
                f"{shown!r} is not text in {self._given or self._encoding}; if it is written in another encoding, say "
                "encoding: cp1252 (or whichever it is)",
                "characters",
            ) from None

    def _stop(self, why: str, raw: bytes) -> None:
        self._close_message("the rest of it cannot be read", Fault("unreadable"))
        self._dead = True
        self._note("group", Fault("no_end", self.GROUP[1]))
        self._note("interchange", Fault("unreadable"))
        self._ended()
        self._tell(why, raw)

    def _tell(self, why: str, raw: bytes) -> None:
        if not self._rejects:
            raise ContentError(why)
        self._found.append(self._bad(why, raw))

    def _tell_all(self, told: list[str], raw: bytes) -> None:
        for each in told:
            self._tell(f"segment {self._number}: {each}", raw)

    def _bad(self, why: str, raw: bytes) -> BadRecord:
        return bad_record(why, raw.decode(codecs.lookup(self._given or self._encoding).name, "backslashreplace"))


class _Unreadable(Exception):
    """Nothing behind this place can be read."""


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 19 else None
