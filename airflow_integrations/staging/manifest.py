"""The manifest of a stage: what it has done, and which segments it left."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

__all__ = ["Manifest", "PagesSeen", "Piece", "ReadWhat", "Reads", "SegmentRef", "SourcePiece", "StagingStage"]

StagingStage = Literal["fetch", "transform", "share", "push"]


ReadWhat = Literal["records", "acknowledgements"]
"""What a route reads of another one."""


class SegmentRef(msgspec.Struct, frozen=True):
    """One segment: its file's name in the run's folder, how many lines it has and their uncompressed bytes."""

    name: str
    entities: int
    bytes: int


class Piece(msgspec.Struct, frozen=True):
    """A segment of fetched records, as routes that read them need to know it."""

    segment: SegmentRef
    version: str
    """What records have that have no version of their own: when their fetch began, in microseconds."""
    first: int
    """How many records of that fetch come before it."""


class Reads(msgspec.Struct, frozen=True):
    """Which fetches, or acknowledgements, of another route a run reads: those with a number above ``after``, and up to
    ``upto``."""

    source: str
    after: int
    upto: int
    what: ReadWhat = "records"


class SourcePiece(msgspec.Struct, frozen=True, array_like=True):
    """A piece of the source, such as a file, of which a fetch has staged everything."""

    name: str
    """What identifies it: another content has another name."""
    intact: bool = True
    """Whether all of it could be read."""


class PagesSeen(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What the pages that were read have shown of a cursor's values; each value is its kind and its text."""

    known: str | None
    """The greatest that was known before the first request."""
    began: float
    """Before the first request, in seconds since the epoch."""
    pages: int = 0
    first: tuple[str, str] | None = None
    """The greatest of the first page."""
    top: tuple[str, str] | None = None
    """The greatest of all."""
    grows: bool = True
    """Whether none was below one that came before it."""
    grown: tuple[str, str] | None = None
    """The greatest of all pages but the last one, of the first attempt."""
    old: tuple[str, str] | None = None
    """The greatest time that is surely older than the first request."""
    limit: datetime | None = None
    """Times up to here surely are; without a zone where they have none."""
    newer: list[tuple[str, str]] = []
    """Times of which that may turn out yet."""


class Manifest(msgspec.Struct, kw_only=True):
    """What a stage has done: written after its segments, read by the next stage."""

    route: str
    run_id: str
    stage: StagingStage
    route_hash: str
    """``data_hash`` of the route that the stage worked by."""
    window: tuple[str, str]
    path: str = ""
    complete: bool = False
    """False while the stage is under way: then it says from where a retry goes on."""
    entities: int = 0
    """How many go on to the next stage."""
    counts: dict[str, int] = {}
    part: int = 0
    """share, push: which part of it, where it is spread over several tasks. fetch: which partition, from 1, where that
    is fetched by itself."""
    partitions: int = 0
    """fetch: how many partitions are fetched by themselves, each with a manifest of its own. The next stage puts what
    they have together; then this one is complete."""
    fetch_tasks: int = 0
    """fetch: how many tasks fetch them. Of four the first one fetches the partitions 1, 5, 9, …"""
    parts: list[int] = []
    """transform: how many entities each part of push has, those taken over included; where there are ``shares``, those
    alone. Empty: push is not divided."""
    shares: list[int] = []
    """transform: how many of the fetched entities each part's task takes through transform itself. Empty: transform has
    done so for all."""
    passed: list[int] = []
    """transform: how many entities came out of each of its steps."""
    segments: list[SegmentRef] = []
    problems: list[SegmentRef] = []
    filtered: list[SegmentRef] = []
    """transform: entities that a step left out, in the lines of problems."""
    carried: list[SegmentRef] = []
    """fetch: entities taken over from earlier runs, in transform's lines; push sends them after the run's own."""
    retried: list[SegmentRef] = []
    """fetch: those of ``segments`` that were taken over: rejected entities that go through transform again."""
    held: list[SegmentRef] = []
    """fetch: payloads that the run had staged before it began anew, of open entities that it did not take over, such as
    those in doubt. The run itself does not send them."""
    taken: bool = False
    """fetch: whether it has taken over what was due. Where it starts over, that stays."""
    events: int = 0
    """fetch: how many events of the inbox it has taken."""
    reads: Reads | None = None
    """fetch: which fetches of another route its records come from."""
    earlier: list[Piece] = []
    """fetch: what the run had fetched before it began anew, as long as another route has yet to read it."""
    number: int | None = None
    """fetch: what :attr:`earlier` is known as to those routes."""
    staged_events: list[int] | None = None
    """fetch: the numbers of those whose entities are staged, where the run takes events for as long as it goes on.
    None: all that it has taken, once it is complete."""
    attempt: int = 0
    """fetch: how often it has begun anew; part of the names of what it took over."""
    version: str | None = None
    """fetch: what entities have that have no version of their own: when the fetch began, in microseconds."""
    since: str | None = None
    """fetch: the cursor that the source was asked with."""
    cursor: str | None = None
    """fetch: the route's cursor once this run is settled; None where the run does not move it."""
    newest: str | None = None
    """fetch: the greatest value that came, which the run after this one may make the route's cursor."""
    pages_seen: PagesSeen | None = None
    """fetch: what :attr:`cursor` is chosen by."""
    unsettled: str | None = None
    """fetch: why records of its window may be missing; then the run moves neither mark nor cursor."""
    source_pieces: list[SourcePiece] = []
    """fetch: pieces of the source that are staged as a whole; they count as read once the run is settled."""
    answered_pieces: list[SourcePiece] = []
    """fetch: all of :attr:`source_pieces`, where there are acknowledgements. A version of this package that knows
    nothing of these does not see them here: where it settles the run, the pieces do not count as read, so the next run
    reads and answers them."""
    acknowledgements: list[SegmentRef] = []
    """fetch: what senders are answered, for the pieces among :attr:`answered_pieces`."""
    resume: Any = None
    saved_at: float = 0.0
    """Seconds since the epoch when it was written."""
    seconds: float = 0.0
    """How long the stage has worked, all attempts that this manifest builds on together."""
    warnings: list[str] = []

    def pieces_read(self) -> list[SourcePiece]:
        """fetch: the pieces of the source that are staged as a whole."""
        return [*self.source_pieces, *self.answered_pieces]

    def pieces(self) -> list[Piece]:
        """fetch: the records that other routes may read, in their order. Not those that were taken over: they were
        fetched by an earlier run."""
        found, first = list(self.earlier), 0
        for segment in self.segments[len(self.retried) :] if self.complete else ():
            found.append(Piece(segment, self.version or "0", first))
            first += segment.entities
        return found


manifest_decoder = msgspec.json.Decoder(Manifest)
