"""Rows of lookups that an OData service gives, asked for by the HTTP lookup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import ConnectionId
from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Sees, Template
from airflow_integrations.odata.bound import NAME, BoundText, EntitySet, PropertyPath, equalities, key_predicate
from airflow_integrations.odata.json_values import IncompleteError, mind_nested_pages, plain_of_v2
from airflow_integrations.odata.literals import Version
from airflow_integrations.odata.typed import TypedExpression
from airflow_integrations.transform.lookup.compared import Columns
from airflow_integrations.transform.lookup.http import HttpRows
from airflow_integrations.transform.lookup.http_options import HttpLookup

if TYPE_CHECKING:
    from airflow_integrations.http import Answer
    from airflow_integrations.transform import Place

__all__ = ["ODataLookup", "ODataRows"]

_SCOPE = "question"
_Value = Annotated[TypedExpression, Sees(_SCOPE)]
_Property = Annotated[str, Field(pattern=rf"^{NAME}$", max_length=200)]


class ODataLookup(Model):
    """An entity of an OData service, by its key or by values that it has.

    Example:
        connection: erp
        entity_set: Customers
        find: {email: order.email}
    """

    connection: ConnectionId
    """The Airflow Connection, whose address is the service's root.

    Example:
        connection: erp
        key: {ID: order.customer_id}
    """
    version: Version = 4
    """The version of OData that the service speaks: 4 or 2.

    Example:
        version: 2
        key: {ID: order.customer_id}
    """
    entity_set: EntitySet
    """What is asked for, as the service's model names it.

    Example:
        entity_set: Customers
        key: {ID: order.customer_id}
    """
    key: Annotated[dict[_Property, _Value], Field(max_length=20)] = Field(default_factory=dict)
    """The key, property by property; written and quoted by the values' types.

    Example: ``key: {ID: order.customer_id}``
    """
    find: Annotated[dict[PropertyPath, _Value], Field(max_length=20)] = Field(default_factory=dict)
    """Properties and the values that they equal, where the key is not known.

    Example: ``find: {email: order.email}``
    """
    select: list[PropertyPath] = Field(default_factory=list, max_length=500)
    """The properties that are read. Left out: all of them.

    Example:
        select: [ID, name]
        key: {ID: order.customer_id}
    """
    expand: list[PropertyPath] = Field(default_factory=list, max_length=100)
    """What is read along with it.

    Example:
        expand: [addresses]
        key: {ID: order.customer_id}
    """
    query: dict[str, Annotated[Template, Sees(_SCOPE, flavor="query")]] = Field(default_factory=dict)
    """Further parameters of the query.

    Example:
        query: {sap-client: "100"}
        key: {ID: order.customer_id}
    """

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.key) == bool(self.find):
            raise ValueError("write key, or find where the key is not known, and exactly one of them")
        return self

    def as_http(self) -> HttpLookup:
        """The same as options of the kind ``http``."""
        query: dict[str, Any] = {}
        pieces: tuple[Any, ...] = (f"/{self.entity_set}",)
        if self.key:
            pieces += key_predicate(self.key, self.version, "key")
            records = "body" if self.version == 4 else "body.d"
        else:
            query["$filter"] = BoundText(equalities(self.find, self.version, "find"), _SCOPE, "query")
            records = "body.value" if self.version == 4 else "body.d"
        for name, listed in (("$select", self.select), ("$expand", self.expand)):
            if listed:
                query[name] = ",".join(listed)
        if self.version == 2:
            query["$format"] = "json"
        return HttpLookup(
            connection=self.connection,
            path=BoundText(pieces, _SCOPE, "path"),
            query=query | self.query,
            records=records,
        )


class ODataRows(HttpRows):
    """As those of HTTP, with the entities of version 2 as plain values. A list that was cut is refused."""

    def __init__(self, name: str, config: ODataLookup, columns: Columns, cache: Any, place: Place) -> None:
        super().__init__(name, config.as_http(), columns, cache, place)
        self._version = config.version
        self._entity_set = config.entity_set

    def _names(self, answer: Answer, head: Any = None) -> dict[str, Any]:
        names = super()._names(answer, head)
        body = names["body"]
        try:
            if self._version == 2 and isinstance(body, Mapping) and "d" in body:
                names["body"] = {**body, "d": plain_of_v2(body["d"], place=self._entity_set)}
            elif self._version == 4:
                if isinstance(body, Mapping) and body.get("@odata.nextLink"):
                    raise IncompleteError(f"{self._entity_set} has more than came (@odata.nextLink)")
                mind_nested_pages(body)
        except IncompleteError as error:
            raise EntityError(f"{error}; ask for what is one, or for less of it") from None
        return names
