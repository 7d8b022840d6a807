"""What an error answer says to people, wherever in it that stands."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.http.error_text import message_in, message_of
from airflow_integrations.http.message import Answer, Request

SOAP = b"""<?xml version="1.0"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>
<soap:Fault><faultcode>soap:Server</faultcode><faultstring>Customer &lt;Ann&gt; is blocked</faultstring>
<detail><m:note xmlns:m="urn:m"><m:message><![CDATA[limit < order]]></m:message></m:note></detail>
</soap:Fault></soap:Body></soap:Envelope>"""
SOAP_12 = b"""<env:Envelope xmlns:env="x"><env:Body><env:Fault><env:Code><env:Value>env:Sender</env:Value></env:Code>
<env:Reason><env:Text xml:lang="en">no such sku</env:Text></env:Reason></env:Fault></env:Body></env:Envelope>"""


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": "no customer"}, "no customer"),
        ({"error": {"code": "E7", "message": "no customer", "trace": "at x.y\nat z"}}, "E7: no customer"),
        (  # RFC 9457
            {
                "type": "https://example.com/probs/out-of-credit",
                "title": "You do not have enough credit.",
                "detail": "Your balance is 30, but that costs 50.",
                "instance": "/account/12345/msgs/abc",
                "status": 403,
            },
            "out-of-credit: You do not have enough credit; Your balance is 30, but that costs 50.",
        ),
        ({"type": "about:blank", "title": "Bad Request", "detail": "no sku"}, "Bad Request; no sku"),
        (  # OData 2 and 4
            {"error": {"code": "SY/530", "message": {"lang": "en", "value": "Customer is blocked"}}},
            "SY/530: Customer is blocked",
        ),
        (
            {"error": {"code": "501", "message": "not so", "target": "query", "details": [{"message": "no $search"}]}},
            "501: not so (query); no $search",
        ),
        (  # GraphQL
            {"errors": [{"message": "Throttled", "path": ["a", 0], "extensions": {"code": "THROTTLED"}}], "data": None},
            "Throttled (a.0); THROTTLED",
        ),
        ({"errors": {"email": ["is taken", "is short"], "name": ["too long"]}}, None),
        ({"detail": [{"loc": ["body", "qty"], "msg": "field required", "type": "missing"}]}, None),
        ({"Meldung": "Kunde gesperrt", "Nr": 7, "ok": False}, "Meldung: Kunde gesperrt; Nr: 7; ok: false"),
        (
            {"ok": False, "order": "A-17x", "n": 1.5, "why": "no 2nd try"},
            'ok: false; order: "A-17x"; n: 1.5; why: no 2nd try',
        ),
        ([{"message": "bad id", "errorCode": "MALFORMED_ID", "fields": ["Id"]}], "MALFORMED_ID: bad id (Id)"),
        ({"errors": ["a", "b"]}, "a; b"),
        ({"code": 7, "total": 1.10}, "code: 7; total: 1.1"),
        ({"timestamp": "t", "status": 422, "path": "/o", "trace": "x" * 9000, "message": "blocked"}, "blocked"),
        ({"message": "blocked", "detail": "blocked"}, "blocked"),
        ({"message": "two\n\nlines"}, "two lines"),
    ],
)
def test_json(body: Any, message: str | None) -> None:
    told = message_in(json.dumps(body).encode())
    if message is not None:
        assert told == message
    for text in ("is taken", "field required", "qty"):
        assert (text in (told or "")) == (text in json.dumps(body))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (SOAP, "soap:Server: Customer <Ann> is blocked; limit < order"),
        (SOAP_12, "no such sku"),
        (b"<error><code>12</code><message>No</message></error>", "12: No"),
        (b"<r><x>nothing known</x></r>", "nothing known"),
        (
            b"<!DOCTYPE html><html><style>a{}</style><h1>Oops &amp; sorry</h1><script>x()</script></html>",
            "Oops & sorry",
        ),
        (b"plain text", None),
        (b"{", None),
        (b"{}", None),
        (b"", None),
        (b"[" * 100_000, None),
    ],
)
def test_other_content(content: bytes, message: str | None) -> None:
    assert message_in(content) == message


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(
                st.sampled_from(["error", "errors", "message", "code", "field", "x", "", "path", "value"]), x
            )
        ),
        max_leaves=30,
    )
)
def test_any_value_has_one_line_or_none(value: Any) -> None:
    told = message_of(value)
    assert told is None or (told.split() and "\n" not in told)


@pytest.mark.parametrize("piece", [b"<", b"<a ", b"<script", b"<a>x</", b"<![CDATA[", b'{"a":', b'[{"message":"x"},'])
def test_hostile_content_takes_linear_time(piece: bytes) -> None:
    for head in (b"", b"<!doctype html>", b"<?xml?>"):
        once, eight = (head + piece * (count // len(piece)) for count in (100_000, 800_000))
        assert best_of(5, eight) < 24 * best_of(5, once) + 0.01


def best_of(times: int, content: bytes) -> float:
    """Seconds of this thread's CPU, where nothing came between."""
    took = []
    for _ in range(times):
        began = time.thread_time()
        message_in(content)
        took.append(time.thread_time() - began)
    return min(took)


def answer(content: bytes, *secrets: str) -> Answer:
    def redact(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "***")
        return text

    return Answer(500, {}, content, "http://x", Request("POST", "/o"), redact=redact)


def test_a_reason_that_stands_far_behind_is_still_told() -> None:
    body = {"trace": "at com.example.Order\n" * 300, "message": "customer is blocked"}
    assert answer(json.dumps(body).encode()).said() == "customer is blocked"
    long = b"Traceback (most recent call last):\n" + b"  File x, line 1\n" * 500 + b"ValueError: customer is blocked"
    said = answer(long).said()
    assert said.startswith("Traceback")
    assert said.endswith("ValueError: customer is blocked")
    assert len(said) <= 400


def test_secrets_are_taken_out_after_decoding_and_before_cutting() -> None:
    body = json.dumps({"message": "bad token gr\u00fcn-geheim " + "x" * 600})
    said = answer(body.encode(), "gr\u00fcn-geheim").said()
    assert said.startswith("bad token *** xxx")
    assert len(said) == 400
    for shift in range(0, 500, 7):
        long = b"y " * 300 + b"z" * shift + b" sEcReT-value " + b"w " * 60
        assert "sEc" not in answer(long, "sEcReT-value").said()
        assert "alue" not in answer(long, "sEcReT-value").said()
