"""``trigger.webhook.verify``: how the sender of a webhook proves who it is."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from airflow_integrations.config.model import Model, ShortForm
from airflow_integrations.config.types import ConnectionId, Duration

__all__ = ["BasicProof", "HeaderProof", "HmacProof", "Secrets", "StandardProof", "Timestamp", "VendorProof", "Verify"]

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~\-]+$", max_length=100)]
_CONNECTION = {"type": "string", "minLength": 1, "maxLength": 250, "pattern": r"^[\w.\-]+$"}


def _some(names: tuple[str, ...]) -> tuple[str, ...]:
    if not 1 <= len(names) <= 10:
        raise ValueError(f"one Connection to ten, found {len(names)}")
    return names


Secrets = Annotated[
    tuple[ConnectionId, ...],
    AfterValidator(_some),
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
    PlainSerializer(lambda names: names[0] if len(names) == 1 else list(names), when_used="json"),
    WithJsonSchema({"anyOf": [_CONNECTION, {"type": "array", "items": _CONNECTION, "minItems": 1, "maxItems": 10}]}),
]
"""A Connection whose password is the secret; or several, of which one has to fit: while a secret is being replaced."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PLACEHOLDERS = frozenset({"body", "timestamp", "method"})


class Timestamp(Model):
    """When the sender sent the request. An old one was recorded, and somebody else sends it again."""

    header: HeaderName | None = None
    """The header with the time: seconds or milliseconds since 1970, or RFC 3339. Left out: the header of the signature.

    Example: ``header: X-Shop-Time``
    """
    field: Annotated[str, Field(min_length=1, max_length=50)] | None = None
    """Its name in a header of several fields, such as ``t`` in ``t=…,v1=…``.

    Example: ``field: t``
    """
    tolerance: Duration = Field(default="5m", validate_default=True)
    """How much the time may differ from this server's clock.

    Example:
        tolerance: 10m
        header: X-Shop-Time
    """


class HmacProof(Model):
    """A signature of the body with a secret that both sides know."""

    header: HeaderName
    """The header with the signature.

    Example: ``header: X-Shop-Hmac-Sha256``
    """
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    """The hash function of the HMAC.

    Example: ``algorithm: sha512``
    """
    encoding: Literal["hex", "base64"] = "hex"
    """How the signature is written.

    Example: ``encoding: base64``
    """
    prefix: Annotated[str, Field(max_length=50)] = ""
    """The text before the signature, such as ``sha256=``.

    Example: ``prefix: sha256=``
    """
    field: Annotated[str, Field(min_length=1, max_length=50)] | None = None
    """Its name in a header of several fields, such as ``v1`` in ``t=…,v1=…``. Where the name comes more than once, one
    that fits is enough.

    Example: ``field: v1``
    """
    secret: Secrets
    """The Connection whose password is the secret. Several in a list: one must fit.

    Example: ``secret: [shop_webhook, shop_webhook_new]``
    """
    secret_encoding: Literal["text", "hex", "base64"] = "text"  # noqa: S105
    """How the secret is written in the Connection.

    Example: ``secret_encoding: hex``
    """
    signed: Annotated[str, Field(max_length=1000)] = "{body}"
    """What was signed: any text with ``{body}`` (as it was sent), ``{timestamp}`` (as the header writes it) and
    ``{method}``.

    Example:
        signed: "v0:{timestamp}:{body}"
        timestamp: {header: X-Shop-Time}
    """
    timestamp: Timestamp | None = None
    """Where the time of sending stands. ``signed`` must contain ``{timestamp}``: a time that is not signed proves
    nothing.

    Example:
        timestamp: {header: X-Shop-Time}
        signed: "{timestamp}.{body}"
    """

    @model_validator(mode="after")
    def _whole(self) -> Self:
        used = set(_PLACEHOLDER.findall(self.signed))
        if unknown := sorted(used - _PLACEHOLDERS):
            raise ValueError(f"signed knows {{body}}, {{timestamp}} and {{method}}, not {{{unknown[0]}}}")
        if "body" not in used:
            raise ValueError("signed has to hold {body}: else anything could be sent with a signature once seen")
        if ("timestamp" in used) != (self.timestamp is not None):
            raise ValueError(
                "timestamp and {timestamp} in signed go together: a time that is not signed proves nothing"
            )
        stamp = self.timestamp
        if stamp is not None and stamp.header is None and stamp.field is None:
            raise ValueError("timestamp needs its header, or its field in the header of the signature")
        return self


class StandardProof(ShortForm):
    """Standard Webhooks (https://www.standardwebhooks.com): headers ``webhook-id``, ``-timestamp``, ``-signature``."""

    short_form: ClassVar[str] = "secret"

    secret: Secrets
    """The Connection whose password is the secret, with or without ``whsec_``; or a list of them.

    Example: ``secret: shop_webhook``
    """
    tolerance: Duration = Field(default="5m", validate_default=True)
    """How far the timestamp may be from this server's clock.

    Example: ``tolerance: 10m``
    """
    prefix: Annotated[str, Field(pattern=r"^[a-z]+$", max_length=20)] = "webhook"
    """What the headers' names begin with: ``svix`` for senders that have kept the older names.

    Example: ``prefix: svix``
    """


