"""What the service's own model says of the options of ``outgoing: {odata: …}``."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_integrations.config.suggestions import unknown
from airflow_integrations.odata.model import EntityType, ServiceModel
from airflow_integrations.odata.online import Placed, body_checks, key_checks, typed_checks, value_check
from airflow_integrations.outgoing.odata.options import ODataOptions

__all__ = ["wrong_by"]


def wrong_by(model: ServiceModel, options: ODataOptions) -> Iterator[Placed]:
    """Places below the options, and messages."""
    if options.action is not None and options.action not in model.operations:
        yield ("action",), f"the service's model: {unknown('action', options.action, sorted(model.operations))}"
    if options.operation == "action" and options.entity_set in model.operations:
        return
    type_ = model.type_of(options.entity_set)
    if not isinstance(type_, EntityType):
        yield ("entity_set",), type_
        return
    for place, keyed in (("key", options.key), ("delete", options.delete or {})):
        yield from key_checks(model, type_, place, keyed)
    yield from typed_checks(model, type_, "find", options.find)
    if options.id is not None and (why := model.wrong(type_, options.id)):
        yield ("id",), why
    if options.operation == "action":
        return  # the body has its parameters
    made = options.body.makes if options.body is not None else None
    yield from body_checks(model, type_, made or {}, ("body",))
    for number, path in enumerate(options.create_only):
        if why := model.wrong(type_, path):
            yield ("create_only", number), why
    for path, edm in options.types.items():
        if why := model.wrong(type_, path):
            yield ("types", path), why
        else:
            yield from value_check(model, type_, path, edm, ("types", path))
