"""A route: what moves, from where, through which transformers, to where, when, and how urgently.

The same model stands behind route files (YAML, JSON) and routes written in Python.
"""

from __future__ import annotations

import keyword
from datetime import datetime, time
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator, model_validator

from airflow_integrations.config.file_reference import Folder
from airflow_integrations.config.model import Model
from airflow_integrations.config.types import Duration, Moment, RouteName, check_cron, check_timezone
from airflow_integrations.expressions import SCOPES, Expression, Sees
from airflow_integrations.expressions.functions.catalogue import CATALOGUE
from airflow_integrations.masking.mask_path import MaskPath
from airflow_integrations.route.alerts import Alerts
from airflow_integrations.route.contracts.options import ContractOptions
from airflow_integrations.route.dag_options import DagOptions
from airflow_integrations.route.delivery import Delivery
from airflow_integrations.route.grouping import GroupOptions
from airflow_integrations.route.incremental import Missing, WindowOptions
from airflow_integrations.route.retention import Retention
from airflow_integrations.route.stage import IncomingStage, OutgoingStage, TransformStage
from airflow_integrations.route.tasks import TaskOptions
from airflow_integrations.route.trigger import Trigger
from airflow_integrations.window import AIRFLOW_ALIASES

__all__ = [
    "OWN_DAGS",
    "PRIORITIES",
    "RUN_PARAMS",
    "Delivery",
    "EntityOptions",
    "Priority",
    "Route",
    "Schedule",
    "TaskOptions",
    "Trigger",
]

Priority = Literal["critical", "high", "normal", "low"]
PRIORITIES: tuple[Priority, ...] = ("critical", "high", "normal", "low")

RUN_PARAMS = ("window_start", "window_end", "keys", "entities", "limit", "dry_run", "retry", "confirm", "events")
"""What every run can be asked for, in one flat form with the route's own params."""

OWN_DAGS = {"integrations_maintenance": "the maintenance DAG", "integrations_daily_summary": "the daily summary's DAG"}
"""DAGs of this package that belong to no route. A route's name is its DAG's id, so that none may have theirs."""

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=60)]


class EntityOptions(Model):
    """What one entity is, and what identifies it."""

    name: Identifier = "entity"
    """The name of an entity in expressions and templates, such as ``order``.

    Example: ``name: order``
    """
    key: Annotated[Expression, Sees("entity")]
    """Identifies an entity for good, such as ``order.number``. It is taken once, after fetch, and again after
    ``split``. Several values in a list are joined: ``[order.shop, order.number]`` gives ``madrid|1042``.

    Example:
        key: order.number
        name: order
    """
    version: Annotated[Expression, Sees("entity")] | None = None
    """Orders two states of one entity, such as ``order.updated_at``.

    Example:
        version: order.updated_at
        name: order
    """
    group: GroupOptions | None = None
    """Makes one entity of several records of the source, such as an order of the lines of a CSV file.

    Example:
        group: {by: order_no, same: [customer]}
        name: order
        key: order.order_no
    """

    @field_validator("name")
    @classmethod
    def _usable(cls, name: str) -> str:
        taken = {seen for scope in SCOPES.values() for seen in scope.names} | AIRFLOW_ALIASES | CATALOGUE.keys()
        if keyword.iskeyword(name) or name in taken:
            raise ValueError(f"{name!r} already means something in expressions; call the entity something else")
        return name


