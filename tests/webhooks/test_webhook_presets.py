"""Vendors that a preset knows: their documented samples, of tests of the address and of events."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import pytest
from webhook_server import SECRETS, Served

from airflow_integrations.ledger.inbox.unreadable_event import refused
from airflow_integrations.route.webhooks.presets import PRESETS

Serve = Callable[..., Served]
KEY = SECRETS["shop"].password.encode()
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


def digest(body: bytes) -> bytes:
    return hmac.digest(KEY, body, "sha256")


def base64_of(body: bytes) -> str:
    return base64.b64encode(digest(body)).decode()


def records(served: Served) -> list[tuple[str, Any]]:
    return [(event["event_id"], json.loads(event["body"])) for event in served.events()]


GITHUB = "webhook: {path: hub, preset: github, verify: {github: shop}%s}"


@pytest.mark.parametrize("form", [True, False])
def test_github_in_both_of_its_content_types(serve: Serve, form: bool) -> None:
    served = serve(issues=GITHUB % ", records: body.issue")
    event = b'{"action":"opened","issue":{"id":12345678901234567890,"title":"a & b"},"repository":{"id":1}}'

    def post(name: str, payload: bytes) -> Any:
        body = b"payload=" + quote_plus(payload).encode() if form else payload
        sign = {"X-Hub-Signature-256": f"sha256={digest(body).hex()}", "X-GitHub-Event": name}
        return served.post("hub", body, {**(FORM if form else JSON), **sign, "X-GitHub-Delivery": f"d-{name}"})

    answer = post("issues", event)
    assert (answer.status_code, answer.json()) == (202, {"event": "d-issues", "entities": 1})
    assert records(served) == [("d-issues", [{"id": 12345678901234567890, "title": "a & b"}])]


def test_githubs_ping_has_nothing_to_do(serve: Serve) -> None:
    served = serve(issues=GITHUB % "")
    body = b"payload=" + quote_plus('{"zen":"Design for failure.","hook_id":1}').encode()
    headers = {**FORM, "X-Hub-Signature-256": f"sha256={digest(body).hex()}", "X-GitHub-Event": "ping"}
    answer = served.post("hub", body, headers | {"X-GitHub-Delivery": "d-0"})
    assert (answer.status_code, answer.json(), served.events()) == (202, {"event": "d-0", "entities": 0}, [])
    unsigned = served.post("hub", body, headers | {"X-Hub-Signature-256": "sha256=00", "X-GitHub-Delivery": "d-0"})
    assert (unsigned.status_code, unsigned.content) == (401, b"")


def test_woocommerces_unsigned_ping_is_welcome_and_nothing_else_is(serve: Serve) -> None:
    served = serve(orders="webhook: {path: woo, preset: woocommerce, verify: {woocommerce: shop}}")
    answer = served.post("woo", b"webhook_id=17", FORM)
    assert (answer.status_code, answer.content, served.events()) == (200, b"", [])
    for body in (b"webhook_id=17&id=1", b"webhook_id=", b"id=17", b""):
        assert served.post("woo", body, FORM).status_code == 401
    body = b'{"id":727,"status":"processing","total":"29.35"}'
    headers = {**JSON, "X-WC-Webhook-Signature": base64_of(body), "X-WC-Webhook-Delivery-ID": "d8f1"}
    assert served.post("woo", body, headers).status_code == 202
    assert records(served) == [("d8f1", [{"id": 727, "status": "processing", "total": "29.35"}])]


def test_without_the_preset_such_a_ping_is_refused(serve: Serve) -> None:
    served = serve(orders="webhook: {path: woo, verify: {woocommerce: shop}}")
    assert served.post("woo", b"webhook_id=17", FORM).status_code == 401


def test_xeros_intent_to_receive(serve: Serve) -> None:
    served = serve(invoices="webhook: {path: xero, preset: xero, verify: {xero: shop}}")
    body = b'{"events":[],"lastEventSequence":0,"firstEventSequence":0,"entropy":"S0m3r4Nd0mt3xt"}'
    right = served.post("xero", body, {**JSON, "x-xero-signature": base64_of(body)})
    assert (right.status_code, right.content, "Set-Cookie" in right.headers) == (200, b"", False)
    wrong = served.post("xero", body, {**JSON, "x-xero-signature": base64_of(body + b" ")})
    assert (wrong.status_code, wrong.content) == (401, b"")
    assert served.events() == []
    event = b'{"events":[{"resourceId":"717f2bfc","eventCategory":"INVOICE","eventType":"UPDATE"}],"entropy":"x"}'
    taken = served.post("xero", event, {**JSON, "x-xero-signature": base64_of(event)})
    assert (taken.status_code, taken.content) == (200, b"")
    assert records(served)[0][1] == [{"resourceId": "717f2bfc", "eventCategory": "INVOICE", "eventType": "UPDATE"}]


def test_shopify(serve: Serve) -> None:
    """A repetition counts once; what is told in two topics, as one event of the shop, counts twice."""
    served = serve(orders="webhook: {path: s, preset: shopify, verify: {shopify: shop}}")
    body = b'{"id":820982911946154508,"email":"jon@example.com"}'
    headers = {**JSON, "X-Shopify-Hmac-Sha256": base64_of(body), "X-Shopify-Event-Id": "98880550-7158"}
    for topic, webhook_id in (("orders/create", "a"), ("orders/create", "a"), ("orders/paid", "b")):
        answer = served.post("s", body, headers | {"X-Shopify-Topic": topic, "X-Shopify-Webhook-Id": webhook_id})
        assert (answer.status_code, answer.content) == (200, b"")
    record = {"id": 820982911946154508, "email": "jon@example.com"}
    assert records(served) == [("a", [record]), ("b", [record])]


def test_stripe(serve: Serve) -> None:
    served = serve(payments="webhook: {path: s, preset: stripe, verify: {stripe: shop}}")
    body = b'{"id":"evt_1","object":"event","type":"charge.succeeded","data":{"object":{"id":"ch_1","amount":100}}}'
    stamp = str(int(time.time()))
    sign = hmac.new(KEY, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert served.post("s", body, {**JSON, "Stripe-Signature": f"t={stamp},v1={sign}"}).status_code == 202
    assert records(served) == [("evt_1", [{"id": "ch_1", "amount": 100}])]


def test_sns_writes_json_as_text_and_its_confirmation_waits_for_a_person(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    served = serve(orders="webhook: {path: sns, preset: sns, verify: {basic: shop}}")
    credentials = base64.b64encode(f"{SECRETS['shop'].login}:{SECRETS['shop'].password}".encode()).decode()
    headers = {"Content-Type": "text/plain; charset=UTF-8", "Authorization": f"Basic {credentials}"}

    def post(**fields: str) -> Any:
        return served.post(
            "sns", json.dumps({"TopicArn": "arn:aws:sns:us-west-2:123456789012:MyTopic", **fields}).encode(), headers
        )

    confirm = {
        "Type": "SubscriptionConfirmation",
        "MessageId": "165545c9",
        "SubscribeURL": "https://sns.example/?Token=t",
    }
    answer = post(**confirm, Message="You have chosen to subscribe to the topic MyTopic.")
    assert (answer.status_code, answer.content) == (200, b"")
    (event,) = served.events()
    told = refused(event["body"])
    assert told is not None
    assert "visit the SubscribeURL" in told.reason
    assert told.record["SubscribeURL"] == "https://sns.example/?Token=t"
    assert "visit the SubscribeURL" in caplog.text
    assert "Token=t" not in caplog.text
    assert post(Type="Notification", MessageId="22b80b92", Message='{"id": 1.10}').status_code == 200
    assert served.events()[1]["body"] == b'[{"id":1.10}]'
    assert served.events()[1]["event_id"] == "22b80b92"


@pytest.mark.parametrize("body", [{}, {"orders": None}, None])
def test_a_signed_event_without_records_is_kept_and_told(
    serve: Serve, caplog: pytest.LogCaptureFixture, body: Any
) -> None:
    served = serve(
        orders="webhook: {path: a, verify: {header: {name: X-Key, secret: shop}}, records: body.orders or None}"
    )
    answer = served.post("a", json.dumps(body).encode(), {**JSON, "X-Key": KEY.decode()})
    assert answer.status_code == 202
    assert answer.json()["entities"] == 0
    assert "no records" in answer.json()["error"]
    (event,) = served.events()
    told = refused(event["body"])
    assert told is not None
    assert (told.reason, told.record) == (answer.json()["error"], body)
    assert "is kept, and rejected" in caplog.text


def test_an_empty_list_says_that_nothing_is_expected(serve: Serve) -> None:
    served = serve(orders="webhook: {path: a, verify: none, records: body.orders}")
    assert served.post("a", {"orders": []}).json()["entities"] == 0
    assert served.events() == []


@pytest.mark.parametrize(
    ("answer", "status", "content"),
    [
        ("{status: 200}", 200, b'{"event":"e","entities":1}'),
        ("{status: 204, body: empty}", 204, b""),
        ("{text: accepted}", 202, b"accepted"),
        ("{body: empty}", 202, b""),
    ],
)
def test_what_a_sender_hears(serve: Serve, answer: str, status: int, content: bytes) -> None:
    served = serve(orders=f"webhook: {{path: a, verify: none, event_id: '\"e\"', answer: {answer}}}")
    got = served.post("a", {"id": 1})
    assert (got.status_code, got.content) == (status, content)
    bad = served.post("a", b"{", JSON)
    assert bad.status_code == 400
    assert bad.json()["detail"]


def test_what_a_route_says_counts_more_than_the_preset(serve: Serve) -> None:
    served = serve(orders="webhook: {path: a, preset: xero, verify: none, records: body.other, answer: {status: 201}}")
    assert served.post("a", {"other": {"id": 1}}).status_code == 201


def test_every_preset_has_a_test_of_its_own() -> None:
    assert set(PRESETS) == {"github", "woocommerce", "xero", "shopify", "stripe", "sns"}
