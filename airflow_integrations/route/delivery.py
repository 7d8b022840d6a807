"""Options for how a route's entities go out, and what happens to those that fail."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import Duration

__all__ = ["Delivery", "FailAbove", "InDoubt", "Retry"]

InDoubt = Literal["resend", "verify", "hold"]


class FailAbove(Model):
    """The run fails when more than this share of its decided entities went wrong."""

    above: Annotated[str, Field(pattern=r"^\d{1,2}(\.\d+)?%$")]
    """A percentage, such as ``2%``.

    Example: ``above: 2%``
    """

    @property
    def share(self) -> float:
        return float(self.above.rstrip("%")) / 100


class Retry(Model):
    """When to send an entity again that could not be delivered, and for how long."""

    attempts: Annotated[int, Field(strict=True, ge=1, le=1000)] = 10
    """Maximum number of attempts; after that the entity has failed. A target that is away altogether costs no attempt.

    Example: ``attempts: 5``
    """
    delay: Duration = Field(default="1m", validate_default=True)
    """The pause after the first attempt. It doubles each time, and is shortened at random by up to a half. A
    ``Retry-After`` of up to 6 hours is obeyed.

    Example: ``delay: 5m``
    """
    max_delay: Duration = Field(default="1h", validate_default=True)
    """The longest pause.

    Example: ``max_delay: 6h``
    """
    age: Duration = Field(default="3d", validate_default=True)
    """An entity that could not be delivered for this long has failed, however few its attempts.

    Example: ``age: 1d``
    """
    on: tuple[Annotated[int, Field(strict=True, ge=400, le=599)], ...] = ()
    """HTTP statuses that mean *later* at this target, such as 409 or 423. 408, 425, 429 and all from 500 on always do.

    Example: ``on: [409, 423]``
    """

    @model_validator(mode="after")
    def _in_order(self) -> Retry:
        if self.delay.total_seconds() <= 0:
            raise ValueError("delay is more than nothing, such as 1m")
        if self.max_delay < self.delay:
            raise ValueError("max_delay is not shorter than delay")
        return self


class Delivery(Model):
    """How entities go out.

    Example:
        batch: 100
        concurrency: 8
        fail_run: {above: 2%}
        retry: {attempts: 5, age: 1d, on: [409, 423]}
        in_doubt: hold
    """

    batch: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 1
    """Entities in one request. 1 sends each by itself; more sends a JSON array, or what ``body`` makes of it.

    Example: ``batch: 100``
    """
    concurrency: Annotated[int, Field(strict=True, ge=1, le=64)] = 4
    """Requests under way at the same time. The states of one key never overtake each other.

    Example: ``concurrency: 8``
    """
    fail_run: Literal["any", "never"] | FailAbove = "any"
    """When a run fails: ``any`` entity went wrong (was rejected, failed, or is in doubt), ``never``, or more than a
    share of the decided entities, ``{above: 2%}``. *Retrying* entities fail no run.

    Example: ``fail_run: {above: 2%}``
    """
    resend: Literal["changed", "always"] = "changed"
    """Whether an entity whose content was delivered before goes out again. ``changed``: it is *unchanged* and not sent.
    ``always``: it is sent.

    Example: ``resend: always``
    """
    retry: Retry = Field(default_factory=Retry)
    """When to send an entity again that could not be delivered.

    Example: ``retry: {attempts: 5, age: 1d, on: [409, 423]}``
    """
    in_doubt: InDoubt | None = None
    """What to do with an entity that was sent and not answered: ``resend`` it with the same idempotency key, ``verify``
    by asking the target, or ``hold`` it for a person. Default: ``resend`` where the target does not mind getting it
    twice, else ``hold``.

    Example: ``in_doubt: hold``
    """
