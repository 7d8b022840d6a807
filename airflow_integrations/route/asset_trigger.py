"""``trigger.assets``: which assets a run waits for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from airflow_integrations.config.model import ShortForm
from airflow_integrations.config.types import RouteName

__all__ = ["AssetCondition"]

DEEPEST = 5
"""Conditions within each other. What is deeper nobody understands at three in the morning."""


class AssetCondition(ShortForm):
    """A route's name alone, or one of these options."""

    short_form: ClassVar[str] = "route"

    route: RouteName | None = None
    """A route of this instance. Its asset changes when a push of it has delivered something.

    Example: ``route: shop_stock_to_erp``
    """
    name: Annotated[str, Field(min_length=1, max_length=1500)] | None = None
    """Any asset of this Airflow, by its name.

    Example: ``name: warehouse_stock``
    """
    uri: Annotated[str, Field(min_length=1, max_length=1500)] | None = None
    """Any asset of this Airflow, by its URI.

    Example: ``uri: s3://exports/stock``
    """
    all: Annotated[tuple[AssetCondition, ...], Field(min_length=1, max_length=100)] | None = None
    """All of these have changed since the last run that they started.

    Example: ``all: [{uri: "s3://exports/stock"}, {name: prices}]``
    """
    any: Annotated[tuple[AssetCondition, ...], Field(min_length=1, max_length=100)] | None = None
    """At least one of these has changed.

    Example: ``any: [{uri: "s3://exports/stock"}, {name: prices}]``
    """

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(getattr(self, option) is not None for option in ("route", "name", "uri", "all", "any")) != 1:
            raise ValueError("assets are the name of a route, or exactly one of route, name, uri, all, any")
        if self.depth > DEEPEST:
            raise ValueError(f"conditions are nested {DEEPEST} deep at most")
        return self

    @property
    def parts(self) -> tuple[AssetCondition, ...]:
        """The conditions that this one is made of."""
        return self.all or self.any or ()

    @property
    def depth(self) -> int:
        return 1 + max((part.depth for part in self.parts), default=0)

    @property
    def waits_for_several(self) -> bool:
        """Whether there is a part of it that the change of one asset does not fulfil."""
        return len(self.all or ()) > 1 or any(part.waits_for_several for part in self.parts)

    def words(self) -> str:
        """The condition for people: ``categories and (stock or s3://exports)``."""
        if not self.parts:
            return self.route or self.name or self.uri or ""
        words = [f"({part.words()})" if len(part.parts) > 1 else part.words() for part in self.parts]
        return (" and " if self.all else " or ").join(words)

    def routes(self, loc: tuple[int | str, ...] = ()) -> Iterator[tuple[tuple[int | str, ...], str]]:
        """Every route that is named, and its place."""
        if self.route is not None:
            yield loc, self.route
        for index, part in enumerate(self.parts):
            yield from part.routes((*loc, "all" if self.all else "any", index))
