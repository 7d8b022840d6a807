"""The options of ``incoming: {odata: …}``, and the requests of the kind ``http`` that they come to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from airflow_integrations.config.model import Model, ShortForm
from airflow_integrations.config.types import ConnectionId
from airflow_integrations.expressions import Expression, Sees, Template, Texts
from airflow_integrations.incoming.http.options import HttpIncomingConfig
from airflow_integrations.incoming.http.pagination import Offset
from airflow_integrations.incoming.odata.paging import COUNT, RECORDS, ServerPaging
from airflow_integrations.odata.bound import (
    BoundValue,
    EntitySet,
    PropertyPath,
    bound_filter,
    filter_mistakes,
)
from airflow_integrations.odata.literals import Version
from airflow_integrations.odata.typed import TypedExpression

__all__ = ["ODataIncomingConfig", "Since", "as_http", "option_mistakes"]

_Name = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$", max_length=60)]
_OURS = frozenset(
    {"$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$skiptoken", "$count", "$inlinecount", "$format"}
)


class Since(ShortForm):
    """The property that says when an entity was last changed. Just its name, or these options.

    Example:
        property: modified_on
        type: date
    """

    short_form: ClassVar[str] = "property"

    property: PropertyPath
    """Its name.

    Example: ``property: lastModifiedDateTime``
    """
    type: Literal["datetimeoffset", "datetime", "date"] = "datetimeoffset"
    """Its type in the service's model. ``datetime`` is one of version 2, without a zone; it is compared in UTC. With
    ``date`` each run reads the whole days of its window.

    Example:
        type: date
        property: modified_on
    """


class ODataIncomingConfig(Model):
    """Entities of an OData service, version 2 or 4.

    Example:
        connection: erp
        entity_set: Orders
        filter: Status eq @status
        values: {status: var.status}
        since: modifiedAt
        expand: [items]
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
    """What is read, as the service's model names it.

    Example: ``entity_set: A_SalesOrder``
    """
    select: list[PropertyPath] = Field(default_factory=list, max_length=500)
    """The properties that are read. Left out: all of them.

    Example: ``select: [SalesOrder, SoldToParty, TotalNetAmount]``
    """
    expand: list[Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^{}&#]+$")]] = Field(
        default_factory=list, max_length=100
    )
    """What is read along with each entity. An entity whose expanded list goes on elsewhere is rejected with that
    reason.

    Example: ``expand: [to_Item, to_Partner]``
    """
    filter: Annotated[str, Field(max_length=10_000)] | None = None
    """Which entities are read, in OData's own words; ``@name`` stands for a value of ``values``.

    Example:
        filter: Status eq @status and not Deleted
        values: {status: var.status}
    """
    values: dict[_Name, Annotated[TypedExpression, Sees("run")]] = Field(default_factory=dict)
    """The values of the filter: expressions, written and quoted by their type. ``{value: …, type: guid}`` names a type
    that the value alone does not show; a text is a string, a number a number, a moment a ``datetimeoffset``.

    Example:
        values: {company: {value: var.company, type: guid}}
        filter: companyId eq @company
    """
    since: Since | None = None
    """Only what was changed in the run's window, by this property.

    Example: ``since: modifiedAt``
    """
    delta: Annotated[bool, Field(strict=True)] = False
    """Read everything once, and then what has changed, by the delta link that the service gives (``$deltatoken``, in
    version 2 of SAP ``!deltatoken``). It becomes the route's cursor when every entity of its run has its fate. Where
    the service no longer takes it (410), everything is read again.

    Example: ``delta: true``
    Since: 0.2
    """
    removed: Literal["ignore", "delete"] = "ignore"
    """What becomes of an entity of which a delta says that it was removed: ``delete`` deletes it at the target, if
    that has it.

    Example: ``removed: ignore``
    Since: 0.2
    """
    order_by: list[Annotated[str, Field(pattern=r"^[^\W\d][\w/]*( (asc|desc))?$", max_length=210)]] = Field(
        default_factory=list, max_length=50
    )
    """The order of the entities.

    Example: ``order_by: [modifiedAt, ID desc]``
    """
    paging: Literal["server", "skip"] = "server"
    """``server``: the service cuts pages and links them, as its version says. ``skip``: for a service that gives all at
    once, the route cuts pages with ``$top`` and ``$skip``; they need ``page_size`` and ``order_by``.

    Example:
        paging: skip
        page_size: 500
        order_by: [SalesOrder]
    """
    page_size: Annotated[int, Field(strict=True, ge=1, le=100_000)] | None = None
    """Entities on a page. With ``paging: server`` it is asked for, and the service decides.

    Example: ``page_size: 500``
    """
    count: Annotated[bool, Field(strict=True)] = True
    """Ask the service how many entities there are; if fewer come, the run fails. ``false`` for a service that cannot
    count.

    Example: ``count: false``
    """
    query: dict[str, Annotated[Texts, Sees("run", flavor="query")]] = Field(default_factory=dict)
    """Further parameters of the query, which the service has besides OData's.

    Example: ``query: {sap-client: "100"}``
    """
    headers: dict[str, Annotated[Template, Sees("run", flavor="header")]] = Field(default_factory=dict)
    """Headers besides the Connection's.

    Example: ``headers: {Accept-Language: en}``
    """

    @property
    def keeps_cursor(self) -> bool:
        """Whether its cursor is what the service gives: see :class:`Page`."""
        return self.delta

    @model_validator(mode="after")
    def _one_increment(self) -> Self:
        if self.removed == "delete" and not self.delta:
            raise ValueError("only a delta says what was removed; write delta: true")
        if self.delta and self.since is not None:
            raise ValueError("delta and since both say what has changed; leave one of them out")
        if self.delta and self.paging == "skip":
            raise ValueError("the service gives its delta link behind the last page that it cuts; leave paging out")
        return self

    @model_validator(mode="after")
    def _pages(self) -> Self:
        if self.paging == "skip":
            if self.page_size is None or not self.order_by:
                raise ValueError(
                    "paging: skip needs page_size and order_by: without an order that stays, $skip passes over "
                    "entities; order by the key"
                )
        elif self.page_size is not None and self.version == 2:
            raise ValueError(
                "in version 2 the service alone decides on the size of its pages; leave page_size out, or write "
                "paging: skip"
            )
        return self


