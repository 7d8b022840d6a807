"""Messages to an interchange, with its counts and references."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import IO, Any

from airflow_integrations.errors import EntityError
from airflow_integrations.formats.edi.edifact import ENCODINGS, STANDARD
from airflow_integrations.formats.edi.output import EdifactOutput, X12Output
from airflow_integrations.formats.edi.segments import Separators, flat, segment_text
from airflow_integrations.formats.writing import Record
from airflow_integrations.formats.writing.cells import encoded_text, object_of
from airflow_integrations.formats.writing.control import Control

__all__ = ["EdifactWriter", "X12Writer"]

_ENDS = {"none": "", "lf": "\n", "crlf": "\r\n"}
_ENVELOPE = frozenset({"UNA", "UNB", "UNG", "UNH", "UNT", "UNE", "UNZ", "ISA", "GS", "ST", "SE", "GE", "IEA"})
_REPEATS_FROM = "00402"


class _Writer(ABC):
    """Each message is written with the segments that begin and end it; :meth:`head` comes before the first one."""

    def __init__(self, out: IO[bytes], separators: Separators, line_end: str, encoding: str, control: Control) -> None:
        self._out, self._separators, self._encoding = out, separators, encoding
        self._end = separators.terminator + _ENDS[line_end]
        self._control = control
        self._moment = datetime.fromtimestamp(control.at, UTC)
        self._count = 0
        self._recipient = ""

    @abstractmethod
    def head(self) -> str:
        """The segments before the first message."""

    @abstractmethod
    def tail(self) -> str:
        """The segments behind the last message."""

    @abstractmethod
    def begin(self, number: int) -> str:
        """The first segment of a message."""

    @abstractmethod
    def end(self, number: int, segments: int) -> str:
        """The last segment of a message, with the number of its segments."""

    def add(self, record: Record) -> None:
        value = object_of(record.value, "a message")
        number = self._count + 1
        segments = flat(value.get("segments"))
        if not segments:
            raise EntityError("a message has at least one segment", field="segments")
        if (sender := answered_sender(value, segments[0])) not in (None, self._recipient):
            raise EntityError(
                f"it answers an interchange of {str(sender)[:40]!r}, and this file goes to {self._recipient!r}: take "
                "it out with a filter, or leave recipient out and write per: entity, so that each goes to its own",
                field="segments",
            )
        texts = []
        for place, segment in enumerate(segments):
            field = f"segments[{place}]"
            text = segment_text(segment, self._separators, field)
            if text.partition(self._separators.element)[0] in _ENVELOPE:
                raise EntityError("the route writes this segment itself; leave it out", field=field)
            texts.append(text)
        lines = [self.begin(number), *texts, self.end(number, len(texts) + 2)]
        written = ("" if self._count else self.head()) + "".join(line + self._end for line in lines)
        self._out.write(encoded_text(written, self._encoding, begun=bool(self._count)))
        self._count = number

    def finish(self) -> None:
        written = ("" if self._count else self.head()) + self.tail()
        self._out.write(encoded_text(written, self._encoding, begun=bool(self._count)))

    def _line(self, *elements: Any) -> str:
        return segment_text(list(elements), self._separators, "edi")


def answered_sender(value: dict[str, Any], first: Any) -> Any:
    """Whose interchange a message answers, whose first segment is given: none else must get it. None: it answers none,
    or does not say so."""
    if isinstance(first, dict):
        tag, sender = first.get("tag"), first.get("e2")
    else:
        tag, sender = first[0], first[2] if len(first) > 2 else None
        sender = sender[0] if isinstance(sender, list) and sender else sender
    if tag == "UCI":
        return sender
    interchange = value.get("interchange")
    return interchange.get("sender") if tag == "AK1" and isinstance(interchange, dict) else None


class EdifactWriter(_Writer):
    """See :class:`EdifactOutput`."""

    def __init__(self, out: IO[bytes], options: EdifactOutput, control: Control) -> None:
        self._options = options
        separators = STANDARD._replace(repeat="*" if options.syntax_version == "4" else None)
        super().__init__(out, separators, options.line_end, ENCODINGS[options.syntax], control)
        self._recipient = options.recipient or ""

    def head(self) -> str:
        options, made = self._options, self._moment
        day = made.strftime("%Y%m%d" if options.syntax_version == "4" else "%y%m%d")
        line = self._line(
            "UNB",
            [options.syntax, options.syntax_version],
            [options.sender, options.sender_qualifier],
            [options.recipient, options.recipient_qualifier],
            [day, made.strftime("%H%M")],
            str(self._control.number),
            None,
            options.application,
            None,
            None,
            None,
            "1" if options.test else None,
        )
        una = f"UNA:+.?{self._separators.repeat or ' '}'"
        return una + self._end[1:] + line + self._end

    def begin(self, number: int) -> str:
        said = self._options.message
        return self._line("UNH", str(number), [said.type, said.version, said.release, said.agency, said.association])

    def end(self, number: int, segments: int) -> str:
        return self._line("UNT", segments, str(number))

    def tail(self) -> str:
        return self._line("UNZ", self._count, str(self._control.number)) + self._end


class X12Writer(_Writer):
    """See :class:`X12Output`."""

    def __init__(self, out: IO[bytes], options: X12Output, control: Control) -> None:
        self._options = options
        self._repeats = options.version[:5] >= _REPEATS_FROM
        repeat = options.repeat if self._repeats else None
        separators = Separators(options.component, options.element, options.terminator, None, repeat)
        super().__init__(out, separators, options.line_end, options.encoding, control)
        self._recipient = options.recipient or ""

    def head(self) -> str:
        options, made = self._options, self._moment
        isa = [
            "ISA", "00", " " * 10, "00", " " * 10,
            options.sender_qualifier, options.sender.ljust(15),
            options.recipient_qualifier, self._recipient.ljust(15),
            made.strftime("%y%m%d"), made.strftime("%H%M"),
            options.repeat if self._repeats else "U", options.version[:5],
            f"{self._control.number:09d}", "1" if options.acknowledgement else "0",
            "T" if options.test else "P", options.component,
        ]  # fmt: skip
        group = self._line(
            "GS", options.group, options.group_sender or options.sender, options.group_recipient or self._recipient,
            made.strftime("%Y%m%d"), made.strftime("%H%M"), self._control.number, "X", options.version,
        )  # fmt: skip
        return options.element.join(isa) + self._end + group + self._end

    def begin(self, number: int) -> str:
        return self._line("ST", self._options.type, f"{number:04d}")

    def end(self, number: int, segments: int) -> str:
        return self._line("SE", segments, f"{number:04d}")

    def tail(self) -> str:
        number = self._control.number
        group = self._line("GE", self._count, number)
        return group + self._end + self._line("IEA", 1, f"{number:09d}") + self._end
