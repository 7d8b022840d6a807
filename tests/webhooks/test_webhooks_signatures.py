"""Signatures as vendors make them: their published examples, and what OpenSSL computes."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.route.webhooks.verification import Verify
from airflow_integrations.webhooks.request import Request
from airflow_integrations.webhooks.secrets import Secret
from airflow_integrations.webhooks.signatures import is_recent
from airflow_integrations.webhooks.verification import check

SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)


def why(
    verify: dict[str, Any], body: bytes, headers: dict[str, str], secrets: Sequence[str] = ("secret",), now: float = 0.0
) -> str | None:
    request = Request("POST", "a", {name.lower(): text for name, text in headers.items()}, {}, body)
    proof = Verify.model_validate(verify).proof
    assert proof is not None
    return check(proof, request, [Secret("me", secret) for secret in secrets], now)


def openssl(text: bytes, secret: str, algorithm: str = "sha256", *, hexkey: str | None = None) -> bytes:
    key = f"hexkey:{hexkey}" if hexkey else f"key:{secret}"
    command = ["openssl", "dgst", f"-{algorithm}", "-mac", "HMAC", "-macopt", key, "-binary"]
    return subprocess.run(command, input=text, capture_output=True, check=True).stdout


def test_github_published() -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation"""
    sign = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    secret = "It's a Secret to Everybody"
    assert why({"github": "c"}, b"Hello, World!", {"X-Hub-Signature-256": sign}, [secret]) is None
    assert why({"github": "c"}, b"Hello, World?", {"X-Hub-Signature-256": sign}, [secret]) is not None


