"""Requests and responses as a route test records them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from airflow_integrations.config.file_reference import FileReference
from airflow_integrations.config.model import Model

__all__ = ["Answered", "Asked", "by_name"]

Method = Annotated[str, Field(pattern=r"^[A-Z]+$", examples=["GET", "POST"])]


class Asked(Model):
    """Which requests an answer is for."""

    method: Method | None = None
    """Any method where it is left out."""
    path: str | None = None
    """As the route writes it, relative to the Connection: ``/api/orders``. Any path where it is left out."""
    query: dict[str, str | list[str]] = Field(default_factory=dict)
    """Query parameters the request must have; others may be there too. A list: of one name, in this order."""


class Answered(Model):
    """One recorded answer of another system."""

    to: Asked | None = None
    """Answers every request that fits. Without it, answers are given once each, in their order."""
    status: Annotated[int, Field(ge=200, le=599)] = 200
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = None
    """The answer's JSON."""
    text: str | None = None
    """The answer's body as it is, instead of JSON: CSV, XML, or something broken on purpose."""
    file: FileReference | None = None
    """A file with the answer's body as it is."""

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        given = [name for name in ("body", "text", "file") if name in self.model_fields_set]
        if len(given) > 1:
            raise ValueError(f"an answer has one body: {' or '.join(given)}, not both")
        return self


def by_name(query: Iterable[tuple[str, str]]) -> dict[str, str | list[str]]:
    """A query's parameters; a list where one stands several times."""
    values: dict[str, list[str]] = {}
    for name, value in query:
        values.setdefault(name, []).append(value)
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}
