"""What the systems that a lookup asks say of its options: a service's model, an endpoint's schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from airflow_integrations.transform.lookup.options import LookupOptions

if TYPE_CHECKING:
    from airflow_integrations.odata.model import ServiceModel
    from airflow_integrations.odata.online import Placed
    from airflow_integrations.run import Services
    from airflow_integrations.transform.lookup.odata import ODataLookup

__all__ = ["asked", "wrong_by"]


async def asked(config: LookupOptions, services: Services) -> list[Placed]:
    """Places below the lookup, and messages. Nothing for one that asks no OData service and no GraphQL endpoint."""
    if config.odata is not None:
        from airflow_integrations.odata.online import service_model

        model = await service_model(await services.client(config.odata.connection))
        found = [(("odata",), model)] if isinstance(model, str) else wrong_by(model, config.odata, config.where)
        return list(found)
    if config.graphql is not None:
        from airflow_integrations.graphql.online import check

        client = await services.client(config.graphql.connection)
        return [(("graphql", *place), text) for place, text in await check(config.graphql, client, config.graphql.path)]
    return []


def wrong_by(model: ServiceModel, options: ODataLookup, columns: Iterable[str]) -> Iterator[Placed]:
    """Places below the lookup, and messages. ``columns``: those that its ``where`` compares."""
    from airflow_integrations.odata.model import EntityType
    from airflow_integrations.odata.online import key_checks, name_checks, typed_checks

    type_ = model.type_of(options.entity_set)
    if not isinstance(type_, EntityType):
        yield ("odata", "entity_set"), type_
        return
    for place, text in (
        *key_checks(model, type_, "key", options.key),
        *typed_checks(model, type_, "find", options.find),
        *name_checks(model, type_, ("select",), options.select),
        *name_checks(model, type_, ("expand",), options.expand),
    ):
        yield ("odata", *place), text
    for column in columns:
        if why := model.wrong(type_, column):
            yield ("where", column), why
