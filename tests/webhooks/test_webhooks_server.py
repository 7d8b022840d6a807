"""From a request to the inbox: what is answered, and what is stored by then."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from webhook_server import SECRETS, Served, write_route

Serve = Callable[..., Served]
HMAC = "webhook: {path: shop/orders, verify: {hmac: {header: X-Sign, secret: shop}}%s}"
OPEN = "webhook: {path: open, verify: none%s}"


def signed(body: bytes, secret: str = "shop", **headers: str) -> dict[str, str]:
    sign = hmac.new(SECRETS[secret].password.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Sign": sign, "Content-Type": "application/json", **headers}


def stored(served: Served) -> list[tuple[str, str, Any]]:
    return [(event["route"], event["event_id"], json.loads(event["body"])) for event in served.events()]


def test_what_is_answered_is_in_the_inbox_and_the_bell_has_rung(serve: Serve) -> None:
    served = serve(orders=HMAC % ", event_id: body.id, records: body.orders, wait: false")
    body = b'{"id": "e-1", "orders": [{"id": 1, "total": 12345678901234567890.10}, {"id": 2}]}'
    answer = served.post("shop/orders", body, signed(body))
    assert (answer.status_code, answer.json()) == (202, {"event": "e-1", "entities": 2})
    (event,) = served.events()
    assert (event["route"], event["event_id"], event["source"], event["wanted"]) == ("orders", "e-1", "webhook", False)
    assert event["body"] == b'[{"id":1,"total":12345678901234567890.10},{"id":2}]'
    until = time.monotonic() + 20
    while not served.rung and time.monotonic() < until:  # it is answered first
        time.sleep(0.01)
    assert served.rung == ["orders"]
    again = served.post("shop/orders", body, signed(body))
    assert (again.status_code, again.json()) == (200, {"event": "e-1", "entities": 2})
    assert len(served.events()) == 1
    served.intake.close()  # what it was about to ring for is rung for
    assert served.rung == ["orders"]


def test_without_event_id_each_request_is_an_event(serve: Serve) -> None:
    served = serve(orders=OPEN % "")
    ids = {served.post("open", {"id": 1}).json()["event"] for _ in range(3)}
    assert len(ids) == len(served.events()) == 3


def test_an_empty_list_is_taken_and_nothing_is_stored(serve: Serve) -> None:
    served = serve(orders=OPEN % ", records: body.orders, event_id: '\"x\"'")
    answer = served.post("open", {"orders": []})
    assert (answer.status_code, answer.json()) == (202, {"event": "x", "entities": 0})
    assert served.events() == []
    assert served.rung == []


def test_several_routes_get_of_one_event_what_is_theirs(serve: Serve) -> None:
    shared = ", event_id: body.id"
    served = serve(
        orders=OPEN % (shared + ", records: body.orders"),
        customers=OPEN % (shared + ", records: body.customer"),
        returns=OPEN % (shared + ", records: body.returns"),
    )
    answer = served.post("open", {"id": 7, "orders": [{"id": 1}, {"id": 2}], "customer": {"id": "c"}})
    assert answer.json() == {"event": "7", "entities": 3}
    assert stored(served) == [("customers", "7", [{"id": "c"}]), ("orders", "7", [{"id": 1}, {"id": 2}])]
    served.intake.close()  # what it was about to ring for is rung for
    assert sorted(served.rung) == ["customers", "orders"]


def test_routes_that_believe_different_senders_are_not_served(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    served = serve(orders=OPEN % "", others="webhook: {path: open, verify: {basic: shop}}")
    assert served.post("open", {"id": 1}).status_code == 401
    assert "another verify" in caplog.text


def test_who_proves_nothing_learns_nothing(serve: Serve) -> None:
    served = serve(
        orders=HMAC % ", max_size: 10KB", large="webhook: {path: large, verify: {basic: shop}, max_size: 2MB}"
    )
    body = b'{"id": 1}'

    def seen(method: str, path: str, body: bytes = body, **headers: str) -> tuple[Any, ...]:
        answer = served.send(method, path, body, headers)
        told = {name: text for name, text in answer.headers.items() if name.lower() != "date"}
        return answer.status_code, answer.content, told

    unknown = seen("POST", "nothing/here")
    assert unknown[:2] == (401, b"")
    for method in ("POST", "GET", "PUT", "DELETE", "OPTIONS"):
        for path in ("shop/orders", "large", "nothing/here", "", "shop", "shop/orders/", "../hooks/shop/orders"):
            assert seen(method, path) == unknown, (method, path)
    assert seen("POST", "shop/orders", body, **{"X-Sign": "0" * 64}) == unknown
    assert seen("POST", "large", Authorization="Basic nonsense") == unknown
    for size in (50_000, 1_500_000, 2_500_000):
        of_unknown = seen("POST", "nothing/here", b"x" * size)
        assert seen("POST", "shop/orders", b"x" * size) == of_unknown == seen("POST", "large", b"x" * size)
    assert served.events() == []


def test_one_of_several_secrets_has_to_fit(serve: Serve) -> None:
    served = serve(orders="webhook: {path: a, verify: {hmac: {header: X-Sign, secret: [shop, shop_old]}}}")
    body = b'{"id": 1}'
    assert [served.post("a", body, signed(body, name)).status_code for name in ("shop", "shop_old", "token")] == [
        202,
        202,
        401,
    ]


def test_a_secret_that_cannot_be_had_is_the_operators_matter(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    served = serve(orders="webhook: {path: a, verify: {basic: nobody_made_it}}")
    broken, unknown = (served.session.post(served.url + path, json={"id": 1}, auth=("shop", "x")) for path in "ab")
    told = [{name: text for name, text in each.headers.items() if name != "date"} for each in (broken, unknown)]
    assert (broken.status_code, broken.content, told[0]) == (401, b"", told[1])
    assert (unknown.status_code, unknown.content) == (401, b"")
    assert "webhook a: refused, its secret cannot be used: there is no Connection 'nobody_made_it'" in caplog.text


def test_a_challenge_whose_connection_is_missing_tells_nothing(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    echo = "challenge: {param: c, token: {param: t, secret: nobody_made_it}}"
    served = serve(orders=f"webhook: {{path: a, verify: {{basic: shop}}, {echo}}}")
    answer = served.send("GET", "a?c=1&t=x")
    assert (answer.status_code, answer.content) == (401, b"")
    assert "nobody_made_it" in caplog.text


def test_the_size_is_bounded_in_every_form(serve: Serve) -> None:
    served = serve(orders=OPEN % ", max_size: 10KB")
    large = json.dumps([{"id": "x" * 500} for _ in range(30)]).encode()
    plain = {"Content-Type": "application/json"}
    packed = plain | {"Content-Encoding": "gzip"}
    assert served.post("open", large, plain).status_code == 413
    assert served.post("open", gzip.compress(large), packed).status_code == 413
    assert served.post("open", gzip.compress(b"[" + b" " * 50_000_000 + b"]"), packed).status_code == 413
    pieces = (large[at : at + 1000] for at in range(0, len(large), 1000))
    assert served.post("open", pieces, plain).status_code == 413
    assert served.post("open", gzip.compress(large[:7000] + large[-20:]), plain).status_code == 400
    assert served.events() == []
    assert served.post("open", gzip.compress(b'[{"id":1}]'), packed).json()["entities"] == 1
    assert served.post("open", iter([b'[{"id"', b":2}]"]), plain).json()["entities"] == 1


@pytest.mark.parametrize(
    ("content_type", "body", "records"),
    [
        ("application/json", b'{"id": 1.10}', [{"id": Decimal("1.10")}]),
        ("application/vnd.shop+json; charset=utf-8", b'[{"id": 1}]', [{"id": 1}]),
        ("application/x-ndjson", b'{"id": 1}\n{"id": 2}\n', [{"id": 1}, {"id": 2}]),
        ("application/x-www-form-urlencoded", b"id=7&tag=a&tag=%C3%A9", [{"id": "7", "tag": ["a", "é"]}]),
        ("application/xml", b"<order><id>7</id></order>", [{"order": {"id": "7"}}]),
        ("text/csv; charset=iso-8859-1", b"id,name\n7,Jos\xe9\n", [{"id": "7", "name": "José"}]),
    ],
)
def test_formats(serve: Serve, content_type: str, body: bytes, records: Any) -> None:
    served = serve(orders=OPEN % "")
    answer = served.post("open", body, {"Content-Type": content_type})
    assert answer.status_code == 202, answer.text
    (event,) = served.events()
    assert json.loads(event["body"], parse_float=Decimal) == records


@pytest.mark.parametrize(
    ("headers", "body", "status", "told"),
    [
        ({"Content-Type": "text/html"}, b"<p>", 415, "text/html"),
        ({}, b"{}", 415, "Content-Type none"),
        ({"Content-Type": "application/json", "Content-Encoding": "br"}, b"{}", 415, "'br'"),
        ({"Content-Type": "application/json"}, b'{"id": ', 400, "ends in the middle"),
        ({"Content-Type": "application/json"}, b'"text"', 400, "a text"),
        ({"Content-Type": "application/json"}, b'{"id": "\\ud83d"}', 400, "half of a surrogate pair"),
        ({"Content-Type": "application/xml"}, b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", 400, "entities"),
        ({"Content-Type": "text/csv"}, b"id\n1,2\n", 400, "2 values"),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"{}", 400, "not gzip"),
    ],
)
def test_a_known_sender_is_told_what_is_wrong(
    serve: Serve, headers: dict[str, str], body: bytes, status: int, told: str
) -> None:
    served = serve(orders=OPEN % "")
    answer = served.post("open", body, headers)
    assert (answer.status_code, told in answer.json()["detail"]) == (status, True), answer.text
    assert served.events() == []


@pytest.mark.parametrize(("body", "told"), [({}, "no event id"), ({"id": "x" * 251}, "251 characters")])
def test_an_event_needs_its_name_where_the_route_says_so(serve: Serve, body: Any, told: str) -> None:
    served = serve(orders=OPEN % ", event_id: body.id")
    answer = served.post("open", body)
    assert (answer.status_code, told in answer.json()["detail"]) == (400, True), answer.text


def test_a_format_of_the_route_counts_more_than_the_content_type(serve: Serve) -> None:
    served = serve(orders=OPEN % ', format: csv, csv: {delimiter: ";"}')
    served.post("open", b"id;n\n1;2\n", {"Content-Type": "text/plain"})
    assert stored(served)[0][2] == [{"id": "1", "n": "2"}]


def test_expressions_see_the_request_but_no_proof_of_the_sender(serve: Serve) -> None:
    served = serve(
        orders="webhook: {path: a/b, verify: {header: {name: X-Key, secret: shop}}, "
        'records: \'{"id": query.n, "from": headers["x-from"], "key": headers["x-key"], "at": subject}\'}'
    )
    answer = served.post("a/b?n=5&n=6", {}, {"X-Key": SECRETS["shop"].password, "X-From": "here"})
    assert answer.status_code == 202, answer.text
    assert stored(served)[0][2] == [{"id": "6", "from": "here", "key": None, "at": "a/b"}]


def test_files_that_change_are_read_again(serve: Serve) -> None:
    served = serve(orders=OPEN % "")
    served.post("open", {"id": 1})
    path = write_route(served.folder, "later", "webhook: {path: later, verify: none}")
    (served.folder / "orders.yaml").write_text("entity: {")  # broken while somebody edits it
    deadline = time.monotonic() + 20
    while served.post("later", {"id": 1}).status_code == 401:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert served.post("open", {"id": 1}).status_code == 202
    path.unlink()
    while served.post("later", {"id": 1}).status_code != 401:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_challenges(serve: Serve) -> None:
    served = serve(
        meta="webhook: {path: meta, verify: {github: shop}, "
        "challenge: {param: hub.challenge, token: {param: hub.verify_token, secret: token}}}",
        graph="webhook: {path: graph, verify: none, challenge: {param: validationToken}}",
        slack="webhook: {path: slack, verify: none, challenge: slack}",
        zoom="webhook: {path: zoom, verify: {hmac: {header: X-Sign, secret: shop}}, challenge: zoom}",
    )
    asked = "meta?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="
    answer = served.send("GET", asked + "verify-me")
    assert (answer.status_code, answer.text, answer.headers["Content-Type"]) == (
        200,
        "1158201444",
        "text/plain; charset=utf-8",
    )
    assert served.send("GET", asked + "wrong").status_code == 401
    assert served.post("graph?validationToken=Validation%3A+Testing").text == "Validation: Testing"
    assert served.post("graph", {"id": 1}).status_code == 202
    assert served.post("slack", {"type": "url_verification", "challenge": "3eZbrw1a"}).json() == {
        "challenge": "3eZbrw1a"
    }
    question = b'{"event": "endpoint.url_validation", "payload": {"plainToken": "qgg8vlvZRS6UYooatFL8Aw"}}'
    encrypted = hmac.new(SECRETS["shop"].password.encode(), b"qgg8vlvZRS6UYooatFL8Aw", hashlib.sha256).hexdigest()
    assert served.post("zoom", question, signed(question)).json() == {
        "plainToken": "qgg8vlvZRS6UYooatFL8Aw",
        "encryptedToken": encrypted,
    }
    assert served.post("zoom", question).status_code == 401
    assert len(served.events()) == 1


def test_requests_share_transactions_and_lose_nothing(serve: Serve) -> None:
    served = serve(orders=OPEN % ", event_id: body.id")
    answers: list[tuple[int, str]] = []

    def send(sender: int) -> None:
        import requests

        with requests.Session() as session:
            for at in range(30):
                answer = session.post(served.url + "open", json={"id": f"{sender}-{at}"})
                answers.append((answer.status_code, answer.json()["event"]))

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {status for status, _ in answers} == {202}
    assert {event_id for _, event_id in answers} == {event["event_id"] for event in served.events()}
    assert len(served.events()) == 240


def test_reasons_are_in_the_log_and_secrets_are_not(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    served = serve(orders=HMAC % "", basic="webhook: {path: b, verify: {basic: shop}}")
    with caplog.at_level(logging.DEBUG):
        for _ in range(5):
            served.post("shop/orders", b"{}", {"X-Sign": "0" * 64})
            served.session.post(served.url + "b", json={}, auth=("shop", "gu3ssed"))
            served.session.post(served.url + "b", json={}, auth=("shop", SECRETS["shop"].password))
            served.post("unknown", b"{}")
    assert caplog.text.count("webhook shop/orders: refused, the signature does not fit") == 1
    assert caplog.text.count("login or password are wrong") == 1
    for text in ("gu3ssed", *(secret.password for secret in SECRETS.values())):
        assert text not in caplog.text
