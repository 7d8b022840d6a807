"""Where entities come from. One kind is one class in one file of this package, or a third party's entry point."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from msgspec import Raw

from airflow_integrations.formats.json import read
from airflow_integrations.model import Model
from airflow_integrations.route import Route
from airflow_integrations.run import Run, Services

__all__ = ["Incoming", "Page"]


@dataclass(frozen=True, slots=True)
class Page:
    """Records as the source gave them, in its order, and where to go on after them.

    A record is a plain value, or ``msgspec.Raw`` where the source's JSON could be cut apart without decoding it.
    ``resume`` is a JSON value that makes :meth:`Incoming.pages` continue behind this page; None on the last page.
    ``versions`` are the source's own of the records, one for each: for routes without ``entity.version``.
    """

    records: list[Any]
    resume: Any = None
    versions: list[str] | None = None

    def values(self) -> list[Any]:
        """The records as plain values. Raises ContentError for one whose JSON turns out to be broken."""
        return [read(bytes(record)) if type(record) is Raw else record for record in self.records]


class Incoming(Protocol):
    """A source of entities.

    The class has a nested pydantic model ``Config`` (a :class:`~airflow_integrations.model.Model`): that one spec
    gives validation, defaults, documentation, JSON Schema and error messages. Creating an instance does no I/O.
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