def option_mistakes(config: ODataIncomingConfig) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with options that belong together."""
    if config.filter is not None:
        for text in filter_mistakes(config.filter, config.values):
            yield ("filter",), text
    elif config.values:
        yield ("values",), "there is no filter that they are bound to; write filter: Status eq @status"
    if config.since is not None and config.since.type != "datetimeoffset":
        fits = {"datetime": 2, "date": 4}[config.since.type]
        if config.version != fits:
            yield ("since", "type"), f"version {config.version} has no type {config.since.type}"
    for name in config.query:
        if name in _OURS:
            remedy = "write it as an option of its own" if name != "$skiptoken" else "the service gives it"
            yield ("query", name), f"{name} is made from the options here; {remedy}"


def as_http(config: ODataIncomingConfig) -> HttpIncomingConfig:
    """The same as options of the kind ``http``."""
    version = config.version
    query: dict[str, Any] = {}
    condition = bound_filter(config.filter, config.values, version, "run", *_changed(config))
    if condition is not None:
        query["$filter"] = condition
    for name, listed in (("$select", config.select), ("$expand", config.expand), ("$orderby", config.order_by)):
        if listed:
            query[name] = ",".join(listed)
    if config.count:
        query |= {"$count": "true"} if version == 4 else {"$inlinecount": "allpages"}
    headers: dict[str, Any] = {"Accept": "application/json"}
    if version == 2:
        query["$format"] = "json"
        headers["MaxDataServiceVersion"] = "2.0"
    else:
        headers["OData-MaxVersion"] = "4.0"
    paging: Any = ServerPaging(style="odata", version=version, counts=config.count, delta=config.delta)
    if config.paging == "skip":
        total = COUNT[version] if config.count else None
        paging = Offset(style="offset", param="$skip", size=config.page_size, size_param="$top", total=total)
    prefer = [f"odata.maxpagesize={config.page_size}"] if config.page_size and config.paging == "server" else []
    prefer += ["odata.track-changes"] if config.delta and version == 4 else []
    if prefer:
        headers["Prefer"] = ",".join(prefer)
    own = {name.lower() for name in config.headers}
    headers = {name: text for name, text in headers.items() if name.lower() not in own}
    return HttpIncomingConfig(
        connection=config.connection,
        path=Template("/" + config.entity_set, "run", "path"),
        query={**query, **config.query},
        headers={**headers, **config.headers},
        records=Expression(RECORDS[version], "answer"),
        pagination=paging,
    )


def _changed(config: ODataIncomingConfig) -> Iterator[tuple[str | BoundValue, ...]]:
    """The condition that an entity was changed in the run's window."""
    since = config.since
    if since is None:
        return
    start, end = (
        BoundValue(f"since.{name}", Expression(f"window.{name}", "run"), since.type, config.version)
        for name in ("start", "end")
    )
    last = "le" if since.type == "date" else "lt"
    yield (f"{since.property} ge ", start, f" and {since.property} {last} ", end)
