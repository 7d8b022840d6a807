"""How a route's entities go out, and what happens with those that don't."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from airflow_integrations.model import Duration, Model

__all__ = ["Delivery", "FailAbove", "InDoubt", "Retry"]

InDoubt = Literal["resend", "verify", "hold"]


class FailAbove(Model):
    """The run fails when more than this share of the entities it decided on went wrong."""

    above: Annotated[str, Field(pattern=r"^\d{1,2}(\.\d+)?%$")]
    """A percentage, such as ``2%``."""

    @property
    def share(self) -> float:
        return float(self.above.rstrip("%")) / 100


class Retry(Model):
    """When an entity that could not be delivered is tried again, and for how long."""

    attempts: Annotated[int, Field(strict=True, ge=1, le=1000)] = 10
    """So often it is sent in all; after that it has failed. A target that is away altogether costs no attempt."""
    delay: Duration = Field(default="1m", validate_default=True)
    """The pause after the first attempt; it doubles each time. A target's Retry-After is obeyed."""
    max_delay: Duration = Field(default="1h", validate_default=True)
    """The longest pause."""
    age: Duration = Field(default="3d", validate_default=True)
    """An entity that could not be delivered for so long has failed, however few its attempts."""
    on: tuple[Annotated[int, Field(strict=True, ge=400, le=599)], ...] = ()
    """HTTP statuses that count as *later* though they usually mean *never*, such as 409 or 423."""

    @model_validator(mode="after")
    def _in_order(self) -> Retry:
        if self.delay.total_seconds() <= 0:
            raise ValueError("delay is more than nothing, such as 1m")
        if self.max_delay < self.delay:
            raise ValueError("max_delay is not shorter than delay")
        return self


class Delivery(Model):
    """How entities go out."""

    batch: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 1
    """Entities in one request. 1 sends each by itself; more sends a JSON array (or what ``body`` makes of them)."""
    concurrency: Annotated[int, Field(strict=True, ge=1, le=64)] = 4
    """Requests under way at once. Entities of one key never overtake each other."""
    fail_run: Literal["any", "never"] | FailAbove = "any"
    """When a run turns red: at ``any`` entity that went wrong, ``never``, or ``{above: 2%}`` of them."""
    resend: Literal["changed", "always"] = "changed"
    """Whether an entity whose content was delivered before goes out again: only when it ``changed``, or ``always``."""
    retry: Retry = Field(default_factory=Retry)
    """When an entity that could not be delivered is tried again."""
    in_doubt: InDoubt | None = None
    """What happens with an entity of which nobody knows whether it arrived: ``resend`` it with the same idempotency
    key, ``verify`` by a look-up at the target, or ``hold`` it for a person. Default: ``resend`` where the target does
    not mind getting it twice, else ``hold``."""
