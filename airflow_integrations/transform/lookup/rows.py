"""What every source of rows gives a lookup: a question for each entity, and the rows that answer many of them."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import Any, NamedTuple, Protocol

from airflow_integrations.run import Run, Services

__all__ = ["Later", "Rows"]


class Later(NamedTuple):
    """Stands for a row that is not there yet, whatever the lookup says of missing ones: the entity comes again."""

    reason: str


class Rows(Protocol):
    """One source of one lookup, for the length of a run."""

    async def open(self, base: Mapping[str, Any], run: Run, services: Services) -> None: ...

    def question(self, names: Mapping[str, Any]) -> Hashable | None:
        """What to look for; equal ones are looked for once. None where what would be compared is null or missing.
        Raises EntityError where it cannot be made."""
        ...

    async def find(self, questions: Collection[Any]) -> Mapping[Any, Any]:
        """For each question its row, None where there is none, or an EntityError or :class:`Later`. No question twice.

        Raises OutageError and SetupError: they are not one entity's matter.
        """
        ...

    def nothing_found(self, question: Any) -> str:
        """Why, in words, where there is no row. Called for a question of the last ``find``."""
        ...

    def waits(self, question: Any) -> tuple[tuple[str, str], ...]:
        """Route and key of the entity whose delivery would bring the row, where that is known."""
        ...

    def warnings(self) -> list[str]: ...