class Schedule(Model):
    """Runs at fixed times. Each run has the window between its own time and the time before it."""

    cron: str | None = None
    """Five cron fields, or one of ``@hourly``, ``@daily``, ``@weekly``, ``@monthly``, ``@quarterly``, ``@yearly``; in
    ``timezone``.

    Example: ``cron: "*/5 * * * *"``
    """
    every: Duration | None = None
    """A fixed interval instead of cron, such as ``15m``.

    Example: ``every: 15m``
    """
    timezone: str = "UTC"
    """An IANA time zone, such as ``Europe/Madrid``.

    Example: ``timezone: Europe/Madrid``
    """
    start: Moment | None = None
    """The first window starts here. Without a time of day: midnight in ``timezone``.

    Example: ``start: 2026-01-01``
    """
    end: Moment | None = None
    """No window starts after this.

    Example: ``end: 2026-12-31``
    """
    catchup: Annotated[bool, Field(strict=True)] = False
    """Whether Airflow runs the windows between ``start`` and now when somebody switches the route on.

    Example: ``catchup: true``
    """

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return check_timezone(name)

    @field_validator("cron")
    @classmethod
    def _readable_cron(cls, cron: str | None) -> str | None:
        return None if cron is None else check_cron(cron)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.cron is None) == (self.every is None):
            raise ValueError("a schedule has either cron or every, and exactly one of them")
        if self.every is not None and self.every.total_seconds() < 1:
            raise ValueError("every is at least 1s")
        if self.catchup and self.start is None:
            raise ValueError("catchup needs start: which window is the first to catch up?")
        if self.moment("start") and self.moment("end") and self.moment("start") >= self.moment("end"):  # type: ignore[operator]
            raise ValueError("the schedule ends before it starts")
        return self

    def moment(self, which: Literal["start", "end"]) -> datetime | None:
        """``start`` or ``end`` as a moment with a time zone."""
        value = getattr(self, which)
        if value is None:
            return None
        if not isinstance(value, datetime):
            value = datetime.combine(value, time())
        return value if value.tzinfo else value.replace(tzinfo=ZoneInfo(self.timezone))


