"""``trigger.webhook``: an address that other systems post events to, and how they prove who they are."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from airflow_integrations.expressions import Expression, Sees
from airflow_integrations.model import Model

__all__ = ["WebhookOptions"]


class WebhookOptions(Model):
    """Events are posted to ``/integrations/hooks/<path>`` of Airflow's API server."""

    path: Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-]+(/[A-Za-z0-9_\-]+)*$", max_length=200)]
    """The end of the address, such as ``shop/orders``. Routes that name the same one get the same events."""
    event_id: Annotated[Expression, Sees("event")] | None = None
    """What the sender calls the event, so that one that comes twice counts once, such as
    ``headers["x-shop-webhook-id"]``."""
    records: Annotated[Expression, Sees("event")] = Field(default="body", validate_default=True)
    """The records in it, a list or a single one: ``body.orders``."""
