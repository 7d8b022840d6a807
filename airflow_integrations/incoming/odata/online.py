"""What the service's own model says of the options of ``incoming: {odata: …}``."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_integrations.incoming.odata.options import ODataIncomingConfig
from airflow_integrations.odata.model import EntityType, ServiceModel
from airflow_integrations.odata.online import Placed, filter_checks, name_checks, value_check

__all__ = ["wrong_by"]


def wrong_by(model: ServiceModel, config: ODataIncomingConfig) -> Iterator[Placed]:
    """Places below the options, and messages."""
    type_ = model.type_of(config.entity_set)
    if not isinstance(type_, EntityType):
        yield ("entity_set",), type_
        return
    for name, listed in (("select", config.select), ("expand", config.expand), ("order_by", config.order_by)):
        yield from name_checks(model, type_, (name,), listed)
    if config.filter is not None:
        yield from filter_checks(model, type_, config.filter, config.values)
    if config.since is not None:
        if why := model.wrong(type_, config.since.property):
            yield ("since",), why
        else:
            yield from value_check(model, type_, config.since.property, config.since.type, ("since",))
