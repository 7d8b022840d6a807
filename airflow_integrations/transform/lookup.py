"""``lookup``: what another table or service knows about the entity, under a name of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from airflow_integrations.entity import Entity
from airflow_integrations.errors import EntityError, SetupError
from airflow_integrations.expressions import AIRFLOW_NAMES, SCOPES, Expression, Sees
from airflow_integrations.model import FileReference, Model
from airflow_integrations.run import Run, Services, entity_names
from airflow_integrations.transform import Fates, FoundMistakes, Place, TransformerBase
from airflow_integrations.transform.lookup_http import HttpLookup, HttpRows
from airflow_integrations.transform.lookup_table import Table, compared, load_table

if TYPE_CHECKING:
    from airflow_integrations.route import Route

__all__ = ["Lookup"]

_TAKEN = frozenset(name for scope in SCOPES.values() for name in scope.names) | AIRFLOW_NAMES.keys()
_SHOWN = 80
"""Characters of a value in a reason."""


class Lookup(TransformerBase):
    """Finds one row for each entity; expressions behind it read it by the lookup's name.

    Where nothing is found the entity is rejected, or goes on with null under that name. A compared value that is null
    finds nothing. Rows belong to the table: expressions read them, nothing changes them.
    """

    class Config(Model):
        """A table in a file, or an HTTP service that is asked."""

        name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=60)]
        """What expressions call the row that was found."""
        file: FileReference | None = None
        """A CSV file with a header line, or a JSON file: a list of objects, or one object by key."""
        http: HttpLookup | None = None
        """A service that is asked for each entity; equal requests of a run are sent once."""
        where: Annotated[dict[str, Annotated[Expression, Sees("entity")]], Field(max_length=10)] = Field(
            default_factory=dict
        )
        """Columns of the table with the value each must have. Texts and numbers are compared as they are written."""
        missing: Literal["reject", "null"] | None = "reject"
        """What happens to an entity for which nothing is found: ``reject``, or ``null`` to go on without a row."""
        delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
        """What stands between the columns of a CSV file."""

        @model_validator(mode="after")
        def _one_place(self) -> Self:
            if (self.file is None) == (self.http is None):
                raise ValueError("a lookup has either file or http, and exactly one of them")
            if self.file is not None and not self.where:
                raise ValueError(
                    "where is missing: which column of the file has which value? Such as {country: order.country}"
                )
            return self

    def __init__(self, config: Any, place: Place) -> None:
        super().__init__(config, place)
        self._columns = tuple(config.where)
        self._values = [expression.compile() for expression in config.where.values()]
        self._table: Table = {}
        self._http = HttpRows(config.http, self._columns) if config.http else None

    async def open(self, run: Run, services: Services) -> None:
        await super().open(run, services)
        if self._http is not None:
            await self._http.open(self.base, services)
            return
        file = self.config.file
        try:
            self._table = load_table(file.path, self._columns, self.config.delimiter)
        except ValueError as error:
            raise SetupError(f"{self.place}: {file.text} {error}") from None

    async def apply(self, batch: list[Entity], fates: Fates) -> list[Entity]:
        asked: list[tuple[Entity, Any]] = []
        for entity in batch:
            names = entity_names(self.base, self.place.entity, entity)
            self.watch.see(names)
            try:
                asked.append((entity, self._question(names)))
            except EntityError as error:
                self.reject(entity, error, fates)
        rows: Mapping[Any, Any] = self._table
        if self._http is not None:
            rows = await self._http.find([question for _, question in asked if question is not None])
        name, nothing_is_fine = self.config.name, self.config.missing != "reject"
        going_on = []
        for entity, question in asked:
            row = rows.get(question)
            if isinstance(row, EntityError):
                self.reject(entity, row, fates)
            elif row is None and not nothing_is_fine:
                self.reject(entity, self._nothing_found(entity, question), fates)
            else:
                entity.found = {**entity.found, name: row} if entity.found else {name: row}
                going_on.append(entity)
        return going_on

    def _question(self, names: dict[str, Any]) -> Any:
        """What to look for: hashable, and None where a compared value is null."""
        key: list[str] = []
        for column, value in zip(self._columns, self._values, strict=True):
            try:
                text = compared(value(names))
            except EntityError as error:
                raise EntityError(error.reason, field=f"where.{column}") from None
            if text is None:
                return None
            key.append(text)
        return self._http.question(names, tuple(key)) if self._http is not None else tuple(key)

    def _nothing_found(self, entity: Entity, question: Any) -> EntityError:
        name = self.config.name
        if question is None:
            read = ", ".join(expression.text for expression in self.config.where.values())
            return EntityError(f"nothing to look {name} up with: {read} is null or missing")
        key = question.key if self._http is not None else question
        shown = [f"{column} = {text[:_SHOWN]}" for column, text in zip(self._columns, key, strict=True)]
        if self._http is not None:
            shown.append(f"GET {question.path[:_SHOWN]}")
        return EntityError(f"no {name} found for {', '.join(shown)}")

    @classmethod
    def mistakes(cls, config: Any, route: Route) -> FoundMistakes:
        if config.name in _TAKEN or config.name == route.entity.name:
            yield ("name",), f"{config.name!r} already means something in expressions; call the lookup something else"
        for stage in route.transform:
            if stage.config is config:
                return
            if isinstance(stage.config, cls.Config) and stage.config.name == config.name:
                yield ("name",), f"an earlier lookup is called {config.name!r} already"

    @classmethod
    def check_files(cls, config: Any) -> FoundMistakes:
        if config.file is not None:
            try:
                load_table(config.file.path, tuple(config.where), config.delimiter)
            except ValueError as error:
                yield ("file",), f"{config.file.text} {error}"