class HeaderProof(Model):
    """A secret that the sender puts into a header as it is. Whoever sees one request knows it."""

    name: HeaderName
    """The header.

    Example: ``name: X-Api-Key``
    """
    secret: Secrets
    """The Connection whose password is the header's whole value, or a list of them.

    Example: ``secret: shop_webhook``
    """


class BasicProof(ShortForm):
    """Basic authentication: a Connection's login and password."""

    short_form: ClassVar[str] = "secret"

    secret: Secrets
    """The Connection with login and password, or a list of them.

    Example: ``secret: shop_webhook``
    """


class VendorProof(ShortForm):
    """A form that is known by its vendor's name."""

    short_form: ClassVar[str] = "secret"

    secret: Secrets
    """The Connection whose password is the secret, or a list of them.

    Example: ``secret: shop_webhook``
    """


class Verify(ShortForm):
    """Exactly one of these. ``verify: none`` means that nobody has to prove anything."""

    short_form: ClassVar[str] = "none"

    none: Literal["none"] | None = None
    """The sender proves nothing: everybody who knows the address may send.

    Example: ``none: none``
    """
    hmac: HmacProof | None = None
    """A signature of the body.

    Example: ``hmac: {header: X-Shop-Hmac-Sha256, encoding: base64, secret: shop_webhook}``
    """
    standard: StandardProof | None = None
    """Standard Webhooks.

    Example: ``standard: {secret: shop_webhook}``
    """
    header: HeaderProof | None = None
    """A secret in a header.

    Example: ``header: {name: X-Api-Key, secret: shop_webhook}``
    """
    basic: BasicProof | None = None
    """Login and password.

    Example: ``basic: {secret: shop_webhook}``
    """
    github: VendorProof | None = None
    """GitHub, Gitea, Forgejo: ``X-Hub-Signature-256``.

    Example: ``github: {secret: github_webhook}``
    """
    shopify: VendorProof | None = None
    """Shopify: ``X-Shopify-Hmac-Sha256``.

    Example: ``shopify: {secret: shop_webhook}``
    """
    slack: VendorProof | None = None
    """Slack: ``X-Slack-Signature``, with its timestamp.

    Example: ``slack: {secret: slack_signing_secret}``
    """
    stripe: VendorProof | None = None
    """Stripe: ``Stripe-Signature: t=…,v1=…``.

    Example: ``stripe: {secret: stripe_webhook}``
    """
    woocommerce: VendorProof | None = None
    """WooCommerce: ``X-WC-Webhook-Signature``.

    Example: ``woocommerce: {secret: shop_webhook}``
    """
    xero: VendorProof | None = None
    """Xero: ``x-xero-signature``.

    Example: ``xero: {secret: xero_webhook}``
    """
    zoom: VendorProof | None = None
    """Zoom: ``x-zm-signature``, with its timestamp.

    Example: ``zoom: {secret: zoom_webhook}``
    """

    @model_validator(mode="after")
    def _one(self) -> Self:
        named = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if not named:
            raise ValueError(f"one of {', '.join(type(self).model_fields)} belongs here")
        if len(named) > 1:
            raise ValueError(f"{' and '.join(named)} exclude each other: a sender has one way to prove who it is")
        return self

    @property
    def proof(self) -> HmacProof | StandardProof | HeaderProof | BasicProof | None:
        """The one way, a vendor's name put in general terms; None: there is none."""
        for vendor, form in _VENDORS.items():
            named: VendorProof | None = getattr(self, vendor)
            if named is not None:
                return HmacProof.model_validate({**form, "secret": named.secret})
        return self.hmac or self.standard or self.header or self.basic


_VENDORS: dict[str, dict[str, object]] = {
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    "github": {"header": "X-Hub-Signature-256", "prefix": "sha256="},
    # https://shopify.dev/docs/apps/build/webhooks/subscribe/https
    "shopify": {"header": "X-Shopify-Hmac-Sha256", "encoding": "base64"},
    # https://api.slack.com/authentication/verifying-requests-from-slack
    "slack": {
        "header": "X-Slack-Signature",
        "prefix": "v0=",
        "signed": "v0:{timestamp}:{body}",
        "timestamp": {"header": "X-Slack-Request-Timestamp"},
    },
    # https://docs.stripe.com/webhooks#verify-manually
    "stripe": {
        "header": "Stripe-Signature",
        "field": "v1",
        "signed": "{timestamp}.{body}",
        "timestamp": {"field": "t"},
    },
    # https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks
    "woocommerce": {"header": "X-WC-Webhook-Signature", "encoding": "base64"},
    # https://developer.xero.com/documentation/webhooks/configuring-your-server
    "xero": {"header": "x-xero-signature", "encoding": "base64"},
    # https://developers.zoom.us/docs/api/webhooks/#verify-webhook-events
    "zoom": {
        "header": "x-zm-signature",
        "prefix": "v0=",
        "signed": "v0:{timestamp}:{body}",
        "timestamp": {"header": "x-zm-request-timestamp"},
    },
}
