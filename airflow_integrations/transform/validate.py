"""``validate``: entities against a JSON Schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from airflow_integrations.config.file_reference import FileReference
from airflow_integrations.config.model import ShortForm
from airflow_integrations.entity import Entity
from airflow_integrations.errors import EntityError, SetupError
from airflow_integrations.formats.unwritable_json import why_not_json
from airflow_integrations.run import Run, Services
from airflow_integrations.transform import Fates, FoundMistakes, Place, TransformerBase
from airflow_integrations.transform.schema import Schema

__all__ = ["Validate"]

MAX_REASONS = 20
"""Reasons told about one entity; what follows is counted as “and more”."""


class Validate(TransformerBase):
    """Rejects entities that break the schema, with every reason; the others go on unchanged."""

    keeps_fields = True
    only_own_key = True

    class Config(ShortForm):
        """A JSON Schema, in a file or in place."""

        short_form: ClassVar[str] = "file"

        file: FileReference | None = None
        """A JSON file with the schema. ``$ref`` reaches the file itself and other files in the routes folder.

        Example: ``file: schemas/erp_sales_order.json``
        """
        schema_: Annotated[dict[str, Any] | None, Field(alias="schema")] = None
        """The schema in place.

        Example: ``schema: {type: object, required: [DocumentNumber]}``
        """

        @model_validator(mode="after")
        def _one_place(self) -> Self:
            if (self.file is None) == (self.schema_ is None):
                raise ValueError("validate has either a file or a schema, and exactly one of them")
            return self

    def __init__(self, config: Any, place: Place) -> None:
        super().__init__(config, place)
        self._validator: Any = None

    async def open(self, run: Run, services: Services) -> None:
        await super().open(run, services)
        try:
            self._validator = Schema.of(self.config.file, self.config.schema_).validator()
        except ValueError as error:
            where = self.config.file.text if self.config.file else "schema"
            raise SetupError(f"{self.place}: {where} {error}") from None

    async def apply(self, batch: list[Entity], fates: Fates) -> list[Entity]:
        is_valid = self._validator.is_valid
        going_on = []
        for entity in batch:
            try:
                if is_valid(entity.value):
                    going_on.append(entity)
                    continue
                error = self._error(entity.value)
            except (ValueError, RecursionError) as cause:  # what JSON cannot hold: half of a surrogate pair, a set, …
                error = EntityError(why_not_json(cause, entity.value, "the entity"))
            self.reject(entity, error, fates)
        return going_on

    def _error(self, value: Any) -> EntityError:
        first: str | None = None
        reasons = []
        found: Iterable[Any] = self._validator.iter_errors(value)
        for problem in islice(found, MAX_REASONS + 1):
            path = [str(part) for part in problem.instance_path]
            text = problem.message
            if problem.kind.name == "required":
                path, text = [*path, problem.kind.property], "is missing"
            dotted = _printable(".".join(path))
            first = dotted if first is None else first
            reasons.append(f"{dotted}: {_printable(text)}" if dotted else _printable(text))
        if len(reasons) > MAX_REASONS:
            reasons[MAX_REASONS:] = ["and more"]
        return EntityError("; ".join(reasons), field=first or None)

    def reject(self, entity: Entity, error: EntityError, fates: Fates) -> None:
        fates.rejected(entity, f"{self.place}: {error.reason}", field=error.field)

    @classmethod
    def files_behind(cls, config: Any) -> Iterator[Path]:
        if config.file is not None:
            with suppress(ValueError):  # the stage says what is wrong with it
                yield from Schema.of(config.file, None).files()

    @classmethod
    def check_files(cls, config: Any) -> FoundMistakes:
        where = ("file",) if config.file else ("schema",)
        name = f"{config.file.text} " if config.file else ""
        try:
            schema = Schema.of(config.file, config.schema_)
            mistakes = list(schema.mistakes())
            if not mistakes:
                schema.validator()
        except ValueError as error:
            mistakes = [((), str(error))]
        for path, message in mistakes:
            inside = ".".join(map(str, path))
            place = where if config.file else (*where, *path)
            yield place, f"{name}{inside}: {message}" if inside and config.file else f"{name}{message}"


def _printable(text: str) -> str:
    """Bounded, and without control characters: names in it come from payloads."""
    shown = text[:200] + ("…" if len(text) > 200 else "")
    return (
        shown
        if shown.isprintable()
        else "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in shown)
    )
