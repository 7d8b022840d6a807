"""``trigger.webhook``: an address that other systems post events to, and how they prove who they are."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import ConnectionId, Size
from airflow_integrations.expressions import Expression, Sees
from airflow_integrations.formats.options import CsvOptions, Encoding, XmlOptions
from airflow_integrations.formats.text_formats import TextFormats
from airflow_integrations.route.webhooks.presets import PRESETS
from airflow_integrations.route.webhooks.verification import HmacProof, Verify

__all__ = ["AnswerOptions", "Echo", "EchoToken", "WebhookOptions"]

LARGEST = 10_000_000

ParameterName = Annotated[str, Field(min_length=1, max_length=100)]


class EchoToken(Model):
    """What the sender says in its question, so that nobody else learns that the address exists."""

    param: ParameterName
    """The parameter, such as ``hub.verify_token``.

    Example: ``param: hub.verify_token``
    """
    secret: ConnectionId
    """The Connection whose password the parameter must be. It stands in the address, and so in logs: use it for nothing
    else.

    Example: ``secret: meta_verify_token``
    """


class Echo(Model):
    """Before the first event the sender asks whether the address is yours: it expects the value of a parameter back."""

    param: ParameterName
    """The parameter whose value is the answer, such as ``hub.challenge`` or ``validationToken``.

    Example: ``param: hub.challenge``
    """
    token: EchoToken | None = None
    """Answer only a sender that knows this token.

    Example: ``token: {param: hub.verify_token, secret: meta_verify_token}``
    """


class AnswerOptions(Model):
    """The answer to an event that was taken or is known already. Refusals stay as they are."""

    status: Literal[200, 201, 202, 204] | None = None
    """Left out: 202 for an event that is new, 200 for one that is known.

    Example: ``status: 200``
    """
    body: Literal["json", "empty"] = "json"
    """``json``: the event's id and how many entities it has. ``empty``: nothing.

    Example: ``body: empty``
    """
    text: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    """This text instead, as ``text/plain``.

    Example: ``text: OK``
    """

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.text is not None and self.body == "empty":
            raise ValueError("text and body: empty exclude each other")
        if self.status == 204 and (self.text is not None or self.body != "empty"):
            raise ValueError("status 204 has no body: write body: empty beside it")
        return self


class WebhookOptions(TextFormats):
    """Events are posted to ``/integrations/hooks/<path>`` of Airflow's API server.

    Example:
        path: shop/orders
        verify: {shopify: shop_webhook}
        event_id: headers["x-shopify-webhook-id"]
        records: body
    """

    path: Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-]+(/[A-Za-z0-9_\-]+)*$", max_length=200)]
    """The end of the address, such as ``shop/orders``. Routes with the same path get the same events; all options but
    ``records`` must then be equal.

    Example: ``path: shop/orders``
    """
    preset: Literal["github", "shopify", "sns", "stripe", "woocommerce", "xero"] | None = None
    """A sender that is known by name. It sets defaults for the options below: format, event id, test of the address,
    answer. ``verify`` is still needed.

    Example: ``preset: shopify``
    """
    verify: Verify
    """How the sender proves its identity. ``none``: everybody may send.

    Example: ``verify: {shopify: shop_webhook}``
    """
    event_id: Annotated[Expression, Sees("event")] | None = None
    """The sender's id of the event: text, a number, or a list of them, at most 250 characters. An event that comes
    twice counts once. Left out: the ``webhook-id`` of Standard Webhooks; without one each request is an event of its
    own.

    Example: ``event_id: headers["x-shop-webhook-id"]``
    """
    records: Annotated[Expression, Sees("event")] = Field(default="body", validate_default=True)
    """The records of an event, a list or a single one. An empty list: there is nothing to do. Null: the event is not
    what the route expects; it is kept, and the next run rejects it.

    Example: ``records: body.orders``
    """
    format: Literal["auto", "json", "json_lines", "csv", "xml", "form", "fixed_width", "edifact", "x12"] = "auto"
    """The format of the body. ``auto`` takes it from the Content-Type.

    Example: ``format: json``
    """
    encoding: Encoding | None = None
    """How the text of JSON, JSON lines, CSV and XML is written, such as ``cp1252``. A byte order mark counts first,
    then this. Left out: what an XML document declares, the Content-Type's charset, UTF-8.

    Example: ``encoding: cp1252``
    """
    form_json: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """The field of a form whose text is JSON. That JSON is then the body. Other bodies stay as they are.

    Example: ``form_json: payload``
    """
    csv: CsvOptions = Field(default_factory=CsvOptions)
    """How CSV is written.

    Example: ``csv: {delimiter: ";"}``
    """
    xml: XmlOptions = Field(default_factory=XmlOptions)
    """How XML becomes values.

    Example: ``xml: {record: order}``
    """
    max_size: Size = 1_000_000
    """The largest body, packed and unpacked; at most 10MB.

    Example: ``max_size: 5MB``
    """
    max_records: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 10_000
    """The most records in one event. An event with more is refused with ``400``.

    Example: ``max_records: 500``
    """
    challenge: Literal["slack", "sns", "woocommerce", "zoom"] | Echo | None = None
    """How the sender tests the address. ``slack``: a signed ``url_verification``. ``zoom``: a signed
    ``endpoint.url_validation``. ``woocommerce``: an unsigned form with nothing but ``webhook_id``. ``sns``: a
    confirmation of the subscription, kept for a person. ``{param: …}``: the value of a parameter is sent back, for
    Meta and Microsoft.

    Example: ``challenge: {param: hub.challenge, token: {param: hub.verify_token, secret: meta_verify_token}}``
    """
    answer: AnswerOptions = Field(default_factory=AnswerOptions)
    """The answer to an event that was taken.

    Example: ``answer: {status: 200, body: empty}``
    """
    wait: Annotated[bool, Field(strict=True)] = False
    """Whether senders may wait for the outcome, with ``?wait=20`` or ``Prefer: wait=20``. The answer has the target's
    ids and the reasons of refusals.

    Example: ``wait: true``
    """

    @field_validator("format", mode="before")
    @classmethod
    def _of_a_body(cls, value: object) -> object:
        if value in ("excel", "parquet"):
            raise ValueError(
                f"{value} is a format of files: it unpacks to many times its size, and the sender of a webhook waits. "
                "Let the file be put into a folder or a mail: trigger: {listen: {files: …}} or {listen: {imap: …}}"
            )
        return value

    @model_validator(mode="before")
    @classmethod
    def _verified(cls, options: Any) -> Any:
        if isinstance(options, dict) and isinstance(name := options.get("preset"), str):
            options = {**PRESETS.get(name, {}), **options}
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
