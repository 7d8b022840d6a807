"""``trigger.webhook``: an address that other systems post events to, and how they prove who they are."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from airflow_integrations.expressions import Expression, Sees
from airflow_integrations.formats.options import CsvOptions, XmlOptions
from airflow_integrations.model import ConnectionId, Model
from airflow_integrations.size import Size
from airflow_integrations.webhook_verify import HmacProof, Verify

__all__ = ["Echo", "EchoToken", "WebhookOptions"]

LARGEST = 10_000_000

ParameterName = Annotated[str, Field(min_length=1, max_length=100)]


class EchoToken(Model):
    """What the sender was told to say in its question, so that nobody else learns that the address exists."""

    param: ParameterName
    """The parameter, such as ``hub.verify_token``."""
    secret: ConnectionId
    """The Connection whose password it has to be. It stands in the query, and so in logs: use it for nothing else."""


class Echo(Model):
    """Before it sends anything the sender asks whether the address is meant: it wants a parameter's value back."""

    param: ParameterName
    """The parameter whose value is the answer, such as ``hub.challenge`` or ``validationToken``."""
    token: EchoToken | None = None
    """The answer is given only to who knows it."""


class WebhookOptions(Model):
    """Events are posted to ``/integrations/hooks/<path>`` of Airflow's API server."""

    path: Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-]+(/[A-Za-z0-9_\-]+)*$", max_length=200)]
    """The end of the address, such as ``shop/orders``. Routes that name the same one get the same events; all but
    ``records`` is then the same in each of them."""
    verify: Verify
    """How the sender proves who it is. ``none``: it does not, and everybody may send."""
    event_id: Annotated[Expression, Sees("event")] | None = None
    """What the sender calls the event, so that one that comes twice counts once, such as
    ``headers["x-shop-webhook-id"]``. Left out: the ``webhook-id`` of Standard Webhooks; else each request is an event
    of its own."""
    records: Annotated[Expression, Sees("event")] = Field(default="body", validate_default=True)
    """The records in it, a list or a single one: ``body.orders``. Null or an empty list: there is nothing to do."""
    format: Literal["auto", "json", "json_lines", "csv", "xml", "form"] = "auto"
    """What the body is; ``auto`` goes by its Content-Type."""
    csv: CsvOptions = Field(default_factory=CsvOptions)
    """How CSV is written."""
    xml: XmlOptions = Field(default_factory=XmlOptions)
    """How XML becomes values."""
    max_size: Size = 1_000_000
    """The largest body, as it is sent and as it is when it is unpacked: at most 10MB."""
    challenge: Literal["slack", "zoom"] | Echo | None = None
    """How the sender asks whether the address is meant. ``slack``: a signed ``url_verification``; ``zoom``: a signed
    ``endpoint.url_validation``; ``param``: a parameter of the query is sent back, as Meta and Microsoft want it."""
    wait: Annotated[bool, Field(strict=True)] = False
    """Whether senders may wait for the fate of the entities, with ``?wait=20`` or ``Prefer: wait=20``. They are told
    it, with the reasons of what was refused and the ids that the target gave."""

    @model_validator(mode="before")
    @classmethod
    def _verified(cls, options: Any) -> Any:
        if isinstance(options, dict) and "verify" not in options:
            raise ValueError(
                "verify is missing: how the sender proves who it is, such as verify: {shopify: <Connection>}; "
                f"one of {', '.join(Verify.model_fields)}"
            )
        return options

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not 1 <= self.max_size <= LARGEST:
            raise ValueError("max_size is at most 10MB: larger content belongs into a file that the event names")
        if self.challenge == "zoom" and not isinstance(self.verify.proof, HmacProof):
            raise ValueError("challenge zoom is answered with verify's secret: verify: {zoom: …}")
        return self
