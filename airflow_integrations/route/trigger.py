"""``trigger``: what makes a route run beside, or instead of, its schedule."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import Duration, check_cron, check_timezone
from airflow_integrations.route.asset_trigger import AssetCondition
from airflow_integrations.route.stage import ListenStage
from airflow_integrations.route.webhooks.trigger import WebhookOptions

__all__ = ["Trigger"]


class Trigger(Model):
    """Events go into the route's inbox, and a run takes all that waits there, within seconds. Where the route also
    fetches, that is a run of the DAG ``<route>__events``, which waits for no scheduled run."""

    webhook: WebhookOptions | None = None
    """An address of Airflow's API server. Other systems post events to it.

    Example: ``webhook: {path: shop/orders, verify: {shopify: shop_webhook}, records: body}``
    """
    listen: ListenStage | None = None
    """A queue, a stream or a folder. Airflow's triggerer takes what arrives there.

    Example: ``listen: {rabbitmq: {connection: broker, queue: orders, records: body}}``
    """
    assets: AssetCondition | None = None
    """Start a run when these assets have changed: what another route delivered, or any asset of this Airflow. The run
    fetches everything new from ``incoming``, however many changes there were.

    Example: ``assets: {uri: "s3://exports/stock"}``
    """
    at: str | None = None
    """With ``assets``: also start a run at these times, whatever the assets do. Five cron fields in ``timezone``. A
    route with a schedule has its times there.

    Example:
        at: "0 6 * * *"
        assets: {uri: "s3://exports/stock"}
    """
    sweep: str | None = None
    """For a route without a schedule: also take what waits at these times, five cron fields in ``timezone``. The
    maintenance DAG does so every two minutes in any case.

    Example: ``sweep: "*/15 * * * *"``
    """
    timezone: str = "UTC"
    """The IANA time zone of ``sweep`` and ``at``.

    Example:
        timezone: Europe/Madrid
        sweep: "0 6 * * *"
    """
    debounce: Duration | None = None
    """Start a run only when nothing has come for this long, but wait at most ten times as long. A burst becomes one
    run.

    Example: ``debounce: 10s``
    """
    latest: Annotated[bool, Field(strict=True)] = False
    """Of several states of one entity in a run, deliver only the newest. The others are *superseded*.

    Example: ``latest: true``
    """
    max_batch: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 10_000
    """The most events that one run takes. The next run starts at once and takes the rest.

    Example: ``max_batch: 500``
    """
    latency: Literal["run", "low"] = "run"
    """``run``: a DAG run for each burst, within seconds. ``low``: a resident task of the DAG ``<route>__live`` delivers
    within milliseconds. It holds a slot all the time.

    Example: ``latency: low``
    """

    @field_validator("sweep", "at")
    @classmethod
    def _readable_cron(cls, cron: str | None) -> str | None:
        return None if cron is None else check_cron(cron)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return check_timezone(name)

    @model_validator(mode="after")
    def _anything(self) -> Self:
        if self.debounce is not None and not 0 < self.debounce.total_seconds() <= 3600:
            raise ValueError("debounce is more than nothing and at most 1h")
        if self.at is not None and self.assets is None:
            raise ValueError("at goes with assets; for a run at fixed times write schedule")
        if self.at is not None and self.sweep is not None:
            raise ValueError("runs at the times of at take what waits, too; leave sweep out")
        return self
