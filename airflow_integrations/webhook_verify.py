"""``trigger.webhook.verify``: how the sender of a webhook proves who it is."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from airflow_integrations.model import ConnectionId, Duration, Model, ShortForm

__all__ = ["BasicProof", "HeaderProof", "HmacProof", "Secrets", "StandardProof", "Timestamp", "VendorProof", "Verify"]

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~\-]+$", max_length=100)]
Secrets = ConnectionId | Annotated[tuple[ConnectionId, ...], Field(min_length=1, max_length=10)]
"""A Connection whose password is the secret; or several, of which one has to fit: while a secret is being replaced."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PLACEHOLDERS = frozenset({"body", "timestamp", "method"})


class Timestamp(Model):
    """When the sender says that it sent the request: what is old was recorded, and is sent again by somebody else."""

    header: HeaderName | None = None
    """The header that it stands in; that of the signature where it is left out. Seconds or milliseconds since 1970, or
    RFC 3339."""
    field: Annotated[str, Field(min_length=1, max_length=50)] | None = None
    """Its name in a header of several fields, such as ``t`` in ``t=…,v1=…``."""
    tolerance: Duration = Field(default="5m", validate_default=True)
    """How far it may be from this server's clock."""


class HmacProof(Model):
    """A signature of the body with a secret that both sides know."""

    header: HeaderName
    """The header with the signature, such as ``X-Shop-Hmac-Sha256``."""
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    """Of the HMAC."""
    encoding: Literal["hex", "base64"] = "hex"
    """How the signature is written."""
    prefix: Annotated[str, Field(max_length=50)] = ""
    """What stands before it, such as ``sha256=``."""
    field: Annotated[str, Field(min_length=1, max_length=50)] | None = None
    """Its name in a header of several fields, such as ``v1`` in ``t=…,v1=…``. One of several is enough."""
    secret: Secrets
    """The Connection whose password is the secret, or a list of them: one has to fit."""
    secret_encoding: Literal["text", "hex", "base64"] = "text"  # noqa: S105
    """How the secret is written in the Connection."""
    signed: Annotated[str, Field(max_length=1000)] = "{body}"
    """What was signed: ``{body}`` as it was sent, with ``{timestamp}`` as the header writes it, ``{method}``, and any
    text, such as ``v0:{timestamp}:{body}``."""
    timestamp: Timestamp | None = None
    """Where the time of sending stands. It protects from nothing where ``signed`` does not hold it."""

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
    """The Connection whose password is the secret, with or without ``whsec_``; or a list of them."""
    tolerance: Duration = Field(default="5m", validate_default=True)
    """How far the timestamp may be from this server's clock."""
    prefix: Annotated[str, Field(pattern=r"^[a-z]+$", max_length=20)] = "webhook"
    """What the headers' names begin with: ``svix`` for senders that have kept the older names."""


class HeaderProof(Model):
    """A secret that the sender puts into a header as it is. Whoever sees one request knows it."""

    name: HeaderName
    """The header."""
    secret: Secrets
    """The Connection whose password is the header's whole value, or a list of them."""


class BasicProof(ShortForm):
    """Basic authentication: a Connection's login and password."""

    short_form: ClassVar[str] = "secret"

    secret: Secrets
    """The Connection with login and password, or a list of them."""


class VendorProof(ShortForm):
    """A form that is known by its vendor's name."""

    short_form: ClassVar[str] = "secret"

    secret: Secrets
    """The Connection whose password is the secret, or a list of them."""


class Verify(Model):
    """Exactly one way."""

    hmac: HmacProof | None = None
    """A signature of the body."""
    standard: StandardProof | None = None
    """Standard Webhooks."""
    header: HeaderProof | None = None
    """A secret in a header."""
    basic: BasicProof | None = None
    """Login and password."""
    github: VendorProof | None = None
    """GitHub, Gitea, Forgejo: ``X-Hub-Signature-256``."""
    shopify: VendorProof | None = None
    """Shopify: ``X-Shopify-Hmac-Sha256``."""
    slack: VendorProof | None = None
    """Slack: ``X-Slack-Signature``, with its timestamp."""
    stripe: VendorProof | None = None
    """Stripe: ``Stripe-Signature: t=…,v1=…``."""
    woocommerce: VendorProof | None = None
    """WooCommerce: ``X-WC-Webhook-Signature``."""
    zoom: VendorProof | None = None
    """Zoom: ``x-zm-signature``, with its timestamp."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        named = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if not named:
            raise ValueError(f"one of {', '.join(type(self).model_fields)} belongs here")
        if len(named) > 1:
            raise ValueError(f"{' and '.join(named)} exclude each other: a sender has one way to prove who it is")
        return self

    @property
    def proof(self) -> HmacProof | StandardProof | HeaderProof | BasicProof:
        """The one way, a vendor's name put in general terms."""
        for vendor, form in _VENDORS.items():
            named: VendorProof | None = getattr(self, vendor)
            if named is not None:
                return HmacProof.model_validate({**form, "secret": named.secret})
        found = self.hmac or self.standard or self.header or self.basic
        assert found is not None  # _one
        return found


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
    # https://developers.zoom.us/docs/api/webhooks/#verify-webhook-events
    "zoom": {
        "header": "x-zm-signature",
        "prefix": "v0=",
        "signed": "v0:{timestamp}:{body}",
        "timestamp": {"header": "x-zm-request-timestamp"},
    },
}
