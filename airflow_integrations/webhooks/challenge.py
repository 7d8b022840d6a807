"""A sender asks whether the address is meant, before it sends anything."""

from __future__ import annotations

import hmac
import logging
import re
from typing import Any

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.route.webhooks.trigger import Echo, WebhookOptions
from airflow_integrations.route.webhooks.verification import HmacProof
from airflow_integrations.webhooks.request import Request
from airflow_integrations.webhooks.signatures import hmac_key
from airflow_integrations.webhooks.verification import AnySecrets

__all__ = ["answer_to_question", "echo", "to_confirm"]

log = logging.getLogger("airflow_integrations")
_WOOCOMMERCE = re.compile(rb"webhook_id=[0-9]{1,20}")
LONGEST = 1000
"""Characters that are sent back."""


async def echo(options: WebhookOptions, request: Request, secrets: AnySecrets) -> str | None:
    """The text to send back to a request that only asks; None: it does not, or it may not."""
    wanted = options.challenge
    if wanted == "woocommerce":
        return "" if request.method == "POST" and _WOOCOMMERCE.fullmatch(request.body) else None
    if not isinstance(wanted, Echo) or request.method not in ("GET", "POST"):
        return None
    text = request.query.get(wanted.param)
    if text is None or len(text) > LONGEST or not text.isprintable():
        return None
    if wanted.token is not None:
        given = request.query.get(wanted.token.param, "").encode("utf-8", "surrogatepass")
        try:
            (secret,) = await secrets.get(wanted.token.secret)
        except (SetupError, OutageError) as error:
            log.warning("webhook %s: its challenge cannot be answered: %s", options.path, error)
            return None
        if not hmac.compare_digest(given, secret.password.encode()):
            return None
    return text


async def answer_to_question(options: WebhookOptions, body: Any, secrets: AnySecrets) -> dict[str, str] | None:
    """What to answer a signed request that only asks; None: it brings an event. Raises SetupError."""
    if not isinstance(body, dict):
        return None
    if options.challenge == "slack" and body.get("type") == "url_verification":
        return {"challenge": str(body.get("challenge"))[:LONGEST]}
    if options.challenge == "zoom" and body.get("event") == "endpoint.url_validation":
        payload = body.get("payload")
        plain = str(payload.get("plainToken") if isinstance(payload, dict) else None)[:LONGEST]
        proof = options.verify.proof
        assert isinstance(proof, HmacProof)  # WebhookOptions
        first = (await secrets.get(proof.secret))[0]
        text = plain.encode("utf-8", "replace")
        return {"plainToken": plain, "encryptedToken": hmac.digest(hmac_key(proof, first), text, "sha256").hex()}
    return None


def to_confirm(options: WebhookOptions, body: Any) -> str | None:
    """Why a request that only asks waits for a person; None: it does not."""
    if options.challenge != "sns" or not isinstance(body, dict):
        return None
    return _SNS.get(str(body.get("Type")))


_SNS = {
    "SubscriptionConfirmation": "Amazon SNS sends nothing before the subscription is confirmed: visit the SubscribeURL",
    "UnsubscribeConfirmation": "the subscription was deleted: visit the SubscribeURL to have it again",
}
