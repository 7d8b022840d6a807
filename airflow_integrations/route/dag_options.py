"""What a route says of its DAG as a whole: how long a run may take, who hears of it, who may see and change it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.suggestions import unknown
from airflow_integrations.config.types import Duration
from airflow_integrations.route.alerts import Target

__all__ = ["DagOptions", "Deadline", "Permission"]

Permission = Literal["can_read", "can_edit", "can_delete", "can_create"]
Resource = Literal["DAGs", "DAG Runs"]
Callback = Annotated[str, Field(min_length=1, max_length=200)]


class Deadline(Model):
    """When a run has to have ended; where it has not, people are notified, and it goes on. Airflow's DeadlineAlert."""

    after: Duration
    """How long after ``since`` the run has to have ended.

    Example: ``after: 30m``
    Since: 0.2
    """
    since: Literal["queued", "logical_date"] = "queued"
    """What the time counts from: when the run was ``queued``, or its ``logical_date``, which a run for events or
    without a schedule does not have.

    Example: ``since: queued``
    Since: 0.2
    """
    notify: Annotated[tuple[Target, ...], Field(min_length=1, max_length=20)] | None = None
    """Who is notified; left out: those of the route's ``alerts``.

    Example: ``notify: [{slack: slack_ops}]``
    Since: 0.2
    """

    @field_validator("after")
    @classmethod
    def _some_time(cls, value: Duration) -> Duration:
        if value.total_seconds() < 1:
            raise ValueError("a run needs some time: write 1s or more, such as 30m")
        return value


class DagOptions(Model):
    """The route's DAG, and that for its events, where it has one.

    Example:
        dagrun_timeout: 4h
        deadline: {after: 30m, notify: [{slack: slack_ops}]}
        access_control: {sales: [can_read], sales_admins: [can_read, can_edit]}
    """

    dagrun_timeout: Duration | None = None
    """The longest time that a run may take. Then Airflow fails it and stops its tasks; the maintenance DAG closes its
    books, and a later run delivers what is left.

    Example: ``dagrun_timeout: 4h``
    Since: 0.2
    """
    deadline: Deadline | None = None
    """When a run has to have ended, and who is notified where it has not.

    Example: ``deadline: {after: 30m, notify: [{slack: slack_ops}]}``
    Since: 0.2
    """
    access_control: dict[str, tuple[Permission, ...] | dict[Resource, tuple[Permission, ...]]] | None = None
    """What roles of Airflow's FAB auth manager may do with the DAG (and with ``DAG Runs``), besides what they may do
    with all DAGs. Other auth managers ignore it.

    Example: ``access_control: {sales: [can_read], admins: {DAGs: [can_edit], DAG Runs: [can_create]}}``
    Since: 0.2
    """
    on_success: tuple[Callback, ...] = ()
    """Callbacks for a run that succeeded, by the names that installed packages gave them in the entry point group
    ``airflow_integrations.callback``.

    Example: ``on_success: []``
    Since: 0.2
    """
    on_failure: tuple[Callback, ...] = ()
    """The same for a run that failed. People are better notified by ``alerts``.

    Example: ``on_failure: []``
    Since: 0.2
    """

    @field_validator("dagrun_timeout")
    @classmethod
    def _some_time(cls, value: Duration | None) -> Duration | None:
        if value is not None and value.total_seconds() < 1:
            raise ValueError("a run needs some time: write 1s or more, such as 4h")
        return value

    @field_validator("on_success", "on_failure")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from airflow_integrations.route.registry import callbacks

        known = callbacks() if names else {}
        for name in names:
            if name not in known:
                told = unknown("callback", name, known) if known else f"unknown callback {name!r}"
                raise ValueError(
                    f"{told}; a package names its callbacks in the entry point group airflow_integrations.callback"
                )
        return names
