"""Errors of one kind are one group."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.http.error_text import message_in
from airflow_integrations.ledger.runs.error_fingerprint import fingerprint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("order 1042 is locked", "order 7 is locked"),
        ("no customer 'Ann'", "no customer 'Bob and son'"),
        ('field "sku" wants “A-1”', 'field "name" wants “B-2”'),
        ("ann@example.com is taken", "bob.b@mail.example.org is taken"),
        (
            "trace 3f2504e0-4f89-11d3-9a0c-0305e82c3301 failed",
            "trace 9b2f4d1a-0000-4a6b-8c1d-aaaaaaaaaaaa failed",
        ),
        ("request 9f86d081884c failed", "request 1234567890ab failed"),
        ("price 10.50 over 9,99 at 12:30:01", "price 7.25 over 12,1 at 01:02:03"),
    ],
)
def test_what_differs_from_entity_to_entity_does_not_count(one: str, other: str) -> None:
    assert fingerprint("refused", 422, one) == fingerprint("refused", 422, other)


JSON_REASONS = [
    '{"error": {"code": "E1", "message": "customer is blocked"}}',
    '{"error": {"code": "E1", "message": "no such sku"}}',
    '{"error": {"code": "GONE", "message": "no such sku"}}',
    '{"errors":[{"message":"no such sku"}]}',
    '{"errorMessage" : "stock is \\"low\\" here"}',
    '{"errorMessage" : "price is low"}',
    '{"detail": "cut in the mid',
]


def test_what_a_message_in_json_says_counts() -> None:
    assert len({fingerprint("refused", 422, f"422 Unprocessable: {text}") for text in JSON_REASONS}) == 7


def test_values_in_a_message_in_json_do_not_count() -> None:
    one = '{"message": "order 7 of \'Ann\' is \\"locked\\"", "customer": "Ann", "trace": "x1"}'
    other = '{"message": "order 8 of \'Bob\' is \\"open\\"", "customer": "Bob", "trace": "x2"}'
    assert fingerprint("refused", 422, one) == fingerprint("refused", 422, other)


def test_the_key_does_not_count() -> None:
    assert fingerprint("refused", 422, "ann is unknown", key="ann") == fingerprint(
        "refused", 422, "Bob|x is unknown", key="Bob|x"
    )


@pytest.mark.parametrize(
    "other",
    [("server", 422, "no such sku"), ("refused", 400, "no such sku"), ("refused", 422, "sku doesn't exist")],
)
def test_class_status_and_words_count(other) -> None:
    assert fingerprint("refused", 422, "no such sku") != fingerprint(*other)


def test_apostrophes_in_words_quote_nothing() -> None:
    assert fingerprint(None, None, "it doesn't fit, it can't") != fingerprint(None, None, "it doesn't go, it can't")


@given(st.none() | st.text(), st.text())
def test_any_message_has_one(message: str | None, key: str) -> None:
    assert len(fingerprint(None, None, message, key=key)) == 16


@pytest.mark.parametrize(
    "body",
    [
        '{"Message": "The request is invalid.", "ModelState": {"order.Customer": ["%s"]}}',
        '{"title": "One or more validation errors occurred.", "status": 400, "errors": {"Customer": ["%s"]}}',
        '{"title": "Bad", "invalid-params": [{"name": "customer", "reason": "%s"}]}',
        '{"message": "no", "fieldErrors": {"customer": "%s"}}',
        '{"message": "no", "violations": [{"propertyPath": "customer", "title": "%s"}]}',
        '{"message": "no", "issues": [["%s"]]}',
        '"%s"',
    ],
    ids=range(7),
)
def test_different_reasons_in_json_are_different_groups(body: str) -> None:
    told = [message_in((body % why).encode()) for why in ("customer is blocked", "article is unknown")]
    assert len({fingerprint("refused", 422, message) for message in told}) == 2
    assert "customer is blocked" in (told[0] or "")
