"""Hostile requests: no error of the server, nothing stored that was not proven, no secret in a log."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import http.client
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from webhook_server import SECRETS, Served

from airflow_integrations.formats import ContentError, json
from airflow_integrations.route.webhooks.trigger import WebhookOptions
from airflow_integrations.webhooks.body import MAX_FIELDS, UnknownContent, read_content, unpacked
from airflow_integrations.webhooks.request import TooLarge

Serve = Callable[..., Served]
TYPES = [
    "application/json",
    "application/x-ndjson",
    "application/xml",
    "text/csv",
    "application/x-www-form-urlencoded",
    "text/csv; charset=utf-16",
    "application/json; charset=utf-7",
    "multipart/form-data; boundary=x",
    "",
    ";",
]
HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["Content-Type", "Content-Encoding", "Prefer", "X-Sign", "Authorization", "X-Forwarded-For", "Cookie", "X-Any"]
    ),
    st.one_of(st.sampled_from([*TYPES, "gzip", "deflate", "gzip, gzip", "wait=99999", "Basic Og=="]), HEADER),
    max_size=5,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
BODY = st.one_of(
    st.binary(max_size=300),
    JSON.map(lambda value: json.encode(value) if json_able(value) else b"{}"),
    st.binary(max_size=300).map(gzip.compress),
    st.sampled_from([b"[" * 50_000, b'{"id":' * 50_000, b"1e999999999", b'{"id":"\\ud800"}', b"\xef\xbb\xbf{}"]),
    st.sampled_from([b"a=1&" * 2000, b"<a>" * 5000, b'"' * 9000, b"\x00" * 100]),
    st.just(gzip.compress(b" " * 10_000_000)),
)
PATHS = [
    "open",
    "signed",
    "basic",
    "nothing",
    "",
    "open/",
    "open?wait=60",
    "%00",
    "open%2f",
    "..%2f",
    "%C3%A9",
    "a" * 3000,
]
METHODS = ["GET", "POST", "HEAD", "PUT", "OPTIONS", "PATCH", "DELETE", "TRACE", "QUERY"]
ROUTES = {
    "open": 'webhook: {path: open, verify: none, event_id: \'body.id or headers["x-any"] or "e"\', max_size: 100KB}',
    "signed": "webhook: {path: signed, verify: {hmac: {header: X-Sign, secret: shop}}, records: body.orders}",
    "basic": "webhook: {path: basic, verify: {basic: shop}, challenge: slack}",
}


def json_able(value: Any) -> bool:
    try:
        json.encode(value)
    except (TypeError, ValueError):
        return False
    return True


@pytest.fixture
def served(serve: Serve, caplog: pytest.LogCaptureFixture) -> Iterator[Served]:
    caplog.set_level(logging.DEBUG)
    yield serve(**ROUTES)
    told = caplog.get_records("call")
    text = "\n".join(map(logging.Formatter().format, told))
    for secret in SECRETS.values():
        assert secret.password not in text
    assert [record for record in told if record.exc_info and not record.name.startswith("asyncio")] == []


def ask(served: Served, method: str, path: str, headers: dict[str, str], body: bytes) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    try:
        address = f"/integrations/hooks/{path}".encode().decode("latin-1")
        connection.putrequest(method, address, skip_host=False, skip_accept_encoding=True)
        for name, text in headers.items():
            connection.putheader(name, text.encode("latin-1"))
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        return connection.getresponse().status
    finally:
        connection.close()


WITH_A_SERVER = settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@WITH_A_SERVER
@given(method=st.sampled_from(METHODS), path=st.sampled_from(PATHS), headers=HEADERS, body=BODY)
def test_no_request_is_an_error_of_the_server(
    served: Served, method: str, path: str, headers: dict[str, str], body: bytes
) -> None:
    status = ask(served, method, path, headers, body)
    may = {200, 202, 400, 401, 413, 415} if path.startswith("open") and method == "POST" else {400, 401, 413}
    assert status in may, (method, path, headers, body[:80])
    assert {event["route"] for event in served.events()} <= {"open"}


@WITH_A_SERVER
@given(headers=HEADERS, body=BODY)
def test_no_content_of_a_known_sender_is_one(served: Served, headers: dict[str, str], body: bytes) -> None:
    sign = hmac.new(SECRETS["shop"].password.encode(), body, hashlib.sha256).hexdigest()
    status = ask(served, "POST", "signed", headers | {"X-Sign": sign}, body)
    assert status in {200, 202, 400, 413, 415}


@WITH_A_SERVER
@given(st.binary(max_size=400))
def test_no_bytes_are_one(served: Served, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as raw:
        head = b"POST /integrations/hooks/open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        raw.sendall(head + sent + b"\r\n\r\n")
        raw.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := raw.recv(65_536):
            answer += piece
    assert b" 500 " not in answer.partition(b"\r\n")[0]


OPTIONS = WebhookOptions.model_validate({"path": "a", "verify": "none", "max_size": 20_000})


@given(content_type=st.sampled_from(TYPES), body=BODY)
def test_readers_give_plain_values_or_say_what_is_wrong(content_type: str, body: bytes) -> None:
    try:
        value = read_content(body, content_type, OPTIONS)
    except (ContentError, UnknownContent):
        return
    json.encode_anyhow(value)


@given(st.binary(max_size=500), st.integers(0, 600))
def test_what_is_unpacked_is_what_was_packed_or_too_large(content: bytes, most: int) -> None:
    for coding, packed in (("gzip", gzip.compress(content)), ("X-GZip ", gzip.compress(content)), ("", content)):
        try:
            assert unpacked(packed, coding, most) == content
        except TooLarge:
            assert len(content) > most


def test_a_bomb_is_noticed_before_it_fills_the_memory() -> None:
    import tracemalloc

    bomb = gzip.compress(gzip.compress(b"\0" * 200_000_000))
    tracemalloc.start()
    inner = unpacked(bomb, "gzip", 1_000_000)
    with pytest.raises(TooLarge):
        unpacked(inner, "gzip", 1_000_000)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_a_form_has_not_too_many_fields() -> None:
    kind = "application/x-www-form-urlencoded"
    assert len(read_content(b"&".join(b"a%d=1" % n for n in range(MAX_FIELDS)), kind, OPTIONS)) == MAX_FIELDS
    with pytest.raises(ContentError, match="over 1000 fields"):
        read_content(b"&".join(b"a%d=1" % n for n in range(MAX_FIELDS + 1)), kind, OPTIONS)
