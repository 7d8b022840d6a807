"""A route: what moves, from where, through which transformers, to where, when, and how urgently.

The same model stands behind route files (YAML, JSON) and routes written in Python.
"""

from __future__ import annotations

import keyword
from datetime import datetime, time
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator, model_validator

from airflow_integrations.alerts import Alerts
from airflow_integrations.cron import check_cron, check_timezone
from airflow_integrations.delivery import Delivery
from airflow_integrations.expressions import SCOPES, Expression, Sees
from airflow_integrations.expressions.functions.catalogue import CATALOGUE
from airflow_integrations.masking import MaskPath
from airflow_integrations.model import Duration, Folder, Model
from airflow_integrations.moment import Moment
from airflow_integrations.retention import Retention
from airflow_integrations.since import Missing, WindowOptions
from airflow_integrations.stage import IncomingStage, OutgoingStage, TransformStage
from airflow_integrations.trigger import Trigger
from airflow_integrations.window import AIRFLOW_ALIASES

__all__ = [
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

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=60)]


class EntityOptions(Model):
    """What one entity is, and what identifies it."""

    name: Identifier = "entity"
    """What expressions and templates call the entity, such as ``order``."""
    key: Annotated[Expression, Sees("entity")]
    """Identifies an entity for ever, such as ``order.number``. Taken once, after fetch (again after split)."""
    version: Annotated[Expression, Sees("entity")] | None = None
    """Orders two states of one entity, such as ``order.updated_at``."""

    @field_validator("name")
    @classmethod
    def _usable(cls, name: str) -> str:
        taken = {seen for scope in SCOPES.values() for seen in scope.names} | AIRFLOW_ALIASES | CATALOGUE.keys()
        if keyword.iskeyword(name) or name in taken:
            raise ValueError(f"{name!r} already means something in expressions; call the entity something else")
        return name


class Schedule(Model):
    """Runs at fixed times. Each run has the window between its tick and the one before it."""

    cron: str | None = None
    """Five cron fields or a preset such as ``@daily``, in ``timezone``."""
    every: Duration | None = None
    """A fixed interval instead of cron, such as ``15m``."""
    timezone: str = "UTC"
    """An IANA time zone, such as ``Europe/Madrid``."""
    start: Moment | None = None
    """The first window starts here. Without a time of day: midnight in ``timezone``."""
    end: Moment | None = None
    """No window starts after this."""
    catchup: Annotated[bool, Field(strict=True)] = False
    """Whether the windows between ``start`` and now are run when the route is switched on."""

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


class TaskOptions(Model):
    """The Airflow tasks of the route."""

    retries: Annotated[int, Field(strict=True, ge=0, le=100)] = 3
    """How often Airflow starts a task again after an outage. Other errors are not retried: a person mends them."""
    retry_delay: Duration = Field(default="1m", validate_default=True)
    """The pause before that; it doubles each time, up to an hour."""
    timeout: Duration = Field(default="6h", validate_default=True)
    """How long one task may take."""


class Route(Model):
    """One kind of entity on its way from one system to another."""

    route: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-]+$", min_length=1, max_length=200)]
    """The route's name and its DAG's id; the file's name where it is left out."""
    description: Annotated[str, Field(max_length=2000)] = ""
    """What the route is for, in a sentence; shown in Airflow's list."""
    owner: Annotated[str, Field(max_length=200)] = "airflow"
    """Who answers for it."""
    tags: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = ()
    """Tags in Airflow's list; ``integration`` and the priority are added."""
    priority: Priority = "normal"
    """Who goes first when slots are short: critical, high, normal, low."""
    paused: Annotated[bool, Field(strict=True)] | None = None
    """Whether a new route starts paused; Airflow's own setting where it is left out."""
    entity: EntityOptions
    """What one entity is called and what identifies it."""
    mask: tuple[MaskPath, ...] = ()
    """Fields that nobody is shown, such as ``customer.email`` or ``lines.*.note``: in the console and its API, exports,
    commands and error messages. A path is looked for in the record as it was fetched and in what goes to the target."""
    schedule: Schedule | None = None
    """When it runs by itself. Without one it runs when it is triggered."""
    trigger: Trigger | None = None
    """What makes it run when something happens, beside the schedule or instead of one."""
    params: dict[Identifier, Any] = Field(default_factory=dict)
    """Values a run may be given, with their defaults; expressions and templates read ``params.name``."""
    incoming: IncomingStage = Field(default={"none": {}}, validate_default=True)
    """Where entities are fetched from. A route with a trigger whose events carry the records can do without."""
    transform: tuple[TransformStage, ...] = ()
    """What happens to them, in this order."""
    outgoing: OutgoingStage
    """Where they go."""
    delivery: Delivery = Field(default_factory=Delivery)
    """How they go out, and what happens with those that don't."""
    window: WindowOptions = Field(default_factory=WindowOptions)
    """Which stretch of time a run by schedule is responsible for."""
    missing: Literal["ignore", "emit"] | Missing = "ignore"
    """For sources that always give everything: ``emit`` sends a deletion for what they no longer have, and
    ``{at_most: 50%}`` does so for another share of the entities than 20 %."""
    retention: Retention = Field(default_factory=Retention)
    """How long it is remembered what has been done."""
    alerts: Alerts | None = None
    """What counts as wrong, and who is told. Left out, or ``null`` where it stands in defaults: nobody."""
    tasks: TaskOptions = Field(default_factory=TaskOptions)
    """Retries and time-outs of the route's tasks."""
    max_active_runs: Annotated[int, Field(strict=True, ge=1, le=100)] = 1
    """Runs of this route at the same time."""

    @field_validator("params")
    @classmethod
    def _names_of_their_own(cls, params: dict[str, Any]) -> dict[str, Any]:
        if taken := sorted(set(params).intersection(RUN_PARAMS)):
            raise ValueError(f"{', '.join(taken)} already means something in every run's params; choose another name")
        return params

    @field_validator("route")
    @classmethod
    def _no_consumer(cls, name: str) -> str:
        if name.endswith("__live"):
            raise ValueError("a name that ends with __live is that of a consumer's DAG; choose another")
        return name

    @model_validator(mode="after")
    def _checked(self, info: ValidationInfo) -> Self:
        from airflow_integrations.route_check import check

        check(self)
        return self

    @classmethod
    def load(cls, definition: dict[str, Any], *, folder: Folder | None = None) -> Self:
        """A route from plain data. ``folder`` says where the files it names are found.

        Raises pydantic's ValidationError with every mistake and its place.
        """
        return cls.model_validate(definition, context=folder)

    def to_dag(self, **overrides: Any) -> Any:
        """The route as an Airflow DAG: assign it to a module's variable in the dags folder.

        ``overrides`` are arguments of ``airflow.sdk.DAG`` that replace the route's. Needs Airflow.
        """
        from importlib import import_module  # by name: only the room airflow/ imports Airflow

        return import_module("airflow_integrations.airflow.dag_factory").build_dag(self, **overrides)
