"""Transformers of entities. One kind is one class in one file, or a third party's entry point."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import BaseModel

from airflow_integrations.config.model import walk
from airflow_integrations.entity import Entity
from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Expression, FieldWatch, Structure, Template
from airflow_integrations.run import Run, Services

if TYPE_CHECKING:
    from airflow_integrations.expressions.structures.structure_tree import Fields
    from airflow_integrations.route.definition import Route

__all__ = ["Fates", "FoundMistakes", "Place", "Transformer", "TransformerBase"]

FoundMistakes = Iterator[tuple[tuple[int | str, ...], str]]
"""Mistakes of one configuration: the place below the kind, and what is wrong."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a transformer stands: its number in the chain (from 0), its kind, and the entity's name."""

    index: int
    kind: str
    entity: str

    def __str__(self) -> str:
        return f"transform.{self.index}.{self.kind}"


class Fates(Protocol):
    """Where a transformer says what became of an entity that does not go on. The engine counts and keeps them."""

    def filtered(self, entity: Entity) -> None:
        """The route does not want it."""

    def rejected(self, entity: Entity, reason: str, *, field: str | None = None) -> None:
        """It cannot go on, with the reason: several reasons are joined by ``; ``. It is kept and shown."""

    def missing(self, entity: Entity, reason: str, *, waits: tuple[tuple[str, str], ...] = ()) -> None:
        """It cannot go on yet, because something that it needs is not there: it comes again after a pause, by the
        route's ``delivery.retry``. After the last attempt it is rejected with the reason.

        ``waits``: route and key of entities of the ledger. When the last of them has been delivered it comes at once.
        """

    def merged(self, entity: Entity) -> None:
        """It went into another entity of the same key."""

    def split(self, added: int) -> None:
        """``added`` entities more than came in."""


class Transformer(Protocol):
    """One step. An instance serves one run and is used by one task at a time."""

    Config: ClassVar[type[BaseModel]]
    """A ``Model``, or a ``RootConfig`` or ``ShortForm`` where the kind is followed by a bare value."""

    def __init__(self, config: Any, place: Place) -> None: ...

    async def open(self, run: Run, services: Services) -> None:
        """Load tables, compile schemas: once, before the first batch."""
        ...

    async def apply(self, batch: list[Entity], fates: Fates) -> list[Entity]:
        """What goes on of a batch, in its order. Every entity of it is either returned or handed to ``fates``.

        An entity's error is its own: it is rejected and the others go on. What is raised stops the run.
        """
        ...

    def flush(self, fates: Fates) -> AsyncIterator[list[Entity]]:
        """What was held back until the last batch had passed."""
        ...

    async def close(self) -> None:
        """Give back what ``open`` took."""
        ...


class TransformerBase:
    """The usual case: nothing to load, nothing held back, and a watch on the fields that expressions read."""

    base: Mapping[str, Any]
    keeps_fields: ClassVar[bool] = False
    """Whether an entity that goes on has the fields it had before."""
    sees_own_fields: ClassVar[bool] = False
    """Whether its expressions see the fields that it has itself put into the entity."""
    only_own_key: ClassVar[bool] = False
    """Whether what becomes of an entity hangs on those of its own key alone, and the key stays. Then several processes
    may share a run's entities between them, all of one key in the same one."""

    def __init__(self, config: Any, place: Place) -> None:
        self.config = config
        self.place = place
        self.watch = FieldWatch(_fields_read(config), (place.entity, "source"))

    async def open(self, run: Run, services: Services) -> None:
        self.base = services.base_names(run)

    async def flush(self, fates: Fates) -> AsyncIterator[list[Entity]]:
        return
        yield []  # an empty asynchronous generator

    def finished(self) -> None:
        """The last entity has passed, of the batches and of what was held back. What is raised stops the run: an outage
        that only shows when the last question was asked in vain. A kind of another base need not have it."""

    async def close(self) -> None:
        return None

    def reject(self, entity: Entity, error: EntityError, fates: Fates) -> None:
        """Hand over an entity that an expression or rule refused, with the place of this step."""
        named = error.field and not error.reason.startswith(f"{error.field}: ")  # many a reason begins with its field
        reason = f"{error.field}: {error.reason}" if named else error.reason
        fates.rejected(entity, f"{self.place}{' ' if error.field else ': '}{reason}", field=error.field)

    def warnings(self) -> list[str]:
        """What a person should hear at the end of a run that had entities: fields that none of them had."""
        return [f"{self.place} reads {'.'.join(path)}, which no entity of this run has" for path in self.watch.unseen()]

    @classmethod
    def fields_behind(cls, config: Any, before: Fields | None) -> Fields | None:
        """The fields that an entity has behind this step, from those before it; None where that cannot be told."""
        return before if cls.keeps_fields else None

    @classmethod
    def by_key(cls, config: Any) -> bool:
        """:attr:`only_own_key`, where it hangs on the configuration. A kind of another base need not have it: one
        process then sees all entities of a run."""
        return cls.only_own_key

    @classmethod
    def mistakes(cls, config: Any, route: Route) -> FoundMistakes:
        """What the model itself cannot see, found in memory when the route file is read."""
        return iter(())

    @classmethod
    def files_behind(cls, config: Any) -> Iterator[Path]:
        """The files that a file of the configuration names in turn, such as by ``$ref``: an edit of one of them is an
        edit of the route, and a run under way goes on with what they said."""
        return iter(())

    @classmethod
    def check_files(cls, config: Any) -> FoundMistakes:
        """Mistakes in the files and modules that the configuration names; run by ``validate``, never while parsing."""
        return iter(())


def _fields_read(config: Any) -> frozenset[tuple[str, ...]]:
    """The paths that a configuration's expressions read."""
    leaves = (leaf for _, leaf in walk(config) if isinstance(leaf, (Expression, Structure, Template)))
    return frozenset(path for leaf in leaves for path in leaf.fields)
