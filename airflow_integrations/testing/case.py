"""Models of a route test: ``<route>.test.yaml`` beside the route."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from airflow_integrations.config.file_reference import FileReference
from airflow_integrations.config.model import Model, ShortForm
from airflow_integrations.config.types import ConnectionId
from airflow_integrations.simulate.recorded import Answered, Method

__all__ = ["Case", "Expected", "ExpectedRequest", "Given", "LedgerEntity", "TestFile", "TestWindow"]


class TestWindow(Model):
    """The run's window."""

    __test__ = False  # pytest: this is not a test class

    start: str = "2026-01-01T00:00:00Z"
    end: str = "2026-01-01T01:00:00Z"


class LedgerEntity(ShortForm):
    """An entity of another route, as the ledger has it."""

    short_form = "target_id"

    target_id: str | None = None
    """The target's id of it."""
    status: Literal["delivered", "failed", "rejected", "retrying", "in_doubt"] = "delivered"
    """What became of it; ``lookup`` finds what is delivered."""


class Given(Model):
    """What a test starts from."""

    entities: list[Any] | None = None
    """These entities, as if they had been fetched."""
    file: FileReference | None = None
    """A file with entities: a JSON or YAML list, or JSON lines."""
    answers: dict[ConnectionId, tuple[Answered, ...]] = Field(default_factory=dict)
    """What the systems behind the Connections answer: pages for the incoming, lookups, the target's answers."""
    connections: dict[ConnectionId, Annotated[str, Field(pattern=r"^https?://[^/?#]+(/[^?#]*)?$")]] = Field(
        default_factory=dict
    )
    """Base URLs of Connections, where answers hold absolute links. ``https://<connection>.test`` where left out."""
    ledger: dict[str, dict[str, LedgerEntity]] = Field(default_factory=dict)
    """By route and key, what the ledger knows of entities of other routes: what ``lookup: {route: …}`` finds. A text is
    the target's id of one that is delivered."""
    store: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """By store and key, the values that are stored."""
    window: TestWindow = Field(default_factory=TestWindow)
    params: dict[str, Any] = Field(default_factory=dict)
    """Params of the run; the route's defaults where left out."""
    var: dict[str, str] = Field(default_factory=dict)
    """Airflow Variables."""
    keys: tuple[str, ...] | None = None
    """Only these entities, as with ``run --key``."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.entities is not None and self.file is not None:
            raise ValueError("given has entities or file, not both")
        return self


class ExpectedRequest(Model):
    """One request as the other system gets it. What is left out is not compared."""

    method: Method | None = None
    path: str | None = None
    """Percent-encoded, relative to the Connection."""
    query: dict[str, str | list[str]] | None = None
    """All query parameters; a list for one that is sent several times."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Headers that must be there, besides any others."""
    body: Any = None
    """The body's JSON."""
    text: str | None = None
    """The body as it is."""


class Expected(Model):
    """What must come of it. What is left out is not compared, except ``rejected``: no entity may be rejected unsaid."""

    entities: list[Any] | None = None
    """The entities that are handed to the outgoing, in order."""
    match: Literal["exact", "partial"] = "exact"
    """``partial``: entities and bodies of requests may have fields that are not written here."""
    filtered: tuple[str, ...] | None = None
    """Keys of the entities that are filtered out, in any order."""
    merged: tuple[str, ...] | None = None
    """Keys of the entities that went into another one of the same key."""
    rejected: dict[str, str] = Field(default_factory=dict)
    """Key of each rejected entity and a regular expression that is found in the reason."""
    stored: dict[str, dict[str, Any]] | None = None
    """By store and key, the values that the route stores; of the stores that are named, all values that are new or
    changed."""
    requests: dict[ConnectionId, tuple[ExpectedRequest, ...]] = Field(default_factory=dict)
    """The requests to each Connection named here, in order."""
    balance: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """Counts of the run's balance, such as ``delivered: 2``."""
    warnings: tuple[str, ...] | None = None
    """A regular expression for each warning; no others may come."""
    error: str | None = None
    """The run fails, and this regular expression is found in the error."""

    @field_validator("rejected", "warnings", "error")
    @classmethod
    def _compiles(cls, value: Any) -> Any:
        for pattern in (
            value.values() if isinstance(value, dict) else [value] if isinstance(value, str) else value or ()
        ):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
        return value

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set - {"match"}:
            raise ValueError(
                "nothing to compare; write entities, requests, filtered, merged, rejected, stored, balance, warnings "
                "or error"
            )
        return self


class Case(Model):
    """One test."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    """What it shows, in words; no two tests of a file have the same name."""
    given: Given = Field(default_factory=Given)
    expect: Expected


class TestFile(Model):
    """The tests of one route."""

    __test__ = False  # pytest: this is not a test class

    route: str | None = None
    """The name of the route that is tested; the file's name where left out."""
    given: Given = Field(default_factory=Given)
    """For every test; what a test gives itself replaces it, key by key."""
    tests: tuple[Case, ...]
    """The tests, at least one."""

    @field_validator("tests")
    @classmethod
    def _names_differ(cls, tests: tuple[Case, ...]) -> tuple[Case, ...]:
        if not tests:
            raise ValueError("the file holds no test")
        names = [case.name for case in tests]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two tests have one name: {', '.join(map(repr, twice))}")
        return tests
