"""A sender asks whether the address is meant, before it sends anything."""

from __future__ import annotations

import hmac
from typing import Any

from airflow_integrations.hooks.proof import AnySecrets
from airflow_integrations.hooks.request import Request
from airflow_integrations.hooks.signatures import hmac_key
from airflow_integrations.webhook import Echo, WebhookOptions
from airflow_integrations.webhook_verify import HmacProof, Verify

__all__ = ["answer_to_question", "echo"]

LONGEST = 1000
"""Characters that are sent back."""


async def echo(options: WebhookOptions, request: Request, secrets: AnySecrets) -> str | None:
    """The text to send back to a request that only asks; None: it does not, or it may not. Raises SetupError."""
    wanted = options.challenge
    if not isinstance(wanted, Echo) or request.method not in ("GET", "POST"):
        return None
    text = request.query.get(wanted.param)
    if text is None or len(text) > LONGEST or not text.isprintable():
        return None
    if wanted.token is not None:
        given = request.query.get(wanted.token.param, "").encode("utf-8", "surrogatepass")
        (secret,) = await secrets.get(wanted.token.secret)
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
        assert isinstance(options.verify, Verify)  # WebhookOptions
        proof = options.verify.proof
        assert isinstance(proof, HmacProof)
        first = (await secrets.get(proof.secret))[0]
        text = plain.encode("utf-8", "replace")
        return {"plainToken": plain, "encryptedToken": hmac.digest(hmac_key(proof, first), text, "sha256").hex()}
    return None
