"""What a route says under ``contract``: what happens where the source's fields differ from what was learned."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from airflow_integrations.config.model import Model

__all__ = ["ContractOptions", "OnDrift", "OnGone"]

OnDrift = Literal["ignore", "warn", "reject", "fail"]
OnGone = Literal["ignore", "warn", "fail"]


class ContractOptions(Model):
    """The first runs learn which fields the source has and of which type they are. Later runs compare.

    ``ignore``: the difference is learned. ``warn``: it is shown, and entities go on. ``reject``: the entity is rejected
    alone. ``fail``: transform fails before any step has seen an entity, and nothing of the run is sent; a live run, of
    which other entities have gone already, rejects instead.

    Example:
        on_new_field: warn
        on_type_change: reject
    """

    on_new_field: OnDrift = "warn"
    """What happens where the source has a field that was never seen.

    Example: ``on_new_field: ignore``

    Since: 0.3
    """
    on_type_change: OnDrift = "warn"
    """What happens where a field has another type: text, number, boolean, object or list. Integers and decimals are
    both numbers, and null is of every type.

    Example: ``on_type_change: reject``

    Since: 0.3
    """
    on_gone_field: OnGone = "warn"
    """What happens where a field that every entity had is in none of a run's entities, as it is when the source has
    renamed it.

    Example: ``on_gone_field: fail``

    Since: 0.3
    """
    learn: Annotated[int, Field(strict=True, ge=1, le=100)] = 5
    """How many runs that had entities are learned from before anything counts as different.

    Example: ``learn: 20``

    Since: 0.3
    """
    ignore: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=1000)], ...], Field(max_length=100)] = ()
    """Fields that are not looked at, with all below them: such whose names are data, as prices by currency are. Written
    as they are shown: ``lines[].attributes``.

    Example: ``ignore: [prices, "lines[].attributes"]``

    Since: 0.3
    """
