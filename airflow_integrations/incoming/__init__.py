"""Where entities come from. One kind is one class in one file of this package, or a third party's entry point."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from msgspec import Raw

from airflow_integrations.config.model import Model
from airflow_integrations.formats.json import read
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.acknowledgement import Acknowledgement
from airflow_integrations.staging.manifest import SourcePiece

__all__ = ["Completer", "Gone", "Incoming", "LeftOut", "Page", "Unfinished"]


@dataclass(frozen=True, slots=True)
class Gone:
    """In the place of a record: what names it is still there, and the source says that the record is not.

    ``delete``: it is to be deleted at the target, if that has it; else it is passed over.
    """

    item: Any
    delete: bool


@dataclass(frozen=True, slots=True)
class Unfinished:
    """In the place of a record: its source would not give it. ``later``: it may be had another time. ``refused``: the
    source is there, and its answer is about this record, or about who asks."""

    item: Any
    reason: str
    later: bool = False
    refused: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """In the place of records: a part of the source, such as the children of one parent, that could not be read while
    others could. ``item`` names it. Only in a run that :attr:`Run.leaves_out` such parts."""

    item: Any
    reason: str


@dataclass(frozen=True, slots=True)
class Page:
    """Records as the source gave them, in its order, and where to go on after them.

    A record is a plain value, or ``msgspec.Raw`` where the source's JSON could be cut apart without decoding it, or
    :class:`Gone`, or :class:`Unfinished` where :meth:`Completer.complete` can ask for it another time, or
    :class:`LeftOut`.
    ``resume`` is a JSON value that makes :meth:`Incoming.pages` continue behind this page; None on the last page.
    ``versions`` are the source's own of the records, one for each: for routes without ``entity.version``.
    ``by_position`` says that pages are asked for by where they stand (an offset, a number), so that records which move
    meanwhile may be missed; the first ``again`` records then stand where records were read before, ``total`` is how
    many the source has in all, and ``doubt`` why some may be missing. ``urgent``: the place is saved before the next
    page is asked for. ``final`` is the engine's own. ``finished``: pieces of the source, such as files, that end with
    this page. ``cursor``, on the last page: what the source gives to ask it for what is newer than all that came. It is
    the route's cursor, :attr:`Run.cursor` of the next run, once every entity has its fate; the kind's ``Config`` then
    has a true ``keeps_cursor``. ``acknowledgements``: what the senders of a piece of the source are answered, behind
    the records that they are about.
    """

    records: list[Any]
    resume: Any = None
    versions: list[str] | None = None
    by_position: bool = False
    again: int = 0
    total: int | None = None
    doubt: str | None = None
    urgent: bool = False
    finished: tuple[SourcePiece, ...] = ()
    final: bool = True
    cursor: str | None = None
    acknowledgements: Sequence[Acknowledgement] = ()

    def values(self) -> list[Any]:
        """The records as plain values. Raises ContentError for one whose JSON turns out to be broken."""
        return [read(bytes(record)) if type(record) is Raw else record for record in self.records]


class Completer(Protocol):
    """Asks for the whole of records that say little more than which they are, such as those of an event."""

    def question(self, item: Any) -> bytes:
        """What is asked for an item, shortened: items with the same question have the same answer.

        Raises EntityError where an item lacks what the question is made of.
        """
        ...

    async def complete(self, items: Sequence[Any]) -> list[Any]:
        """Each item's record, :class:`Gone` or :class:`Unfinished`, in their order.

        Raises OutageError where the source is away, SetupError for Connections and credentials.
        """
        ...


class Incoming(Protocol):
    """A source of entities.

    The class has a nested pydantic model ``Config`` (a :class:`~airflow_integrations.config.model.Model`): that one
    spec gives validation, defaults, documentation, JSON Schema and error messages. Creating an instance does no I/O.

    A kind that also asks for the whole of thin records has a coroutine method ``completer(run, services, events=…)``,
    which gives a :class:`Completer`, or None: for what ``events`` of the inbox bring, or, without ``events``, another
    route has fetched, or its own list could not give.

    A kind whose source has pieces that are read once, such as files, names them in ``Page.finished`` and has two more
    coroutine methods. ``settled(run, services, pieces)`` is called when every entity of them has its fate and the
    ledger has them as read; it may move or delete them, may be called again, and what it raises is logged.
    ``still_there(run, services, pieces)`` tells whether a fetch that starts over would find all of them again.

    A kind whose ``Config`` has a ``cursor`` may have a property ``cursor_reading`` there. It decides which value of a
    run becomes the route's cursor, so that nothing is passed over that changes while pages are read. ``ordered``:
    records come in the order of the cursor's field, on all pages together, also where a fetch goes on from a saved
    place. ``pages``: each page is what the source had at one moment, and no page is asked for before the one in front
    of it has come. ``apart``, as without the property: neither.

    A kind whose ``Config`` has ``partitions`` (:class:`Partitions` or :class:`ColumnRanges` of route/incremental.py)
    gives the records of :attr:`Run.partition` alone. Its ``cursor_reading`` then is about one partition.

    Where only the source can tell which partitions there are, the options in ``partitions`` are a model of the kind's
    own without ``all``, and it has two more coroutine methods. ``parts(run, services)`` asks the source once and gives
    a list of ``(name, part)`` in the order in which states of one entity count: a name for people, and a JSON value
    that :attr:`Partition.part` then is, whichever process asks for it. ``parts_stay(run, services, parts)`` tells
    whether these JSON values still stand for what the source has, for an attempt that would go on with them. Without
    a partition :meth:`pages` gives all records.

    A kind that can tell what there is has ``discovers``, a frozenset of the types of Connections that it knows, and::

        @classmethod
        async def discover(
            cls, connection: str, place: str | None, services: Services, bounds: Bounds
        ) -> Discovery | str

    ``place`` is what the user names, such as a table or folder; None stands for everything. It only reads, asks only
    the Connection's own system, and keeps to ``bounds``. A text says why this system is none of the kind's: others are
    then asked. Raises OutageError and SetupError, and never for what only a part of the system refuses: that is told
    in the ``notes``, or as the ``problem`` of a collection.
    """

    Config: ClassVar[type[Model]]

    def __init__(self, config: Any, route: Route) -> None: ...

    def pages(self, run: Run, services: Services, resume: Any = None) -> AsyncGenerator[Page, None]:
        """Every record of the run's window, page by page. The engine stages a page before it asks for the next.

        Whether there is a next page is decided by what the source sent, never by what a filter left of it.
        Raises OutageError when trying later may help, AnswerError when a person must look, SetupError for
        Connections and credentials. A page that was yielded has arrived completely.
        """
        ...
