"""How far completed runs have covered time without a gap, and where the earliest window starts that was missed."""

from __future__ import annotations

from datetime import datetime

import msgspec

from airflow_integrations.window import Window, rfc3339

__all__ = ["Mark"]


class Mark(msgspec.Struct, frozen=True):
    """Three columns of a route's row, RFC 3339 each; all None for a route of which no run has ended."""

    mark: str | None = None
    """The end of the last window that was completed without a gap."""
    covers_from: str | None = None
    """Completed runs cover all from here to ``mark``. None beside a mark: all before it, as far as anybody knows."""
    missed_from: str | None = None
    """Where the earliest window starts that was given to a run which did not complete it, and that is not covered."""

    def after(self, covered: Window | None, missed: datetime | None) -> Mark:
        """The mark once a run has completed the window ``covered``, or has not completed one that starts at ``missed``.

        A window behind a gap changes nothing. A missed window that starts within what is covered is covered too; one
        that starts before it is remembered, until a completed window reaches from there to what is covered.
        """
        end, start, earliest = (_moment(text) for text in (self.mark, self.covers_from, self.missed_from))
        if covered is not None and end is None:
            start, end = covered.start, covered.end
        elif covered is not None and end is not None and covered.start <= end:
            start = covered.start if start is not None and covered.start < start <= covered.end else start
            end = max(end, covered.end)
        if missed is not None and (end is None or (start is not None and missed < start)):
            earliest = missed if earliest is None else min(earliest, missed)
        if end is not None and start is not None and earliest is not None and start <= earliest:
            earliest = None
        return Mark(_text(end), _text(start), _text(earliest))

    def changes(self, now: Mark) -> dict[str, str | None]:
        """The columns, by name, in which ``now`` is another."""
        after, before = msgspec.structs.asdict(now), msgspec.structs.asdict(self)
        return {name: text for name, text in after.items() if text != before[name]}


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
