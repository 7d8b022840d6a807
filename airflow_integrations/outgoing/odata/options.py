"""The options of ``outgoing: {odata: …}``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import ConnectionId
from airflow_integrations.expressions import Sees, Structure, Template, Texts
from airflow_integrations.odata.bound import NAME, EntitySet, PropertyPath
from airflow_integrations.odata.literals import EdmType, Version
from airflow_integrations.odata.typed import TypedExpression
from airflow_integrations.outgoing.http.request_options import HeaderName
from airflow_integrations.route.definition import Route

__all__ = ["BatchOptions", "ODataOptions", "Operation", "option_mistakes"]

Operation = Literal["create", "update", "upsert", "action"]
_OfEntity = Annotated[TypedExpression, Sees("entity")]
_Property = Annotated[str, Field(pattern=rf"^{NAME}$", max_length=200)]


class BatchOptions(Model):
    """How entities go together in one ``$batch``, with ``delivery.batch`` above 1.

    Each entity is a change set of its own: one that the service refuses fails alone.
    """

    path: Annotated[str, Field(pattern=r"^/[\w$./()'-]*$", max_length=300)] = "/$batch"
    """Where the service takes batches, below the Connection's address.

    Example: ``path: /$batch``
    """
    format: Literal["multipart", "json"] = "multipart"
    """``multipart`` is what services of version 2 and 4.0 take, ``json`` is new in 4.01.

    Example: ``format: json``
    """


class ODataOptions(Model):
    """Entities go to an OData service, version 2 or 4.

    Example:
        connection: erp
        entity_set: SalesOrders
        key: {ID: order.id}
        id: ID
    """

    connection: ConnectionId
    """The Airflow Connection, whose address is the service's root.

    Example: ``connection: erp``
    """
    version: Version = 4
    """The version of OData that the service speaks: 4, or 2 as most of SAP's older services.

    Example: ``version: 2``
    """
    entity_set: EntitySet
    """Where entities go, as the service's model names it; of an action that is bound to none, the action's name.

    Example: ``entity_set: A_SalesOrder``
    """
    operation: Operation = "upsert"
    """``upsert``: create or update, after asking which. ``create`` and ``update``: that alone. ``action``: the action
    ``action`` is called.

    Example:
        operation: update
        key: {ID: order.id}
    """
    key: Annotated[dict[_Property, _OfEntity], Field(max_length=20)] = Field(default_factory=dict)
    """The key of the entity at the service, property by property; written and quoted by the values' types:
    ``{value: order.id, type: guid}`` where the value alone does not show it.

    Example: ``key: {SalesOrder: order.sap_number}``
    """
    find: Annotated[dict[PropertyPath, _OfEntity], Field(max_length=20)] = Field(default_factory=dict)
    """How an entity whose key the service gives is found: properties and the values that they equal.

    Example:
        find: {PurchaseOrderByCustomer: order.number}
        id: SalesOrder
    """
    ask: Annotated[bool, Field(strict=True)] = True
    """For ``upsert``: whether the service is asked before it is written. ``false`` sends one PATCH with the key, for a
    service of version 4 that creates what is not there (OData 4.01, section 11.4.4).

    Example:
        ask: false
        key: {ID: order.id}
    """
    body: Annotated[Structure, Sees("entity")] | None = None
    """The entity as the service wants it, in the grammar of ``map``; lists inside are created with it (deep insert).
    Default: the entity itself.

    Example: ``body: {ID: order.id, customer: order.customer.name}``
    """
    create_only: tuple[PropertyPath, ...] = ()
    """Properties of the body that only a create sends, such as the key, or lists that an update cannot take.

    Example: ``create_only: [ID, items]``
    """
    types: Annotated[dict[PropertyPath, EdmType], Field(max_length=200)] = Field(default_factory=dict)
    """The types of properties in the body, where they do not show in the values: version 2 wants decimals as texts and
    dates as ``/Date(…)/``. Numbers with decimals are written right without it.

    Example: ``types: {SalesOrderDate: datetime, to_Item/RequestedQuantity: decimal}``
    """
    method: Literal["PATCH", "PUT"] = "PATCH"
    """How an entity is updated: PATCH changes the properties that are sent, PUT replaces all of them.

    Example: ``method: PUT``
    """
    if_match: Annotated[bool, Field(strict=True)] = True
    """Updates say which state they were made for, with If-Match. What somebody else has changed meanwhile is found
    again.

    Example: ``if_match: false``
    """
    id: PropertyPath | None = None
    """The property that is the entity's id at the service.

    Example: ``id: SalesOrder``
    """
    action: Annotated[str, Field(pattern=rf"^{NAME}(\.{NAME})*$", max_length=300)] | None = None
    """The action to call, such as ``Sales.confirm``; with ``key`` it is bound to that entity. The body has its
    parameters.

    Example:
        operation: action
        action: Sales.confirm
        key: {ID: order.id}
    """
    delete: Annotated[dict[_Property, Annotated[TypedExpression, Sees("deletion")]], Field(max_length=20)] | None = None
    """The key of an entity that the source no longer has (``missing: emit``).

    Example: ``delete: {ID: key}``
    """
    query: dict[str, Annotated[Texts, Sees("request", flavor="query")]] = Field(default_factory=dict)
    """Further parameters of each request.

    Example: ``query: {sap-client: "100"}``
    """
    headers: dict[HeaderName, Annotated[Template, Sees("request", flavor="header")]] = Field(default_factory=dict)
    """Headers besides the Connection's.

    Example: ``headers: {Accept-Language: en}``
    """
    batch: BatchOptions = Field(default_factory=BatchOptions)
    """How entities go together, where ``delivery.batch`` is above 1.

    Example:
        batch: {format: json}
        operation: create
    """
    idempotent: Annotated[bool, Field(strict=True)] = False
    """The service recognises an entity that it has already taken, so that a create may be repeated.

    Example:
        idempotent: true
        operation: create
    """
    retry_unsafe: Annotated[bool, Field(strict=True)] = False
    """Repeat a request whose outcome is unknown, although the service may then take it twice.

    Example: ``retry_unsafe: true``
    """

    @property
    def asks(self) -> bool:
        """Whether the service is asked for an entity before it is written."""
        return self.operation == "upsert" and self.ask

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if self.operation == "upsert" and not (self.key or (self.find and self.ask)):
            raise ValueError(
                "an upsert needs key, or find where the service gives the key: "
                "key: {ID: order.id}, find: {ExternalNumber: order.number}"
            )
        if self.operation == "update" and not self.key:
            raise ValueError("an update needs key: which entity is it? Such as key: {ID: order.id}")
        if (self.operation == "action") != (self.action is not None):
            raise ValueError("operation: action and action go together: which one is called?")
        return self


def option_mistakes(options: ODataOptions, route: Route) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """What is wrong with options that belong together, and with them in this route."""
    verifies = route.delivery.in_doubt == "verify"
    if options.find and options.key:
        yield ("find",), "an entity is found by its key or by find; leave one of them out"
    if options.find and not options.id and options.asks:
        yield ("find",), "an entity that is found is updated by its key; write id: the property that is its key"
    if options.find and options.operation != "upsert" and not (options.operation == "create" and verifies):
        yield ("find",), "find is asked by an upsert, and by delivery.in_doubt: verify of a create; leave it out"
    if options.find and options.operation == "upsert" and not options.ask:
        yield ("ask",), "find asks the service; leave ask: false out"
    if "ask" in options.model_fields_set and options.operation != "upsert":
        yield ("ask",), f"{options.operation} asks nothing; leave ask out"
    if not options.ask and options.version == 2:
        yield ("ask",), "a service of version 2 does not create by PATCH; leave ask: false out"
    if options.operation == "create" and "method" in options.model_fields_set:
        yield ("method",), "method is that of an update; leave it out"
    if "idempotent" in options.model_fields_set and options.operation not in ("create", "action"):
        yield ("idempotent",), f"{options.operation} may always be repeated; leave idempotent out"
    if route.missing != "ignore" and options.delete is None:
        yield (), "missing: emit sends deletions and nothing says of what; write delete: {ID: key}"
    if options.delete and not options.id:
        for name, value in options.delete.items():
            if "target_id" in value.names:
                yield ("delete", name), "nothing tells what the service calls an entity; write id: ID, or read key"
    if verifies and options.operation == "create" and not (options.key or options.find):
        yield (), "delivery.in_doubt: verify asks the service, and nothing says for what; write key, or find"
    if verifies and options.operation == "action":
        yield (), "nobody can ask whether an action was carried out; set delivery.in_doubt to resend or hold"
    yield from _of_batches(options, route)


def _of_batches(options: ODataOptions, route: Route) -> Iterator[tuple[tuple[int | str, ...], str]]:
    size = route.delivery.batch
    if size == 1:
        if "batch" in options.model_fields_set:
            yield ("batch",), "delivery.batch is 1, so that each entity goes by itself; leave batch out"
        return
    if options.asks:
        remedy = "write ask: false where the service creates by PATCH, " if options.key and options.version == 4 else ""
        yield (
            ("operation",),
            f"an upsert that asks sends entities one by one; {remedy}or set delivery.batch to 1 (it is {size})",
        )
    if options.batch.format == "json" and options.version == 2:
        yield ("batch", "format"), "version 2 has no batches in JSON; leave format out"