def test_slack_published() -> None:
    """https://api.slack.com/authentication/verifying-requests-from-slack"""
    headers = {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    secret = ["8f742231b10e8888abcd99yyyzzz85a5"]
    assert why({"slack": "c"}, SLACK_BODY, headers, secret, 1531420700) is None
    assert why({"slack": "c"}, SLACK_BODY, headers, secret, 1531420618 + 301) == (
        "the timestamp is too far from this server's clock"
    )
    later = headers | {"X-Slack-Request-Timestamp": "1531420619"}
    assert why({"slack": "c"}, SLACK_BODY, later, secret, 1531420700) == "the signature does not fit"


STANDARD = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


@pytest.mark.parametrize("secret", ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_standard_webhooks_published(secret: str) -> None:
    """https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries"""
    body = b'{"test": 2432232314}'
    assert why({"standard": "c"}, body, STANDARD, [secret], 1614265330) is None
    several = STANDARD | {"webhook-signature": f"v1a,abc= v1,AAAA {STANDARD['webhook-signature']} v2,xyz"}
    assert why({"standard": "c"}, body, several, [secret], 1614265330) is None
    assert why({"standard": "c"}, body, STANDARD | {"webhook-id": "msg_other"}, [secret], 1614265330) is not None
    assert why({"standard": "c"}, body, STANDARD, [secret], 1614265330 + 301) is not None
    assert why({"standard": "c"}, body, {}, [secret], 1614265330) is not None
    svix = {name.replace("webhook", "svix"): text for name, text in STANDARD.items()}
    assert why({"standard": {"secret": "c", "prefix": "svix"}}, body, svix, [secret], 1614265330) is None


BODY = '{"total":"10.00","name":"José"}'.encode()
HEX = openssl(BODY, "secret").hex()


@pytest.mark.parametrize(
    ("verify", "headers"),
    [
        ({"shopify": "c"}, {"X-Shopify-Hmac-Sha256": base64.b64encode(openssl(BODY, "secret")).decode()}),
        ({"woocommerce": "c"}, {"X-WC-Webhook-Signature": base64.b64encode(openssl(BODY, "secret")).decode()}),
        ({"stripe": "c"}, {"Stripe-Signature": f"t=100,v1={openssl(b'100.' + BODY, 'secret').hex()},v0=00"}),
        ({"stripe": "c"}, {"Stripe-Signature": f"t=100,v1=00,v1={openssl(b'100.' + BODY, 'secret').hex()}"}),
        (
            {"zoom": "c"},
            {"x-zm-signature": f"v0={openssl(b'v0:100:' + BODY, 'secret').hex()}", "x-zm-request-timestamp": "100"},
        ),
        (  # Paddle
            {
                "hmac": {
                    "header": "Paddle-Signature",
                    "field": "h1",
                    "secret": "c",
                    "signed": "{timestamp}:{body}",
                    "timestamp": {"field": "ts"},
                }
            },
            {"Paddle-Signature": f"ts=100;h1={openssl(b'100:' + BODY, 'secret').hex()}"},
        ),
        (  # Zendesk
            {
                "hmac": {
                    "header": "X-Zendesk-Webhook-Signature",
                    "encoding": "base64",
                    "secret": "c",
                    "signed": "{timestamp}{body}",
                    "timestamp": {"header": "X-Zendesk-Webhook-Signature-Timestamp"},
                }
            },
            {
                "X-Zendesk-Webhook-Signature": base64.b64encode(
                    openssl(b"1970-01-01T00:01:40Z" + BODY, "secret")
                ).decode(),
                "X-Zendesk-Webhook-Signature-Timestamp": "1970-01-01T00:01:40Z",
            },
        ),
        (  # HubSpot v3: method, address, body, milliseconds
            {
                "hmac": {
                    "header": "X-HubSpot-Signature-v3",
                    "encoding": "base64",
                    "secret": "c",
                    "signed": "{method}https://airflow.example.com/integrations/hooks/hubspot{body}{timestamp}",
                    "timestamp": {"header": "X-HubSpot-Request-Timestamp"},
                }
            },
            {
                "X-HubSpot-Signature-v3": base64.b64encode(
                    openssl(
                        b"POSThttps://airflow.example.com/integrations/hooks/hubspot" + BODY + b"1700000000100",
                        "secret",
                    )
                ).decode(),
                "X-HubSpot-Request-Timestamp": "1700000000100",
            },
        ),
        (
            {"hmac": {"header": "X-S", "algorithm": "sha1", "secret": "c"}},
            {"X-S": openssl(BODY, "secret", "sha1").hex()},
        ),
        (
            {"hmac": {"header": "X-S", "algorithm": "sha512", "secret": "c"}},
            {"X-S": openssl(BODY, "secret", "sha512").hex().upper()},
        ),
        ({"header": {"name": "X-Key", "secret": "c"}}, {"X-Key": "secret"}),
        ({"basic": "c"}, {"Authorization": "Basic " + base64.b64encode(b"me:secret").decode()}),
    ],
)
def test_forms_of_vendors(verify: dict[str, Any], headers: dict[str, str]) -> None:
    now = 1_700_000_000.0 if "X-HubSpot-Signature-v3" in headers else 150.0
    assert why(verify, BODY, headers, now=now) is None
    assert why(verify, BODY, headers, ["another", "secret"], now=now) is None
    assert why(verify, BODY, headers, ["another"], now=now) is not None
    assert why(verify, BODY, {}, now=now) is not None
    if not ({"header", "basic"} & verify.keys()):
        assert why(verify, BODY + b" ", headers, now=now) is not None


def test_a_key_that_is_written_in_hex_or_base64() -> None:
    sign = openssl(BODY, "", hexkey="00ff10").hex()
    for encoding, secret in (("hex", "00ff10"), ("base64", "AP8Q")):
        verify = {"hmac": {"header": "X-S", "secret": "c", "secret_encoding": encoding}}
        assert why(verify, BODY, {"X-S": sign}, [secret]) is None


@given(
    sign=st.one_of(st.text(st.characters(max_codepoint=255)), st.just(HEX[:-1]), st.just(HEX + "0"), st.just("")),
    prefix=st.sampled_from(["", "sha256="]),
)
def test_no_other_text_is_a_signature(sign: str, prefix: str) -> None:
    assert why({"hmac": {"header": "X-S", "secret": "c", "prefix": prefix}}, BODY, {"X-S": sign}) is not None


@given(st.text(st.characters(max_codepoint=255)))
def test_hostile_headers_prove_nothing(text: str) -> None:
    for verify in ({"stripe": "c"}, {"slack": "c"}, {"basic": "c"}, {"standard": "c"}):
        names = ("stripe-signature", "x-slack-signature", "x-slack-request-timestamp", "authorization", *STANDARD)
        assert why(verify, b"{}", dict.fromkeys(names, text), ["c2VjcmV0"]) is not None


@pytest.mark.parametrize("stamp", ["", "-1", "1e3", "nan", "９９", "9" * 40, "2026-01-01", "2026-01-01T00:00:00", "٣"])
def test_stamps_that_say_nothing(stamp: str) -> None:
    assert not is_recent(stamp, 10**9, 0.0)
