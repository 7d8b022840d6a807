"""Defaults of a webhook for senders that are known by name: how they write, name and test their events.

Each fact has the public page that says so, with the month in which it was read.
"""

from __future__ import annotations

from typing import Any

__all__ = ["PRESETS"]

PRESETS: dict[str, dict[str, Any]] = {
    # https://docs.github.com/en/webhooks/webhook-events-and-payloads (2026-11): X-GitHub-Delivery identifies the event,
    # X-GitHub-Event names it. https://github.com/github/rest-api-description, webhook-ping-form-encoded (2026-11): the
    # form, which is the default content type, has the JSON in `payload`. `ping` comes when a webhook is created.
    "github": {
        "form_json": "payload",
        "event_id": 'headers["x-github-delivery"]',
        "records": '[] if headers["x-github-event"] == "ping" else body',
    },
    # https://github.com/woocommerce/woocommerce, plugins/woocommerce/includes/class-wc-webhook.php (2026-11):
    # X-WC-Webhook-Delivery-ID names the delivery. When a webhook is created, an unsigned form `webhook_id=…` is posted
    # (deliver_ping), and wants exactly 200. More than five failures in a row disable the webhook.
    "woocommerce": {
        "challenge": "woocommerce",
        "event_id": 'headers["x-wc-webhook-delivery-id"]',
    },
    # https://developer.xero.com/documentation/webhooks/configuring-your-server (2026-11): 200 within 5 seconds, without
    # a body; 401 for a signature that does not fit. Its "intent to receive" is a signed `{"events": [], …}`.
    "xero": {
        "records": "body.events",
        "answer": {"status": 200, "body": "empty"},
    },
    # https://shopify.dev/docs/apps/build/webhooks/subscribe/https (2026-11): 200 acknowledges; others than 2xx are
    # errors. https://shopify.dev/docs/apps/build/webhooks/verify-deliveries (2026-11): repeated deliveries are known by
    # X-Shopify-Webhook-Id. https://github.com/Shopify/shopify-app-js/pull/3129 (2026-04): that is the idempotency key,
    # and X-Shopify-Event-Id, which names what happened in the shop, is another value. A route that takes several topics
    # would lose all but the first delivery of what happened, if that were the key.
    "shopify": {
        "event_id": 'headers["x-shopify-webhook-id"]',
        "answer": {"status": 200, "body": "empty"},
    },
    # https://docs.stripe.com/webhooks: any 2xx at once. https://docs.stripe.com/api/events/object: `id`, and the object
    # of the event in `data.object`.
    "stripe": {
        "event_id": "body.id",
        "records": "body.data.object",
    },
    # https://docs.aws.amazon.com/sns/latest/dg/http-header.html (2026-11): JSON as text/plain; the id stays the same in
    # repetitions. https://docs.aws.amazon.com/sns/latest/dg/http-subscription-confirmation-json.html (2026-11): nothing
    # comes before SubscribeURL was visited. `Message` of a notification is what was published, a text.
    "sns": {
        "format": "json",
        "challenge": "sns",
        "event_id": "body.MessageId",
        "records": "parse_json(body.Message)",
        "answer": {"status": 200, "body": "empty"},
    },
}
