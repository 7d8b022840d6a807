"""What a route says under ``lookup``: where to look, what for, and what happens where nothing is found."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from airflow_integrations.config.file_reference import FileReference
from airflow_integrations.config.model import Model
from airflow_integrations.config.types import Duration, RouteName
from airflow_integrations.expressions import Expression, Sees
from airflow_integrations.formats.delimiter import written_delimiter
from airflow_integrations.transform.lookup.graphql import GraphQLLookup
from airflow_integrations.transform.lookup.http_options import HttpLookup
from airflow_integrations.transform.lookup.odata import ODataLookup
from airflow_integrations.transform.lookup.sql_options import SqlLookup

__all__ = ["LookupOptions"]

_SOURCES = ("file", "http", "odata", "graphql", "sql", "route", "store")


class LookupOptions(Model):
    """A table in a file, a service that is asked, what another route has delivered, or a store.

    Example:
        name: tax
        file: lookups/tax_codes.csv
        where: {country: order.country}
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=60)]
    """What expressions call the row that was found; with ``all`` or ``each`` the list of rows.

    Example: ``name: tax``
    """
    file: FileReference | None = None
    """A CSV file with a header line, or a JSON file: a list of objects, or one object by key.

    Example:
        file: lookups/tax_codes.csv
        where: {country: order.country}
    """
    http: HttpLookup | None = None
    """A service that is asked for each entity; equal requests of a batch are sent once.

    Example:
        http: {connection: crm, path: /customers, query: {country: "{{ order.country }}"}}
        where: {code: order.customer}
    """
    odata: ODataLookup | None = None
    """An OData service that is asked for each entity.

    Example: ``odata: {connection: erp, entity_set: Customers, key: {ID: order.customer_id}}``
    """
    graphql: GraphQLLookup | None = None
    """A GraphQL API that is asked for each entity.

    Example:
        graphql:
          connection: shop
          query: "query ($id: ID!) { customer(id: $id) { id name } }"
          variables: {id: order.customer_id}
          records: customer
    """
    sql: SqlLookup | None = None
    """A database that is asked for the entities of a batch together.

    Example:
        sql: {connection: erp, table: sales.customers, columns: [id, credit_limit]}
        where: {number: order.customer}

    Since: 0.3
    """
    route: RouteName | None = None
    """Another route, whose ledger is asked what it has delivered under ``key``. The row has ``target_id``, ``status``,
    ``delivered_at``, ``version`` and ``key``. With ``missing: retry`` the entity goes out when the other one is there.

    Example:
        route: customers_to_erp
        key: order.customer.id
        missing: retry
    """
    store: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=60)] | None = None
    """A store, in which the step ``store`` of any route and people put values.

    Example:
        store: codes
        key: order.sku
    """
    key: Annotated[Expression, Sees("question")] | None = None
    """With ``route`` and ``store``: the key there. Several values in a list are joined by ``|``.

    Example:
        key: order.customer.id
        route: customers_to_erp
    """
    where: Annotated[dict[str, Annotated[Expression, Sees("question")]], Field(max_length=10)] = Field(
        default_factory=dict
    )
    """With ``file``, ``http`` and ``sql``: columns of the table with the value each must have. Texts and numbers are
    compared as they are written.

    Example: ``where: {country: order.country}``
    """
    all: Annotated[bool, Field(strict=True)] = False
    """With ``file`` and ``sql``: several rows may match, and what is found is the list of them all, as of a join. Where
    none does, ``missing`` says what happens; ``null`` gives an empty list. At most 10,000 rows may match.

    Example:
        all: true
        name: prices
        file: lookups/prices.csv
        where: {sku: order.sku}
        missing: null

    Since: 0.3
    """
    each: Annotated[Expression, Sees("entity")] | None = None
    """A list of the entity: one look-up for each of its elements, which ``key``, ``where`` and the texts of ``http``
    call ``item``. What is found is a list in the same order.

    Example:
        each: order.lines
        file: lookups/products.csv
        where: {sku: item.sku}
    """
    missing: Literal["reject", "null", "retry", "fail"] | None = "reject"
    """What happens to an entity for which nothing is found: ``reject``; ``null`` to go on without a row; ``retry`` to
    look again later, with the pauses and attempts of ``delivery.retry``, and then to reject; or ``fail``, which ends
    the run before anything of it is sent.

    Example: ``missing: retry``
    """
    cache: Literal["run", "none"] | Duration | None = None
    """With ``http``: how long an answer is used for the batches behind its own: as long as the ``run`` lasts,
    ``none``, or a time such as ``5m``. Left out: ``run``; but ``none`` in a run for events and in a live run, so
    that no answer is older than the event that asks.

    Example:
        cache: 5m
        http: {connection: crm, path: "/customers/{{ order.customer }}"}
    """
    delimiter: Annotated[str, BeforeValidator(written_delimiter), Field(min_length=1, max_length=1)] = ","
    """What stands between the columns of a CSV file.

    Example: ``delimiter: ";"``
    """

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        given = [name for name in _SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            found = f"; found {' and '.join(given)}" if given else ""
            raise ValueError(f"a lookup has one of {', '.join(_SOURCES)}, and exactly one of them{found}")
        if self.file is not None and not self.where:
            raise ValueError(
                "where is missing: which column of the file has which value? Such as {country: order.country}"
            )
        if self.sql is not None and not self.where:
            raise ValueError(
                "where is missing: which column of the rows has which value? Such as {number: order.customer}"
            )
        if self.all and self.file is None and self.sql is None:
            raise ValueError(f"all goes with file and sql; with {given[0]} leave it out: one row is found")
        by_key = self.route is not None or self.store is not None
        if by_key and self.key is None:
            raise ValueError(f"key is missing: under which key does {given[0]} have it? Such as order.customer.id")
        if not by_key and self.key is not None:
            raise ValueError(f"key goes with route and store; with {given[0]} write where")
        if by_key and self.where:
            raise ValueError(f"where goes with file, http, odata, graphql and sql; with {given[0]} write key")
        if self.cache is not None and not (self.http or self.odata or self.graphql or self.sql):
            raise ValueError(
                "cache goes with http, odata, graphql and sql; leave it out: a file is read when a run begins, and in "
                "a live run when it has changed; the ledger is asked each time"
            )
        if isinstance(self.cache, timedelta) and self.cache.total_seconds() <= 0:
            raise ValueError("cache is more than nothing, such as 5m; write none to ask in each batch")
        return self

    @model_validator(mode="after")
    def _compares_what_is_read(self) -> Self:
        if self.odata is None or not self.odata.select:
            return self
        read = {re.split(r"[/ (]", path, maxsplit=1)[0] for path in (*self.odata.select, *self.odata.expand)}
        if "*" not in read and (left_out := [column for column in self.where if column not in read]):
            raise ValueError(
                f"where compares {left_out[0]}, which odata.select leaves out: nothing would ever be found; add it "
                "there"
            )
        return self

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.http is None:
            return self
        if self.http.batch is not None and len(self.where) != 1:
            raise ValueError(
                "http.batch asks for many keys at once: where has exactly one column then, which tells whose each row "
                "is, such as where: {sku: order.sku}"
            )
        if self.http.create is not None and "missing" in self.model_fields_set:
            raise ValueError("http.create says what happens to what is not found; leave missing out")
        return self