class Route(Model):
    """One kind of entity on its way from one system to another."""

    route: RouteName
    """The name of the route and the id of its DAG: letters, digits, ``_``, ``.`` and ``-``. Left out: the name of the
    file.

    Example: ``route: shop_orders_to_erp``
    """
    description: Annotated[str, Field(max_length=2000)] = ""
    """What the route is for, in a sentence. Airflow shows it in its list.

    Example: ``description: Paid orders from the web shop become sales orders in the ERP.``
    """
    owner: Annotated[str, Field(max_length=200)] = "airflow"
    """Who is responsible for the route.

    Example: ``owner: sales-ops``
    """
    tags: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = ()
    """Tags in Airflow's list, besides ``integration`` and the priority.

    Example: ``tags: [orders, erp]``
    """
    priority: Priority = "normal"
    """Which routes go first when slots are short: ``critical``, ``high``, ``normal``, ``low``.

    Example: ``priority: critical``
    """
    paused: Annotated[bool, Field(strict=True)] | None = None
    """Whether a new route's DAGs start paused; Airflow's own setting where it is left out.

    Example: ``paused: true``
    """
    entity: EntityOptions
    """What one entity is called and what identifies it.

    Example: ``entity: {name: order, key: order.number}``
    """
    mask: tuple[MaskPath, ...] = ()
    """Fields that nobody sees, such as ``customer.email`` or ``lines.*.note``: in the console and its API, exports,
    commands and error messages. A path names fields of the record as it was fetched and of what goes to the target.

    Example: ``mask: [customer.email, lines.*.note]``
    """
    schedule: Schedule | None = None
    """When Airflow runs the route. Left out: only when something triggers it.

    Example: ``schedule: {cron: "*/5 * * * *", timezone: Europe/Madrid, start: 2026-01-01}``
    """
    trigger: Trigger | None = None
    """Events that make the route run, besides the schedule or instead of one.

    Example: ``trigger: {webhook: {path: shop/orders, verify: {shopify: shop_webhook}, records: body}}``
    """
    params: dict[Identifier, Any] = Field(default_factory=dict)
    """Values that a run may be given, with their defaults. Expressions and templates read ``params.name``.

    Example: ``params: {channel: web}``
    """
    incoming: IncomingStage = Field(default={"none": {}}, validate_default=True)
    """Where entities come from. A route whose events carry the records needs none.

    Example: ``incoming: {http: {connection: shop, path: /api/orders, records: body.orders}}``
    """
    contract: ContractOptions | None = None
    """Which fields the source gives, and of which types, is learned from the first runs; what happens where it changes.
    Left out: nothing is learned.

    Example: ``contract: {on_type_change: reject}``
    Since: 0.3
    """
    transform: tuple[TransformStage, ...] = ()
    """The steps that change entities, in this order.

    Example:
        transform:
        - filter: order.status == "paid"
        - map: {DocumentNumber: order.number, Total: decimal(order.total)}
    """
    outgoing: OutgoingStage
    """Where entities go.

    Example: ``outgoing: {http: {connection: erp, path: /sales-orders}}``
    """
    delivery: Delivery = Field(default_factory=Delivery)
    """How entities go out, and what happens to those that are not delivered.

    Example: ``delivery: {batch: 100, concurrency: 8}``
    """
    window: WindowOptions = Field(default_factory=WindowOptions)
    """The stretch of time that a scheduled run fetches.

    Example: ``window: {overlap: 5m}``
    """
    missing: Literal["ignore", "emit"] | Missing = "ignore"
    """For sources that always give everything. ``ignore``: the target keeps what the source no longer has. ``emit``
    sends a deletion for it, unless more than 20 % vanish at once. ``{at_most: 50%}`` is ``emit`` with another share.

    Example:
        missing: {at_most: 50%}
        outgoing:
          http: {connection: erp, path: /sales-orders, delete: {path: "/sales-orders/{{ key }}"}}
    """
    retention: Retention = Field(default_factory=Retention)
    """How long the ledger and staging keep what was done.

    Example: ``retention: {payloads: 14d, history: 180d}``
    """
    alerts: Alerts | None = None
    """What counts as wrong, and who is notified. Left out, or ``null`` to overrule ``_defaults.yaml``: nobody.

    Example: ``alerts: {notify: [{email: ops@example.com}], error_rate: 5%}``
    """
    tasks: TaskOptions = Field(default_factory=TaskOptions)
    """The route's Airflow tasks: how many there are, retries and time-outs, where they run and who goes first.

    Example: ``tasks: {retries: 5, timeout: 2h}``
    """
    dag: DagOptions = Field(default_factory=DagOptions)
    """The route's DAG as a whole: how long a run may take, who hears of it, who may see and change it.

    Example: ``dag: {dagrun_timeout: 4h, access_control: {sales: [can_read]}}``
    Since: 0.2
    """
    max_active_runs: Annotated[int, Field(strict=True, ge=1, le=100)] = 1
    """Runs of this route at the same time. Those for events, where they have a DAG of their own, are counted apart.

    Example: ``max_active_runs: 3``
    """

    @field_validator("params")
    @classmethod
    def _names_of_their_own(cls, params: dict[str, Any]) -> dict[str, Any]:
        if taken := sorted(set(params).intersection(RUN_PARAMS)):
            raise ValueError(f"{', '.join(taken)} already means something in every run's params; choose another name")
        return params

    @field_validator("route")
    @classmethod
    def _not_ours(cls, name: str) -> str:
        if told := OWN_DAGS.get(name.lower()):
            raise ValueError(f"this is the name of {told}; choose another")
        if name.endswith("__live"):
            raise ValueError("a name that ends with __live is that of a consumer's DAG; choose another")
        if name.endswith("__events"):
            raise ValueError("a name that ends with __events is that of a DAG for a route's events; choose another")
        return name

    @model_validator(mode="after")
    def _checked(self, info: ValidationInfo) -> Self:
        from airflow_integrations.route.check import check

        check(self)
        return self

    @classmethod
    def load(cls, definition: dict[str, Any], *, folder: Folder | None = None) -> Self:
        """A route from plain data. ``folder`` says where the files it names are found.

        Raises pydantic's ValidationError with every mistake and its place.
        """
        return cls.model_validate(definition, context=folder)
